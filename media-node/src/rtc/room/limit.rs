//! How much a client is told that it may send, in the answer to its offer (RFC 3890). Browsers take this line alone, and some libraries
//! no second one. Pure.

/// The answer with a limit for each picture: the peer's own, shared by all that it sends.
pub(super) fn limited(answer: &str, bits_per_second: u64) -> String {
    let taken = |line: &&str| line.starts_with("m=video ") && !line.starts_with("m=video 0 ");
    let pictures = answer.lines().filter(taken).count() as u64;
    if pictures == 0 || bits_per_second == 0 {
        return answer.to_owned();
    }
    let each = bits_per_second / pictures;
    let mut limited = String::with_capacity(answer.len() + 64);
    let mut is_picture = false;
    for line in answer.lines() {
        if line.starts_with("m=") {
            is_picture = taken(&line);
        }
        limited.push_str(line);
        limited.push_str("\r\n");
        // It belongs behind the address.
        if is_picture && line.starts_with("c=") {
            limited.push_str(&format!("b=TIAS:{each}\r\n"));
        }
    }
    limited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_share_what_the_peer_may_send() {
        let answer = "v=0\r\nm=audio 9 X 111\r\nc=IN IP4 0.0.0.0\r\nm=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\nm=video 9 X 96\r\n\
                      c=IN IP4 0.0.0.0\r\nm=video 0 X 96\r\nc=IN IP4 0.0.0.0\r\n";
        let limited = limited(answer, 3_000_000);
        assert_eq!(limited.matches("c=IN IP4 0.0.0.0\r\nb=TIAS:1500000\r\n").count(), 2);
        assert_eq!(limited.matches("b=").count(), 2);
        assert_eq!(super::limited(answer, 0), answer, "no limit");
    }
}
