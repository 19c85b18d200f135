//! What a frame of MPEG audio says of itself, ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3.

use super::MpegFormat;

/// The header of a frame of layer II or III.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpegHead {
    pub format: MpegFormat,
    /// The whole frame's, with its header.
    pub bytes: usize,
}

/// In kbit/s, by the header's index less 1: MPEG-1 layer II and layer III, MPEG-2 and 2.5 layers II and III.
const BIT_RATES: [[u32; 14]; 3] = [
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl MpegHead {
    /// `None` for what no frame of layer II or III begins with, and for frames without a bit rate, whose length nothing tells.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let &[sync, kind, rates, mode] = frame.first_chunk()?;
        if sync != 0xff || kind & 0xe0 != 0xe0 {
            return None;
        }
        // By how many halves the sample rates are lower than those of MPEG-1.
        let halved = match kind >> 3 & 3 {
            3 => 0,
            2 => 1,
            0 => 2,
            _ => return None,
        };
        let layer = match kind >> 1 & 3 {
            1 => 3,
            2 => 2,
            _ => return None,
        };
        let table = match (halved, layer) {
            (0, 2) => 0,
            (0, _) => 1,
            _ => 2,
        };
        let index = usize::from(rates >> 4).checked_sub(1)?;
        let bit_rate = *BIT_RATES.get(table)?.get(index)? * 1_000;
        let sample_rate = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? >> halved;
        let frame_length = if layer == 3 && halved > 0 { 576 } else { 1_152 };
        let padding = u32::from(rates >> 1 & 1);
        Some(Self {
            format: MpegFormat {
                layer,
                sample_rate,
                channels: if mode >> 6 == 3 { 1 } else { 2 },
                frame_length,
            },
            bytes: (frame_length / 8 * bit_rate / sample_rate + padding) as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(head: [u8; 4]) -> Option<(u8, u32, u16, u32, usize)> {
        let MpegHead { format, bytes } = MpegHead::read(&head)?;
        Some((
            format.layer,
            format.sample_rate,
            format.channels,
            format.frame_length,
            bytes,
        ))
    }

    #[test]
    fn frames_are_as_long_as_their_headers_say() {
        assert_eq!(read([0xff, 0xfb, 0x90, 0x44]), Some((3, 44_100, 2, 1_152, 417)));
        assert_eq!(
            read([0xff, 0xfb, 0x92, 0xc4]),
            Some((3, 44_100, 1, 1_152, 418)),
            "padded"
        );
        assert_eq!(read([0xff, 0xfd, 0xc4, 0x00]), Some((2, 48_000, 2, 1_152, 768)));
        assert_eq!(read([0xff, 0xf3, 0x84, 0xc0]), Some((3, 24_000, 1, 576, 192)));
        assert_eq!(read([0xff, 0xf5, 0x84, 0xc0]), Some((2, 24_000, 1, 1_152, 384)));
        assert_eq!(
            read([0xff, 0xe3, 0x48, 0xc0]),
            Some((3, 8_000, 1, 576, 288)),
            "MPEG-2.5"
        );
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for (head, why) in [
            ([0xff, 0x1b, 0x90, 0x44], "no sync word"),
            ([0xfe, 0xfb, 0x90, 0x44], "no sync word"),
            ([0xff, 0xeb, 0x90, 0x44], "a reserved version"),
            ([0xff, 0xff, 0x90, 0x44], "layer I"),
            ([0xff, 0xf9, 0x90, 0x44], "a reserved layer"),
            ([0xff, 0xfb, 0x00, 0x44], "free format"),
            ([0xff, 0xfb, 0xf0, 0x44], "a bad bit rate"),
            ([0xff, 0xfb, 0x9c, 0x44], "a reserved sample rate"),
        ] {
            assert_eq!(read(head), None, "{why}");
        }
        assert_eq!(MpegHead::read(&[0xff, 0xfb, 0x90]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(frame in proptest::collection::vec(any::<u8>(), 0..6)) {
            if let Some(head) = MpegHead::read(&frame) {
                prop_assert!((24..=1_730).contains(&head.bytes), "{}", head.bytes);
            }
        }
    }
}
