//! Whether a picture can be shown from a packet on, as far as the first bytes of its payload tell. Pure.

use super::depacketize::{Vp8Descriptor, Vp9Descriptor, vp8_is_key};
use super::h264_packet::{KEYFRAME, SEQUENCE_SET, units};

/// Whether a keyframe, or what belongs to one, begins in a packet. `codec`: as session descriptions write it, in upper case. Of one
/// that is not known here nothing is awaited.
pub fn begins(codec: &str, payload: &[u8]) -> bool {
    match codec {
        "H264" => units(payload).any(|unit| unit == SEQUENCE_SET || unit == KEYFRAME),
        _ => has_keyframe(codec, payload).unwrap_or(true),
    }
}

/// Whether a keyframe itself begins in a packet: some encoders repeat what belongs to it with each picture. `None` for a codec that is
/// not known here.
pub fn has_keyframe(codec: &str, payload: &[u8]) -> Option<bool> {
    Some(match codec {
        "H264" => units(payload).any(|unit| unit == KEYFRAME),
        "VP8" => vp8(payload).unwrap_or_default(),
        "VP9" => vp9(payload).unwrap_or_default(),
        // The bit for the first packet of a coded video sequence.
        "AV1" => payload.first().is_some_and(|first| first & 0x08 != 0),
        _ => return None,
    })
}

fn vp8(payload: &[u8]) -> Option<bool> {
    let descriptor = Vp8Descriptor::read(payload)?;
    Some(descriptor.begins_frame && vp8_is_key(payload.get(descriptor.length..)?))
}

/// A packet that begins a frame which is predicted from no other one. Of layers in space it is the lowest.
fn vp9(payload: &[u8]) -> Option<bool> {
    let descriptor = Vp9Descriptor::read(payload)?;
    Some(descriptor.begins_frame && !descriptor.is_predicted && descriptor.spatial_layer == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_are_told_from_other_pictures() {
        for (codec, payload, expected) in [
            ("H264", &[0x67, 1][..], true),
            ("H264", &[0x78, 0, 1, 0x67, 0, 1, 0x68], true),
            ("H264", &[0x7c, 0x85, 9], true),
            ("H264", &[0x7c, 0x05, 9], false),
            ("H264", &[0x41, 9], false),
            ("VP8", &[0x10, 0x00], true),
            ("VP8", &[0x10, 0x01], false),
            ("VP8", &[0x00, 0x00], false),
            ("VP8", &[0x11, 0x00], false),
            ("VP8", &[0x90, 0xf0, 0x81, 0x02, 3, 4, 0x00], true),
            ("VP8", &[0x90, 0xf0, 0x81, 0x02, 3, 4, 0x01], false),
            ("VP8", &[0x90, 0x80, 0x01, 0x00], true),
            ("VP8", &[0x90, 0x80], false),
            ("VP9", &[0x88, 0x01, 9], true),
            ("VP9", &[0xc8, 0x01, 9], false),
            ("VP9", &[0xa8, 0x80, 0x01, 0x00, 0], true),
            ("VP9", &[0xa8, 0x80, 0x01, 0x02, 0], false),
            ("VP9", &[0x80, 0x01], false),
            ("AV1", &[0x18, 9], true),
            ("AV1", &[0x10, 9], false),
            ("H264", &[], false),
            ("VP8", &[], false),
            ("VP9", &[], false),
            ("AV1", &[], false),
        ] {
            assert_eq!(begins(codec, payload), expected, "{codec} {payload:?}");
        }
        assert!(begins("X", &[]), "it may be shown from anywhere");
        assert_eq!(has_keyframe("X", &[]), None);
        assert_eq!(
            has_keyframe("H264", &[0x67, 1]),
            Some(false),
            "it is repeated here and there"
        );
    }
}
