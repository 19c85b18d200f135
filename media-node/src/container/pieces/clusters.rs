use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// What a WebM file begins with: the id of the EBML header, RFC 8794.
pub const BEGIN: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1f43_b675;
/// An id of four bytes and a length of eight.
const LONGEST_HEAD: usize = 12;

/// Where the whole clusters of a WebM file stand, in bytes from its start, one behind the other.
pub(super) fn clusters(file: &mut File) -> io::Result<Vec<Range<u64>>> {
    let size = file.metadata()?.len();
    let mut found = Vec::new();
    let mut at = 0;
    while at < size {
        let mut head = Vec::with_capacity(LONGEST_HEAD);
        file.seek(SeekFrom::Start(at))?;
        file.by_ref().take(LONGEST_HEAD as u64).read_to_end(&mut head)?;
        let Some((id, length, head_bytes)) = element(&head) else {
            break;
        };
        let body = at + head_bytes as u64;
        // All that follows is in the segment, whose length is not known while it is written.
        if id == SEGMENT {
            at = body;
            continue;
        }
        let Some(end) = length
            .and_then(|length| body.checked_add(length))
            .filter(|end| *end <= size)
        else {
            break;
        };
        if id == CLUSTER {
            found.push(at..end);
        }
        at = end;
    }
    Ok(found)
}

/// The id of an element, the length of its content where that is known, and how many bytes both take; RFC 8794 4 and 5.
fn element(head: &[u8]) -> Option<(u64, Option<u64>, usize)> {
    let first = *head.first()?;
    let id_bytes = first.leading_zeros() as usize + 1;
    let id = number(head.get(..id_bytes).filter(|_| id_bytes <= 4)?);
    let rest = head.get(id_bytes..)?;
    let first = *rest.first()?;
    let length_bytes = first.leading_zeros() as usize + 1;
    let length = number(rest.get(..length_bytes)?);
    let most = (1u64 << (7 * length_bytes)) - 1;
    let length = length & most;
    Some((id, (length != most).then_some(length), id_bytes + length_bytes))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_an_id_and_a_length() {
        assert_eq!(
            element(&[0x1f, 0x43, 0xb6, 0x75, 0x41, 0x02]),
            Some((CLUSTER, Some(0x102), 6))
        );
        let unknown = [0x18, 0x53, 0x80, 0x67, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(element(&unknown), Some((SEGMENT, None, 12)));
        assert_eq!(element(&[0xec, 0x80]), Some((0xec, Some(0), 2)));
        for cut in [&[][..], &[0x1f], &[0x1f, 0x43, 0xb6, 0x75], &[0xec, 0x40], &[0, 0x80]] {
            assert_eq!(element(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn clusters_are_found_up_to_the_first_one_that_is_not_whole() {
        let mut bytes = [
            &BEGIN[..],
            &[0x82, 1, 2],
            &[0x18, 0x53, 0x80, 0x67],
            &[0x01],
            &[0xff; 7],
        ]
        .concat();
        let header = bytes.len() as u64;
        for _ in 0..2 {
            bytes.extend([0x1f, 0x43, 0xb6, 0x75, 0x83, 1, 2, 3]);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slice");
        for (length, whole) in [(24, 1), (31, 1), (32, 2), (20, 0), (3, 0)] {
            std::fs::write(&path, &bytes[..length.min(bytes.len())]).unwrap();
            let found = clusters(&mut File::open(&path).unwrap()).unwrap();
            let expected: Vec<_> = (0..whole).map(|n| header + 8 * n..header + 8 * (n + 1)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .filter(|range| range.end <= length as u64)
                .collect();
            assert_eq!(found, expected, "{length}");
        }
    }
}
