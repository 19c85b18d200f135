//! VP8, RFC 7741, and VP9, RFC 9628: pictures cut up behind the shortest descriptors that there are.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Codec, MAX_PAYLOAD, Payload, Terms, Unreadable};

/// Of VP8: a partition begins.
const BEGINS_PARTITION: u8 = 0x10;
/// Of VP9: the picture refers to others; a frame begins, or ends.
const PREDICTED: u8 = 0x40;
const BEGINS: u8 = 0x08;
const ENDS: u8 = 0x04;

/// Their configurations say nothing that a description has to.
#[derive(Debug)]
pub(super) enum Vpx {
    Vp8,
    Vp9,
}

impl Codec for Vpx {
    fn terms(&self) -> Terms {
        let encoding = match self {
            Self::Vp8 => "VP8/90000",
            Self::Vp9 => "VP9/90000",
        };
        Terms {
            encoding: encoding.to_owned(),
            parameters: String::new(),
            clock_rate: 90_000,
        }
    }

    fn reconfigure(&mut self, _: &Bytes) -> Result<bool, Unreadable> {
        Ok(true)
    }

    fn pack(&mut self, unit: &Bytes, is_key: bool) -> Result<Vec<Payload>, Unreadable> {
        let count = unit.len().div_ceil(MAX_PAYLOAD - 1);
        let payload = |(index, part): (usize, &[u8])| {
            let (first, last) = (index == 0, index + 1 == count);
            let set = |flag: u8, when: bool| if when { flag } else { 0 };
            let descriptor = match self {
                Self::Vp8 => set(BEGINS_PARTITION, first),
                Self::Vp9 => set(PREDICTED, !is_key) | set(BEGINS, first) | set(ENDS, last),
            };
            let mut data = BytesMut::with_capacity(1 + part.len());
            data.put_u8(descriptor);
            data.put_slice(part);
            Payload {
                marker: last,
                data: data.freeze(),
            }
        };
        Ok(unit.chunks(MAX_PAYLOAD - 1).enumerate().map(payload).collect())
    }

    fn ticks(&self, _: &Bytes) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_says_where_a_picture_begins_and_ends() {
        let heads = |mut codec: Vpx, bytes: usize, is_key: bool| {
            let payloads = codec.pack(&vec![7; bytes].into(), is_key).unwrap();
            assert_eq!(
                payloads.iter().map(|payload| payload.data.len() - 1).sum::<usize>(),
                bytes
            );
            payloads
                .iter()
                .map(|payload| (payload.data[0], payload.marker))
                .collect::<Vec<_>>()
        };
        assert_eq!(heads(Vpx::Vp9, 100, true), [(0x0c, true)]);
        assert_eq!(
            heads(Vpx::Vp9, 3_000, false),
            [(0x48, false), (0x40, false), (0x44, true)]
        );
        assert_eq!(heads(Vpx::Vp8, 2_000, true), [(0x10, false), (0, true)]);
    }
}
