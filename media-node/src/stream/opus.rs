//! What an Opus packet says of itself, RFC 6716 §3.1 and §3.2.

/// Samples at 48 kHz of the longest packet: 120 ms.
const MAX_SAMPLES: u32 = 5760;

/// An encoder that has nothing to say makes packets of no more than so many bytes. Their frames hold nothing.
const MAX_EMPTY_BYTES: usize = 2;

/// The head of an Opus packet. What follows it is for the decoder alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusHead {
    /// Samples of each channel, at 48 kHz.
    pub samples: u32,
    /// How the packet is coded; a decoder makes as many channels of it as it is asked for.
    pub stereo: bool,
    /// The packet stands for silence (DTX).
    pub empty: bool,
    /// Bytes of the packet that were read: the TOC byte and, where there is one, the frame count byte.
    pub length: usize,
}

impl OpusHead {
    /// `None` for what no Opus packet begins with.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let toc = *packet.first()?;
        let (frames, length) = match toc & 3 {
            0 => (1, 1),
            1 | 2 => (2, 1),
            _ => (u32::from(packet.get(1)? & 0x3f), 2),
        };
        let samples = frames * frame_samples(toc >> 3);
        (1..=MAX_SAMPLES).contains(&samples).then_some(Self {
            samples,
            stereo: toc & 4 != 0,
            empty: packet.len() <= MAX_EMPTY_BYTES,
            length,
        })
    }
}

/// Samples at 48 kHz of one frame of a configuration, RFC 6716 table 2.
fn frame_samples(configuration: u8) -> u32 {
    match (configuration, configuration & 3) {
        // SILK: 10, 20, 40 and 60 ms.
        (0..=11, 3) => 2880,
        (0..=11, size) => 480 << size,
        // Hybrid: 10 and 20 ms.
        (12..=15, size) => 480 << (size & 1),
        // CELT: 2.5, 5, 10 and 20 ms.
        (_, size) => 120 << size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(packet: &[u8]) -> Option<u32> {
        OpusHead::read(packet).map(|head| head.samples)
    }

    #[test]
    fn durations_are_those_of_the_standard() {
        let one_frame: Vec<u32> = (0..32).filter_map(|config| samples(&[config << 3, 0, 0])).collect();
        let silk = [480, 960, 1920, 2880];
        let (hybrid, celt) = ([480, 960, 480, 960], [120, 240, 480, 960]);
        assert_eq!(
            one_frame,
            [silk, silk, silk, hybrid, celt, celt, celt, celt].concat(),
            "10 to 60 ms, 10 and 20 ms, 2.5 to 20 ms"
        );
        assert_eq!(samples(&[1 << 3 | 1, 0, 0]), Some(1920), "two frames");
        assert_eq!(
            samples(&[1 << 3 | 2, 0, 0]),
            Some(1920),
            "two frames of different sizes"
        );
        assert_eq!(
            samples(&[1 << 3 | 3, 0xc6, 0]),
            Some(5760),
            "six frames: the longest packet"
        );
    }

    #[test]
    fn what_no_packet_begins_with_is_refused() {
        for packet in [&[][..], &[3], &[1 << 3 | 3, 0], &[1 << 3 | 3, 7], &[3 << 3 | 3, 0x3f]] {
            assert_eq!(OpusHead::read(packet), None, "{packet:?}");
        }
    }

    #[test]
    fn channels_and_silence_are_told() {
        let head = OpusHead::read(&[0xfc, 0xff, 0xfe]).unwrap();
        assert!(head.stereo && !head.empty);
        let head = OpusHead::read(&[0x08]).unwrap();
        assert!(!head.stereo && head.empty);
        assert_eq!(OpusHead::read(&[0x0b, 0x03, 0, 0]).unwrap().length, 2);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(packet in proptest::collection::vec(any::<u8>(), 0..8)) {
            if let Some(head) = OpusHead::read(&packet) {
                prop_assert!(head.length <= packet.len() && head.samples % 120 == 0);
            }
        }
    }
}
