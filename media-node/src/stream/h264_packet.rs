//! Which units of H.264 begin in a packet of RTP (RFC 6184), for who needs no more of it. Pure.

pub const KEYFRAME: u8 = 5;
pub const SEQUENCE_SET: u8 = 7;
/// Several units in one packet,
pub const AGGREGATE: u8 = 24;
/// and a part of one.
const FRAGMENT: u8 = 28;

/// The kinds of the units that begin in a payload.
pub fn units(payload: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let kind = payload.first().map(|first| first & 0x1f);
    let mut rest = match kind {
        Some(AGGREGATE) => payload.get(1..).unwrap_or_default(),
        _ => &[],
    };
    let whole = match (kind, payload.get(1)) {
        (Some(AGGREGATE), _) => None,
        (Some(FRAGMENT), Some(second)) if second & 0x80 != 0 => Some(second & 0x1f),
        (Some(FRAGMENT), _) => None,
        (kind, _) => kind,
    };
    let of_aggregate = std::iter::from_fn(move || {
        let &[high, low] = rest.first_chunk::<2>()?;
        let unit = rest.get(2..2 + usize::from(u16::from_be_bytes([high, low])))?;
        rest = rest.get(2 + unit.len()..)?;
        unit.first().map(|first| first & 0x1f)
    });
    whole.into_iter().chain(of_aggregate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_where_they_begin() {
        let of = |payload: &[u8]| units(payload).collect::<Vec<_>>();
        assert_eq!(of(&[0x65, 1]), [KEYFRAME]);
        assert_eq!(
            of(&[0x78, 0, 1, 0x67, 0, 1, 0x68, 0, 2, 0x65, 9]),
            [SEQUENCE_SET, 8, KEYFRAME]
        );
        assert_eq!((of(&[0x7c, 0x85, 9]), of(&[0x7c, 0x05, 9])), (vec![KEYFRAME], vec![]));
        assert_eq!((of(&[0x78, 0, 9, 0x65]), of(&[])), (vec![], vec![]));
    }
}
