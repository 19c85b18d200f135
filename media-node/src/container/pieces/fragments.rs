use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// The kind of the box that an MP4 file begins with, behind its length of four bytes; ISO/IEC 14496-12 4.3.
pub const FILE_TYPE: [u8; 4] = *b"ftyp";

/// Where the whole fragments of an MP4 file stand, in bytes from its start, one behind the other.
pub(super) fn fragments(file: &mut File) -> io::Result<Vec<Range<u64>>> {
    let size = file.metadata()?.len();
    let (mut found, mut begin) = (Vec::new(), None);
    let mut at = 0;
    while size.saturating_sub(at) >= 8 {
        file.seek(SeekFrom::Start(at))?;
        let mut head = Vec::with_capacity(16);
        file.by_ref().take(16).read_to_end(&mut head)?;
        let Some((kind, length)) = box_head(&head) else { break };
        let Some(end) = at.checked_add(length).filter(|end| *end <= size) else {
            break;
        };
        match (&kind, begin) {
            (b"moof", _) => begin = Some(at),
            (b"mdat", Some(from)) => {
                found.push(from..end);
                begin = None;
            }
            _ => {}
        }
        at = end;
    }
    Ok(found)
}

/// The kind of a box and its length, head included.
fn box_head(head: &[u8]) -> Option<([u8; 4], u64)> {
    let (length, rest) = head.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let length = match u32::from_be_bytes(*length) {
        1 => u64::from_be_bytes(*rest.first_chunk()?),
        length => u64::from(length),
    };
    (length >= 8).then_some((*kind, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_found_up_to_the_first_one_that_is_not_whole() {
        let of =
            |kind: &[u8; 4], content: &[u8]| [&(8 + content.len() as u32).to_be_bytes(), &kind[..], content].concat();
        let mut bytes = [of(b"ftyp", b"isom"), of(b"moov", b"")].concat();
        let header = bytes.len() as u64;
        for _ in 0..2 {
            bytes.extend([of(b"moof", b"1"), of(b"mdat", b"23")].concat());
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slice");
        let both = [header..header + 19, header + 19..header + 38];
        for (length, whole) in [(58, 2), (57, 1), (45, 1), (39, 1), (38, 0), (20, 0), (3, 0), (0, 0)] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let found = fragments(&mut File::open(&path).unwrap()).unwrap();
            assert_eq!(found, both[..whole], "{length}");
        }
    }

    #[test]
    fn a_box_may_have_a_long_length_and_none_without_end() {
        let long = [0, 0, 0, 1, b'm', b'd', b'a', b't', 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(box_head(&long), Some((*b"mdat", 1 << 32)));
        assert_eq!(box_head(&[0, 0, 0, 0, b'm', b'd', b'a', b't']), None);
        assert_eq!(box_head(&long[..9]), None);
    }
}
