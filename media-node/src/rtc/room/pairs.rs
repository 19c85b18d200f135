//! Which sound and which picture of an answer a client plays in time with one another (RFC 8830): those of one stream. The n-th slot
//! for sound and the n-th for pictures are a pair, as the edge knows, too, which puts the sound and the camera of a peer into one. Pure.

/// The answer with a stream of its own for each pair of slots.
pub(super) fn paired(answer: &str) -> String {
    let mut paired = String::with_capacity(answer.len() + 256);
    let (mut is_sound, mut sounds, mut pictures) = (false, 0usize, 0usize);
    for line in answer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            is_sound = media.starts_with("audio ");
        }
        if line.starts_with("a=msid-semantic:") {
            continue;
        }
        match line.strip_prefix("a=msid:") {
            Some(named) => {
                let count = if is_sound { &mut sounds } else { &mut pictures };
                let track = named.split_once(' ').map_or(named, |(_, track)| track);
                paired.push_str(&format!("a=msid:slot{count} {track}"));
                *count += 1;
            }
            None => paired.push_str(line),
        }
        paired.push_str("\r\n");
    }
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_sound_and_the_nth_picture_are_of_one_stream() {
        let answer = "v=0\r\na=msid-semantic: WMS s\r\nm=audio 9 X 111\r\na=msid:s t1\r\nm=video 9 X 96\r\na=msid:s t2\r\n\
                      m=video 0 X 96\r\na=inactive\r\nm=video 9 X 96\r\na=msid:s t3\r\nm=audio 9 X 111\r\na=msid:s t4\r\n";
        let paired = paired(answer);
        let named: Vec<_> = paired.lines().filter(|line| line.starts_with("a=msid")).collect();
        assert_eq!(
            named,
            [
                "a=msid:slot0 t1",
                "a=msid:slot0 t2",
                "a=msid:slot1 t3",
                "a=msid:slot1 t4"
            ]
        );
        assert_eq!(paired.lines().count(), answer.lines().count() - 1);
    }
}
