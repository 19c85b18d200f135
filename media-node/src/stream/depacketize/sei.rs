//! Supplemental enhancement information, which H.264 (7.3.2.3) and H.265 (7.3.2.4) write alike.

use h264_reader::rbsp::decode_nal;

/// The type of a recovery point, in both.
pub(super) const RECOVERY_POINT: usize = 6;

/// The first message of this type in a SEI NAL unit with a header of one byte.
pub(super) fn message(nal: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let raw = decode_nal(nal).ok()?;
    let mut rest: &[u8] = &raw;
    let number = |rest: &mut &[u8]| {
        let last = rest.iter().position(|byte| *byte != 255)?;
        let number = last * 255 + usize::from(*rest.get(last)?);
        *rest = rest.get(last + 1..)?;
        Some(number)
    };
    // The last byte holds no message but the end of the unit.
    while rest.len() > 1 {
        let (kind, size) = (number(&mut rest)?, number(&mut rest)?);
        let message = rest.get(..size)?;
        if kind == wanted {
            return Some(message.to_vec());
        }
        rest = rest.get(size..)?;
    }
    None
}
