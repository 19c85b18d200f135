use super::unit::Format;

/// Where the general part of `profile_tier_level` stands in an H.265 SPS NAL unit: behind the header of two bytes, and a byte with
/// the VPS's number and the number of sub-layers. ITU-T H.265, 7.3.2.2.1.
const PROFILE_AT: usize = 3;

impl Format {
    /// The codec by its name of RFC 6381 and ISO/IEC 14496-15, such as `avc1.64001f`; `None` where that would need what the format
    /// does not say.
    pub fn codec_name(&self) -> Option<String> {
        match self {
            Self::H264(h264) => match h264.sps.get(1..4)? {
                [profile, constraints, level] => Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}")),
                _ => None,
            },
            Self::H265(h265) => h265_name(&without_prevention(&h265.sps)),
            // The object type: 31 announces a longer form, which nobody uses for speech or music.
            Self::Aac(aac) => match aac.config.first()? >> 3 {
                0 | 31 => None,
                object => Some(format!("mp4a.40.{object}")),
            },
            Self::Mpeg(mpeg) => Some(format!("mp4a.40.{}", if mpeg.layer == 3 { 34 } else { 33 })),
            Self::Opus(_) => Some("opus".to_owned()),
            Self::Vp8(_) | Self::Vp9(_) | Self::Av1(_) | Self::Jpeg(_) | Self::Pcm(_) => None,
        }
    }
}

/// ISO/IEC 14496-15, annex E.
fn h265_name(sps: &[u8]) -> Option<String> {
    let [first, compatibility @ .., level] = sps.get(PROFILE_AT..PROFILE_AT + 12)? else {
        return None;
    };
    let (compatibility, constraints) = compatibility.split_at_checked(4)?;
    let space = ["", "A", "B", "C"].get(usize::from(first >> 6))?;
    let tier = if first & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes(compatibility.try_into().ok()?).reverse_bits();
    let mut name = format!("hvc1.{space}{}.{compatibility:X}.{tier}{level}", first & 0x1f);
    let last = constraints
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    for byte in constraints.iter().take(last) {
        name.push_str(&format!(".{byte:X}"));
    }
    Some(name)
}

/// The payload of a NAL unit without the bytes that keep start codes out of it.
fn without_prevention(unit: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{AacFormat, H264Format, H265Format, MpegFormat, Quarters, Vp8Format};
    use super::*;

    fn h265(sps: &'static [u8]) -> Format {
        Format::H265(H265Format {
            vps: Bytes::new(),
            sps: Bytes::from_static(sps),
            pps: Bytes::new(),
            width: 640,
            height: 360,
            reorder_depth: 0,
        })
    }

    fn aac(config: &'static [u8]) -> Format {
        Format::Aac(AacFormat {
            config: Bytes::from_static(config),
            sample_rate: 48_000,
            channels: 2,
            frame_length: 1_024,
        })
    }

    #[test]
    fn codecs_have_the_names_that_players_know() {
        let h264 = |sps: &'static [u8]| {
            Format::H264(H264Format {
                sps: Bytes::from_static(sps),
                pps: Bytes::new(),
                width: 640,
                height: 360,
                reorder_depth: 0,
            })
        };
        let mpeg = |layer| {
            Format::Mpeg(MpegFormat {
                layer,
                sample_rate: 48_000,
                channels: 2,
                frame_length: 1_152,
            })
        };
        // Main profile, main tier, level 3.1, progressive and of frames alone; with two bytes that prevent start codes.
        let main = &[
            0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d,
            0xa0,
        ];
        for (format, name) in [
            (h264(&[0x67, 0x42, 0xc0, 0x1f, 0x8c]), Some("avc1.42c01f")),
            (h264(&[0x67, 0x64, 0x00, 0x0d, 0xac]), Some("avc1.64000d")),
            (h264(&[0x67]), None),
            (h265(main), Some("hvc1.1.6.L93.90")),
            (h265(&[0x42, 0x01]), None),
            (aac(&[0x11, 0x90]), Some("mp4a.40.2")),
            (aac(&[0x2b, 0x11]), Some("mp4a.40.5")),
            (aac(&[]), None),
            (mpeg(3), Some("mp4a.40.34")),
            (mpeg(2), Some("mp4a.40.33")),
            (
                Format::Vp8(Vp8Format {
                    width: 640,
                    height: 360,
                    quarters: Quarters::default(),
                }),
                None,
            ),
        ] {
            assert_eq!(format.codec_name().as_deref(), name, "{format:?}");
        }
    }
}
