//! Opus, RFC 7587. Its configuration is the head of a file of Ogg, RFC 7845 §5.1.

use bytes::Bytes;

use super::{Codec, Payload, Terms, Unreadable};
use crate::stream::OpusHead;

const CLOCK_RATE: u32 = 48_000;

#[derive(Debug)]
pub(super) struct Opus {
    is_stereo: bool,
}

impl Opus {
    pub(super) fn new(configuration: &Bytes) -> Result<Self, Unreadable> {
        match (configuration.get(..8), configuration.get(9)) {
            (Some(b"OpusHead"), Some(channels @ 1..=2)) => Ok(Self {
                is_stereo: *channels == 2,
            }),
            (Some(b"OpusHead"), Some(_)) => Err(Unreadable("Opus of more than two channels: publish mono or stereo")),
            _ => Err(Unreadable("no Opus configuration")),
        }
    }
}

impl Codec for Opus {
    fn terms(&self) -> Terms {
        let stereo = u8::from(self.is_stereo);
        Terms {
            encoding: "opus/48000/2".to_owned(),
            parameters: format!("sprop-stereo={stereo}"),
            clock_rate: CLOCK_RATE,
        }
    }

    fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable> {
        let new = Self::new(configuration)?;
        let is_same = new.is_stereo == self.is_stereo;
        *self = new;
        Ok(is_same)
    }

    fn pack(&mut self, unit: &Bytes, _: bool) -> Result<Vec<Payload>, Unreadable> {
        OpusHead::read(unit).ok_or(Unreadable("an Opus packet of no valid duration"))?;
        Ok(vec![Payload {
            marker: false,
            data: unit.clone(),
        }])
    }

    fn ticks(&self, unit: &Bytes) -> Option<u32> {
        OpusHead::read(unit).map(|head| head.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_head_says_whether_it_is_stereo() {
        let head = |channels: u8| Bytes::from([b"OpusHead\x01".as_slice(), &[channels, 0, 0]].concat());
        assert_eq!(Opus::new(&head(2)).unwrap().terms().parameters, "sprop-stereo=1");
        assert!(Opus::new(&head(6)).is_err() && Opus::new(&Bytes::new()).is_err());
        let mut opus = Opus::new(&head(1)).unwrap();
        assert_eq!(opus.reconfigure(&head(2)), Ok(false));
        // 20 ms of CELT.
        let packet = Bytes::from_static(&[0xfc, 1, 2]);
        assert_eq!(opus.ticks(&packet), Some(960));
        assert_eq!(opus.pack(&packet, true).unwrap()[0].data, packet);
        assert!(opus.pack(&Bytes::new(), true).is_err());
    }
}
