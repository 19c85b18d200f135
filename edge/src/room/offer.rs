use super::limits::MAX_SECTIONS;

/// Characters of a session's id that count; it is a number of 64 bits.
const MAX_ORIGIN: usize = 32;

/// The kind of a track, by which it fits into a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Audio,
    Video,
}

/// What an offer's connection is known by to whoever made it: the id of its session (RFC 8866 5.2), the same in each offer of a
/// connection. Empty where there is none.
pub(super) fn origin(sdp: &str) -> String {
    let line = sdp.lines().find_map(|line| line.strip_prefix("o="));
    let id = line.and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    id.trim_end().chars().take(MAX_ORIGIN).collect()
}

/// The slots of an offer: the sections that receive, by mid. A section that is rejected or only sends is none.
pub(super) fn slots(sdp: &str) -> Vec<(String, MediaKind)> {
    let sections = sdp.split("\nm=").skip(1).take(MAX_SECTIONS);
    sections.filter_map(slot).collect()
}

fn slot(section: &str) -> Option<(String, MediaKind)> {
    let mut lines = section.lines().map(str::trim_end);
    let mut parts = lines.next()?.split(' ');
    let kind = match parts.next()? {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => return None,
    };
    if parts.next()? == "0" {
        return None;
    }
    let (mut mid, mut receives) = (None, true);
    for line in lines {
        match line {
            "a=sendonly" | "a=inactive" => receives = false,
            _ => mid = line.strip_prefix("a=mid:").or(mid),
        }
    }
    let mid = mid.filter(|mid| (1..=32).contains(&mid.len()))?;
    receives.then(|| (mid.to_owned(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_its_sessions_id() {
        assert_eq!(
            origin("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\n"),
            "4611731400430051336"
        );
        assert_eq!(origin("v=0\no=-\n"), "");
        assert_eq!(origin(""), "");
    }

    #[test]
    fn sections_that_receive_are_slots() {
        let sdp = "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\n\
                   m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\na=mid:1\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n\
                   m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=sendonly\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:4\r\n\
                   m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n";
        let expected = [("0", MediaKind::Audio), ("1", MediaKind::Video)];
        assert_eq!(slots(sdp), expected.map(|(mid, kind)| (mid.to_owned(), kind)));
        assert_eq!(slots(""), []);
        assert_eq!(slots("m=audio"), []);
        let long = "\nm=video 9 x\na=mid:7".repeat(1_000);
        assert_eq!(slots(&long).len(), MAX_SECTIONS);
    }
}
