//! The tag with which a playlist tells what players need before the slices that follow, RFC 8216 4.3.2.5. Each slice in MP4 has
//! that at its own beginning and brings the tag with it: so it can be the first one of a playlist, whatever has become of those
//! that were in front of it.

const TAG: &str = "#EXT-X-MAP:";

/// The tag of a slice with this name that begins with so many bytes of it.
pub fn initialization(name: &str, bytes: u64) -> String {
    format!("{TAG}URI=\"{name}\",BYTERANGE=\"{bytes}@0\"")
}

/// Whether a line is that tag, and how many bytes there are.
pub(super) fn initialization_bytes(line: &str) -> Option<u64> {
    let (_, range) = line.strip_prefix(TAG)?.split_once("BYTERANGE=\"")?;
    range.split('@').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let tag = initialization("a_1.mp4", 812);
        assert_eq!(tag, "#EXT-X-MAP:URI=\"a_1.mp4\",BYTERANGE=\"812@0\"");
        assert_eq!(initialization_bytes(&tag), Some(812));
        assert_eq!(initialization_bytes("#EXT-X-ACME-TRACK-EVENT:BYTERANGE=\"1@0\""), None);
    }
}
