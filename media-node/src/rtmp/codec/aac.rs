//! AAC into `mpeg4-generic` at the high rate, RFC 3640.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Codec, MAX_PAYLOAD, Payload, Terms, Unreadable};
use crate::stream::AacFormat;

/// The length of the headers, and the one header of a packet.
const HEAD: usize = 4;
/// What its 13 bits can say.
const MAX_FRAME: usize = (1 << 13) - 1;

#[derive(Debug)]
pub(super) struct Aac(AacFormat);

impl Aac {
    /// `config`: AudioSpecificConfig.
    pub(super) fn new(config: &Bytes) -> Result<Self, Unreadable> {
        let format = AacFormat::read(config.clone());
        Ok(Self(format.ok_or(Unreadable("no AAC configuration"))?))
    }
}

impl Codec for Aac {
    fn terms(&self) -> Terms {
        let AacFormat {
            sample_rate, channels, ..
        } = self.0;
        let config = hex::encode(&self.0.config);
        Terms {
            encoding: format!("MPEG4-GENERIC/{sample_rate}/{channels}"),
            parameters: format!(
                "streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config={config}"
            ),
            clock_rate: sample_rate,
        }
    }

    fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable> {
        let is_same = self.0.config == configuration;
        *self = Self::new(configuration)?;
        Ok(is_same)
    }

    fn pack(&mut self, unit: &Bytes, _: bool) -> Result<Vec<Payload>, Unreadable> {
        if unit.len() > MAX_FRAME {
            return Err(Unreadable("an AAC frame is longer than any can be"));
        }
        let parts = unit.len().div_ceil(MAX_PAYLOAD - HEAD);
        Ok(unit
            .chunks(MAX_PAYLOAD - HEAD)
            .enumerate()
            .map(|(index, part)| {
                let mut data = BytesMut::with_capacity(HEAD + part.len());
                data.put_u16(16);
                data.put_u16((unit.len() as u16) << 3);
                data.put_slice(part);
                Payload {
                    marker: index + 1 == parts,
                    data: data.freeze(),
                }
            })
            .collect())
    }

    fn ticks(&self, _: &Bytes) -> Option<u32> {
        Some(self.0.frame_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_packet_and_a_long_one_several() {
        let mut aac = Aac::new(&Bytes::from_static(&[0x11, 0x90])).unwrap();
        let terms = aac.terms();
        assert_eq!(
            (terms.encoding.as_str(), terms.clock_rate),
            ("MPEG4-GENERIC/48000/2", 48_000)
        );
        assert!(terms.parameters.ends_with("config=1190"));
        let packed = aac.pack(&Bytes::from_static(&[7, 8, 9]), true).unwrap();
        assert_eq!(packed[0].data, &[0, 16, 0, 24, 7, 8, 9][..]);
        assert!(packed[0].marker && packed.len() == 1);
        let packed = aac.pack(&vec![5; 2_000].into(), true).unwrap();
        let got: Vec<_> = packed
            .iter()
            .map(|payload| (payload.data.len(), payload.marker))
            .collect();
        assert_eq!(got, [(1_200, false), (808, true)]);
        assert!(aac.pack(&vec![5; 9_000].into(), true).is_err());
        assert_eq!(aac.ticks(&Bytes::new()), Some(1_024));
    }

    #[test]
    fn another_configuration_needs_another_description() {
        let mut aac = Aac::new(&Bytes::from_static(&[0x11, 0x90])).unwrap();
        assert_eq!(aac.reconfigure(&Bytes::from_static(&[0x11, 0x90])), Ok(true));
        assert_eq!(aac.reconfigure(&Bytes::from_static(&[0x12, 0x10])), Ok(false));
        assert_eq!(aac.terms().clock_rate, 44_100);
        assert!(aac.reconfigure(&Bytes::new()).is_err());
        assert_eq!(aac.terms().clock_rate, 44_100);
    }
}
