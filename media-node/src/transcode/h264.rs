//! Pictures of H.264 in packets (RFC 6184). Pure.

use crate::stream::annexb::{nal_type, nal_units};

/// The most that one packet carries: what a network takes, less all that stands in front of it.
const MAX_BYTES: usize = 1_180;
/// Kinds of units: the parameter sets, messages, and parts of a unit.
const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;
const MESSAGE: u8 = 6;
const FRAGMENT: u8 = 28;
/// Bits of the header of a fragment: it begins a unit, or ends it.
const BEGINS: u8 = 0x80;
const ENDS: u8 = 0x40;

/// The payloads of the packets of one access unit in Annex B form. Messages are left out.
pub(super) fn payloads(unit: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for nal in nal_units(unit).filter(|nal| nal_type(nal) != MESSAGE) {
        let Some((header, body)) = nal.split_first() else {
            continue;
        };
        if nal.len() <= MAX_BYTES || matches!(nal_type(nal), SEQUENCE_SET | PICTURE_SET) {
            payloads.push(nal.to_vec());
            continue;
        }
        let parts = body.chunks(MAX_BYTES - 2);
        let last = parts.len().saturating_sub(1);
        payloads.extend(parts.enumerate().map(|(number, part)| {
            let mut kind = header & 0x1f;
            kind |= if number == 0 { BEGINS } else { 0 };
            kind |= if number == last { ENDS } else { 0 };
            [&[header & 0xe0 | FRAGMENT, kind][..], part].concat()
        }));
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_units_are_cut_up_and_messages_are_left_out() {
        let slice = [&[0x65][..], &[7; 3_000]].concat();
        let unit = [&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x06, 5, 0, 0, 1][..], &slice].concat();
        let payloads = payloads(&unit);
        let heads: Vec<_> = payloads.iter().map(|payload| payload[..2].to_vec()).collect();
        assert_eq!(heads, [[0x67, 1], [0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]]);
        assert!(payloads.iter().all(|payload| payload.len() <= MAX_BYTES));
        let joined: Vec<u8> = payloads[1..].iter().flat_map(|payload| payload[2..].to_vec()).collect();
        assert_eq!(joined, slice[1..]);
        assert!(super::payloads(&[]).is_empty());
    }
}
