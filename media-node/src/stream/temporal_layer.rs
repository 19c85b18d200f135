use super::depacketize::{Vp8Descriptor, Vp9Descriptor};

/// The temporal layer of the picture that a packet is of, as far as its payload tells. No picture is predicted from one of a higher
/// layer than its own. `codec`: as session descriptions write it, in upper case. `None` for a codec that is not known here, and where
/// the middle of something goes on.
pub fn temporal_layer(codec: &str, payload: &[u8]) -> Option<u8> {
    match codec {
        "VP8" => Vp8Descriptor::read(payload).map(|descriptor| descriptor.layer),
        "VP9" => Vp9Descriptor::read(payload).map(|descriptor| descriptor.layer),
        "AV1" => av1(payload),
        _ => None,
    }
}

/// The first OBU that begins in the packet, by the format of the Alliance for Open Media.
fn av1(payload: &[u8]) -> Option<u8> {
    let first = *payload.first()?;
    let (goes_on, elements) = (first & 0x80 != 0, (first >> 4) & 0x03);
    if goes_on {
        return None;
    }
    let mut at = 1;
    if elements != 1 {
        // The length of the first element.
        while payload.get(at)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
    }
    match payload.get(at)? & 0x04 {
        0 => Some(0),
        _ => Some(payload.get(at + 1)? >> 5),
    }
}
