//! Which bytes of a picture are encrypted: of each slice all but the NAL header and the beginning of the slice header, as
//! raw byte sequence payload (H.264 7.3.1); emulation prevention is made anew around it.

use super::seal::MARKER;
use super::{Keys, Numbers};
use crate::stream::Locked;
use crate::stream::annexb::{START_CODE, nal_type, nal_units};

/// Bytes of a slice's payload that stay clear: they hold the first macroblock, the slice's type and its parameter set,
/// 61 bits at most, by which pictures are told apart without a key.
const CLEAR: usize = 8;

pub(super) fn seal(keys: &Keys, unit: &[u8], numbers: &mut impl Numbers) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(unit.len() + 64);
    for nal in nal_units(unit) {
        sealed.extend_from_slice(&START_CODE);
        match nal.split_first() {
            Some((header, payload)) if is_slice(nal) => {
                sealed.push(*header);
                escape(&keys.seal_part(&unescape(payload), CLEAR, numbers.next()), &mut sealed);
            }
            _ => sealed.extend_from_slice(nal),
        }
    }
    sealed
}

pub(super) fn open(keys: &Keys, unit: &[u8]) -> Result<Vec<u8>, Locked> {
    let mut opened = Vec::with_capacity(unit.len());
    for nal in nal_units(unit) {
        opened.extend_from_slice(&START_CODE);
        match nal.split_first() {
            Some((header, payload)) if is_slice(nal) => {
                // Zeros behind a NAL unit do not belong to it.
                let end = payload.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                let payload = payload.get(..end).unwrap_or_default();
                if !payload.ends_with(&MARKER) {
                    return Err(Locked::Clear);
                }
                opened.push(*header);
                escape(&keys.open_part(&unescape(payload))?, &mut opened);
            }
            _ => opened.extend_from_slice(nal),
        }
    }
    Ok(opened)
}

fn is_slice(nal: &[u8]) -> bool {
    (1..=5).contains(&nal_type(nal))
}

/// Takes the emulation prevention bytes out.
fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for byte in payload {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        raw.push(*byte);
    }
    raw
}

/// Puts them in, so that nothing looks like a start code.
fn escape(raw: &[u8], nal: &mut Vec<u8>) {
    let mut zeros = 0;
    for byte in raw {
        if zeros == 2 && *byte <= 3 {
            nal.push(3);
            zeros = 0;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        nal.push(*byte);
    }
    // A NAL unit must not end with a zero.
    if zeros > 0 {
        nal.push(3);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaping_hides_start_codes_and_can_be_undone(
            noise in proptest::collection::vec(0u8..5, 0..200),
            zero_words in 0usize..3,
        ) {
            // A slice ends with its stop bit, and maybe with words of zeros behind it.
            let raw = [&noise[..], &[0x80], &vec![0; 2 * zero_words]].concat();
            let mut nal = Vec::new();
            escape(&raw, &mut nal);
            prop_assert!(!nal.windows(3).any(|three| three[0] == 0 && three[1] == 0 && three[2] < 3));
            prop_assert_ne!(nal.last(), Some(&0));
            prop_assert_eq!(unescape(&nal), raw);
        }
    }
}
