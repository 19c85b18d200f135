//! H.264 and H.265 in Annex B form (annex B of either): NAL units behind start codes.

/// What stands in front of each NAL unit that this program writes.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The NAL units of an access unit, without start codes.
pub fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(data).and_then(|(_, behind)| data.get(behind..));
    std::iter::from_fn(move || {
        let unit = rest.take()?;
        let Some((before, behind)) = start_code(unit) else {
            return Some(unit);
        };
        rest = unit.get(behind..);
        unit.get(..before)
    })
}

/// Where the next start code begins, with the zeros in front of it, and where it ends.
fn start_code(data: &[u8]) -> Option<(usize, usize)> {
    let at = data.windows(3).position(|window| window == [0, 0, 1])?;
    let zeros = data.get(..at)?.iter().rev().take_while(|byte| **byte == 0).count();
    Some((at - zeros, at + 3))
}

/// `nal_unit_type` of H.264; 0 for an empty unit.
pub fn nal_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1f)
}

/// `nal_unit_type` of H.265; 0 for an empty unit.
pub fn h265_nal_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header >> 1 & 0x3f)
}

/// Whether other pictures may be predicted from this access unit of H.264: `nal_ref_idc` of its first slice. What cannot be
/// understood counts as such.
pub fn is_reference(data: &[u8]) -> bool {
    let slice = nal_units(data).find(|unit| (1..=5).contains(&nal_type(unit)));
    slice.and_then(<[u8]>::first).is_none_or(|header| header & 0x60 != 0)
}

/// The first SPS and PPS of H.264, without start codes.
pub fn parameter_sets(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let find = |kind| nal_units(data).find(|unit| nal_type(unit) == kind);
    Some((find(7)?, find(8)?))
}

/// The first VPS, SPS and PPS of H.265, without start codes.
pub fn h265_parameter_sets(data: &[u8]) -> Option<[&[u8]; 3]> {
    let find = |kind| nal_units(data).find(|unit| h265_nal_type(unit) == kind);
    Some([find(32)?, find(33)?, find(34)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_split_at_start_codes_of_both_lengths() {
        let data = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 0];
        let units: Vec<&[u8]> = nal_units(&data).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 3, 0]]);
        assert_eq!(parameter_sets(&data), Some((&[0x67, 1][..], &[0x68, 2][..])));
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn a_slice_tells_whether_it_is_a_reference() {
        assert!(is_reference(&[0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 0x88]));
        assert!(is_reference(&[0, 0, 1, 0x41, 0x9a]));
        assert!(!is_reference(&[0, 0, 0, 1, 0x06, 0x05, 0, 0, 1, 0x01, 0x9a]));
        assert!(is_reference(&[]), "what is not understood is decoded");
    }
}
