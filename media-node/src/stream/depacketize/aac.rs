//! AAC as `mpeg4-generic`, RFC 3640: high and low bit rate modes.

use bytes::{BufMut, BytesMut};

use super::aac_frames::{AacFrames, Bits, MAX_FRAME_BYTES, from_hex};
use super::{Depacketizer, Frame, Malformed, Packet, PayloadFormat};

#[derive(Debug)]
pub(super) struct Aac {
    headers: HeaderSizes,
    frames: AacFrames,
    fragmented: Option<Fragmented>,
}

/// Bits of the fields of an AU header.
#[derive(Clone, Copy, Debug)]
struct HeaderSizes {
    size: u32,
    index: u32,
    index_delta: u32,
}

#[derive(Debug)]
struct Fragmented {
    timestamp: u32,
    arrival_us: i64,
    size: usize,
    data: BytesMut,
}

impl Aac {
    pub(super) fn new(format: &PayloadFormat) -> Result<Self, &'static str> {
        let fmtp = &format.fmtp;
        let high_rate = match fmtp.get("mode") {
            Some(mode) if mode.eq_ignore_ascii_case("aac-hbr") => true,
            Some(mode) if mode.eq_ignore_ascii_case("aac-lbr") => false,
            Some(_) => return Err("mode other than AAC-hbr and AAC-lbr"),
            // Some senders leave it out: the lengths are what differs, and hardly anybody sends at the low rate.
            None => fmtp.number("sizelength") != Some(6),
        };
        let optional = [
            "ctsdeltalength",
            "dtsdeltalength",
            "randomaccessindication",
            "streamstateindication",
        ];
        if optional
            .iter()
            .chain(&["auxiliarydatasizelength"])
            .any(|name| fmtp.number(name).is_some_and(|n| n != 0))
        {
            return Err("additional header fields");
        }
        let field = |name, usual| match fmtp.number(name).unwrap_or(usual) {
            bits @ 0..=16 => Ok(bits),
            _ => Err("oversized header fields"),
        };
        let (size, index) = if high_rate { (13, 3) } else { (6, 2) };
        let headers = HeaderSizes {
            size: field("sizelength", size)?,
            index: field("indexlength", index)?,
            index_delta: field("indexdeltalength", index)?,
        };
        if headers.size == 0 {
            return Err("no frame sizes");
        }
        let config = fmtp
            .get("config")
            .and_then(from_hex)
            .ok_or("no decoder configuration")?;
        Ok(Self {
            headers,
            frames: AacFrames::new(config, format)?,
            fragmented: None,
        })
    }
}

impl HeaderSizes {
    /// The sizes of the access units of one packet, in bytes.
    fn sizes(&self, headers: &[u8], header_bits: u32) -> Result<Vec<usize>, Malformed> {
        let mut bits = Bits::limited(headers, header_bits);
        let mut sizes = Vec::new();
        while !bits.is_at_end() {
            let index_bits = if sizes.is_empty() { self.index } else { self.index_delta };
            let (size, index) = (bits.take(self.size), bits.take(index_bits));
            let (Some(size), Some(index)) = (size, index) else {
                return Err(Malformed("AAC: header cut off"));
            };
            if index != 0 {
                return Err(Malformed("AAC: interleaved access units"));
            }
            if size == 0 || size as usize > MAX_FRAME_BYTES {
                return Err(Malformed("AAC: frame size out of range"));
            }
            sizes.push(size as usize);
        }
        Ok(sizes)
    }
}

impl Depacketizer for Aac {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        const CUT_OFF: Malformed = Malformed("AAC: packet cut off");
        if packet.payload.is_empty() {
            return Ok(());
        }
        let (&[high, low], after) = packet.payload.split_first_chunk().ok_or(CUT_OFF)?;
        let header_bits = u32::from(u16::from_be_bytes([high, low]));
        let headers = after.get(..header_bits.div_ceil(8) as usize).ok_or(CUT_OFF)?;
        let sizes = self.headers.sizes(headers, header_bits)?;
        let mut data = packet.payload.slice(2 + headers.len()..);

        // What a loss left unfinished ends with its timestamp.
        self.fragmented
            .take_if(|fragmented| fragmented.timestamp != packet.timestamp);
        if let Some(fragmented) = &mut self.fragmented {
            if *sizes != [fragmented.size] || fragmented.data.len() + data.len() > fragmented.size {
                return Err(Malformed("AAC: fragments that do not belong together"));
            }
            fragmented.data.put_slice(&data);
            if fragmented.data.len() == fragmented.size
                && let Some(whole) = self.fragmented.take()
            {
                frames.push(
                    self.frames
                        .frame(whole.timestamp, 0, whole.arrival_us, whole.data.freeze()),
                );
            }
            return Ok(());
        }
        if let [size] = *sizes
            && size > data.len()
        {
            let data = BytesMut::from(data.as_ref());
            let (timestamp, arrival_us) = (packet.timestamp, packet.arrival_us);
            self.fragmented = Some(Fragmented {
                timestamp,
                arrival_us,
                size,
                data,
            });
            return Ok(());
        }
        for (index, size) in (0..).zip(sizes) {
            if size > data.len() {
                return Err(CUT_OFF);
            }
            frames.push(
                self.frames
                    .frame(packet.timestamp, index, packet.arrival_us, data.split_to(size)),
            );
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.fragmented = None;
    }
}
