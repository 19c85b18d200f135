//! Sound that needs no configuration: MP3, RFC 2250, and G.711, RFC 3551.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Codec, MAX_PAYLOAD, Payload, Terms, Unreadable};

/// Of a payload of MP3: two bytes that are 0, and where its part begins in the frame.
const HEAD: usize = 4;

#[derive(Debug)]
pub(super) enum OldSound {
    Mp3,
    Pcma,
    Pcmu,
}

impl Codec for OldSound {
    fn terms(&self) -> Terms {
        let (encoding, clock_rate) = match self {
            Self::Mp3 => ("MPA/90000", 90_000),
            Self::Pcma => ("PCMA/8000", 8_000),
            Self::Pcmu => ("PCMU/8000", 8_000),
        };
        Terms {
            encoding: encoding.to_owned(),
            parameters: String::new(),
            clock_rate,
        }
    }

    fn reconfigure(&mut self, _: &Bytes) -> Result<bool, Unreadable> {
        Ok(true)
    }

    fn pack(&mut self, unit: &Bytes, _: bool) -> Result<Vec<Payload>, Unreadable> {
        if matches!(self, Self::Pcma | Self::Pcmu) {
            return Ok(vec![Payload {
                marker: false,
                data: unit.clone(),
            }]);
        }
        if u16::try_from(unit.len()).is_err() {
            return Err(Unreadable("an MP3 frame is longer than any can be"));
        }
        let parts = unit.chunks(MAX_PAYLOAD - HEAD).enumerate();
        Ok(parts
            .map(|(index, part)| {
                let mut data = BytesMut::with_capacity(HEAD + part.len());
                data.put_u16(0);
                data.put_u16((index * (MAX_PAYLOAD - HEAD)) as u16);
                data.put_slice(part);
                Payload {
                    marker: index == 0,
                    data: data.freeze(),
                }
            })
            .collect())
    }

    fn ticks(&self, unit: &Bytes) -> Option<u32> {
        match self {
            Self::Mp3 => mp3_ticks(unit),
            Self::Pcma | Self::Pcmu => u32::try_from(unit.len()).ok(),
        }
    }
}

/// How long a frame of MPEG audio's layer III lasts, by its head, ISO/IEC 11172-3 2.4.1.3 and its extensions.
fn mp3_ticks(frame: &Bytes) -> Option<u32> {
    let &[0xff, second, third] = frame.first_chunk()? else {
        return None;
    };
    let (samples, halvings) = match (second >> 5, second >> 3 & 3) {
        (7, 3) => (1_152, 0),
        (7, 2) => (576, 1),
        (7, 0) => (576, 2),
        _ => return None,
    };
    let rate = [44_100u32, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> halvings;
    Some(samples * 90_000 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_lengths_and_long_ones_are_cut_up() {
        let ticks = |second, third| OldSound::Mp3.ticks(&Bytes::from(vec![0xff, second, third]));
        assert_eq!((ticks(0xfb, 0x94), ticks(0xfb, 0x90)), (Some(2_160), Some(2_351)));
        assert_eq!(
            (ticks(0xf3, 0x90), ticks(0xfb, 0x9c), ticks(0, 0)),
            (Some(2_351), None, None)
        );
        let packed = OldSound::Mp3.pack(&vec![9; 1_300].into(), true).unwrap();
        let heads: Vec<_> = packed.iter().map(|payload| payload.data.slice(..HEAD)).collect();
        assert_eq!(heads, [&[0, 0, 0, 0][..], &[0, 0, 0x04, 0xac]]);
        let samples = Bytes::from(vec![9; 160]);
        assert_eq!(OldSound::Pcma.ticks(&samples), Some(160));
        assert_eq!(OldSound::Pcmu.pack(&samples, true).unwrap()[0].data, samples);
    }
}
