//! For whom a datagram is: the one field of STUN, RFC 8489, that says so. Pure.

const COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;
const USERNAME: u16 = 6;

/// Of a binding request, the name that the server gave the session in its answer: it stands before the colon of the user name.
pub(super) fn local_name(datagram: &[u8]) -> Option<&str> {
    let &[0, 1, _, _, c0, c1, c2, c3, ..] = datagram else {
        return None;
    };
    if u32::from_be_bytes([c0, c1, c2, c3]) != COOKIE {
        return None;
    }
    let mut rest = datagram.get(HEADER..)?;
    while let Some(&[k0, k1, l0, l1]) = rest.first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(4..4 + length)?;
        if u16::from_be_bytes([k0, k1]) == USERNAME {
            let (local, _) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return Some(local);
        }
        // Attributes fill whole words.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([7; 12]);
        for (kind, value) in attributes {
            datagram.extend(kind.to_be_bytes());
            datagram.extend((value.len() as u16).to_be_bytes());
            datagram.extend(*value);
            datagram.resize(datagram.len().next_multiple_of(4), 0);
        }
        datagram
    }

    #[test]
    fn the_session_is_named_before_the_colon() {
        let named = request(&[(0x25, b""), (0x24, b"odd"), (6, b"here:there"), (8, &[0; 20])]);
        assert_eq!(local_name(&named), Some("here"));
        assert_eq!(local_name(&request(&[(6, b"nobody")])), None);
        assert_eq!(local_name(&request(&[(0x25, b"")])), None);
        assert_eq!(local_name(&named[..named.len() - 40]), None, "cut off");
        let mut other = named.clone();
        other[4] = 0;
        assert_eq!(local_name(&other), None, "another cookie");
    }

    proptest! {
        #[test]
        fn no_datagram_panics(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            local_name(&tail);
            local_name(&[&request(&[])[..], &tail].concat());
        }
    }
}
