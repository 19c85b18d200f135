//! What AV1's OBUs say (AV1 5.3, 5.5 and 5.9), as far as a recording needs it.

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::rbsp::{BitRead, BitReader};

pub(super) const SEQUENCE_HEADER: u8 = 1;
pub(super) const TEMPORAL_DELIMITER: u8 = 2;
pub(super) const FRAME_HEADER: u8 = 3;
pub(super) const FRAME: u8 = 6;
pub(super) const TILE_LIST: u8 = 8;

const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// The most bytes of a number in LEB128.
const MAX_LEB128_BYTES: usize = 8;

/// One open bitstream unit.
#[derive(Clone, Debug)]
pub(super) struct Obu {
    pub(super) kind: u8,
    /// Of its header the first byte, and the second one where there is one.
    header: u8,
    extension: Option<u8>,
    pub(super) payload: Bytes,
}

impl Obu {
    /// `data`: one unit with its header; with its size or without.
    pub(super) fn read(data: &Bytes) -> Option<Self> {
        let header = *data.first()?;
        let mut length = 1;
        let mut extension = None;
        if header & HAS_EXTENSION != 0 {
            extension = Some(*data.get(1)?);
            length += 1;
        }
        let mut payload = data.slice(length..);
        if header & HAS_SIZE != 0 {
            let (size, bytes) = leb128(&payload)?;
            payload = Some(payload.slice(bytes..))
                .filter(|rest| size <= rest.len())?
                .slice(..size);
        }
        // The highest bit is never set.
        (header & 0x80 == 0).then_some(Self {
            kind: header >> 3 & 0x0f,
            header,
            extension,
            payload,
        })
    }

    /// Appends it with its size.
    pub(super) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.header | HAS_SIZE);
        out.extend(self.extension);
        let mut size = self.payload.len();
        while size >= 0x80 {
            out.put_u8(size as u8 | 0x80);
            size >>= 7;
        }
        out.put_u8(size as u8);
        out.put_slice(&self.payload);
    }
}

/// The units of a temporal unit, each of which has its size; up to the first one that cannot be read.
pub(super) fn obus(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let header = *rest.first()?;
        let after = rest.get(if header & HAS_EXTENSION != 0 { 2 } else { 1 }..)?;
        let (size, bytes) = leb128(after).filter(|_| header & HAS_SIZE != 0)?;
        let payload = after.get(bytes..)?.get(..size)?;
        rest = after.get(bytes + size..)?;
        Some((header >> 3 & 0x0f, payload))
    })
}

/// A number in LEB128, and how many bytes it takes.
pub(super) fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (at, byte) in data.iter().enumerate().take(MAX_LEB128_BYTES) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, at + 1));
        }
    }
    None
}

/// What a sequence header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) profile: u8,
    /// Of the largest pictures, in pixels.
    pub(super) width: u32,
    pub(super) height: u32,
    /// All pictures are key frames, and their headers do not say so.
    pub(super) reduced: bool,
}

impl Sequence {
    /// `payload`: of a sequence header. `None` when it cannot be read.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        const HIGHEST_WITHOUT_TIER: u32 = 7;
        let bits = &mut BitReader::new(payload);
        let profile = number(bits, 3)?;
        // A still picture.
        number(bits, 1)?;
        let reduced = number(bits, 1)? == 1;
        if reduced {
            number(bits, 5)?;
        } else {
            let mut delay_bits = None;
            if number(bits, 1)? == 1 {
                number(bits, 32)?;
                number(bits, 32)?;
                if number(bits, 1)? == 1 {
                    bits.read_ue("ticks of a picture").ok()?;
                }
                if number(bits, 1)? == 1 {
                    delay_bits = Some(number(bits, 5)? + 1);
                    number(bits, 32)?;
                    number(bits, 10)?;
                }
            }
            let has_display_delay = number(bits, 1)? == 1;
            for _ in 0..=number(bits, 5)? {
                number(bits, 12)?;
                if number(bits, 5)? > HIGHEST_WITHOUT_TIER {
                    number(bits, 1)?;
                }
                if let Some(delay_bits) = delay_bits
                    && number(bits, 1)? == 1
                {
                    number(bits, delay_bits)?;
                    number(bits, delay_bits)?;
                    number(bits, 1)?;
                }
                if has_display_delay && number(bits, 1)? == 1 {
                    number(bits, 4)?;
                }
            }
        }
        let (width_bits, height_bits) = (number(bits, 4)? + 1, number(bits, 4)? + 1);
        Some(Self {
            profile: profile as u8,
            width: number(bits, width_bits)? + 1,
            height: number(bits, height_bits)? + 1,
            reduced,
        })
    }
}

/// Whether the header of a frame is that of a key frame that is shown. `payload`: of a frame, or of its header.
pub(super) fn is_shown_key(payload: &[u8], sequence: Sequence) -> bool {
    // In order: whether a frame is shown that is there already, the type (two bits, 0 for a key frame), whether it is shown.
    sequence.reduced || payload.first().is_some_and(|first| first & 0xf0 == 0x10)
}

fn number(bits: &mut impl BitRead, count: u32) -> Option<u32> {
    bits.read(count, "field").ok()
}
