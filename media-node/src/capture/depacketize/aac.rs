//! AAC as `mpeg4-generic`, RFC 3640: high and low bit rate modes.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use crate::capture::sdp::Offer;
use crate::capture::{AacFormat, Format};

/// What one AAC frame can be at most: 6144 bits a channel, 48 channels.
const MAX_FRAME_BYTES: usize = 6144 / 8 * 48;

#[derive(Debug)]
pub(super) struct Aac {
    headers: HeaderSizes,
    format: AacFormat,
    /// RTP ticks of one access unit.
    ticks: u32,
    fragmented: Option<Fragmented>,
    announced: bool,
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
    pub(super) fn new(offer: &Offer) -> Result<Self, &'static str> {
        let fmtp = &offer.fmtp;
        if !fmtp
            .get("mode")
            .is_some_and(|m| m.eq_ignore_ascii_case("aac-hbr") || m.eq_ignore_ascii_case("aac-lbr"))
        {
            return Err("mode other than AAC-hbr and AAC-lbr");
        }
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
        let hbr = fmtp.get("mode").is_some_and(|m| m.eq_ignore_ascii_case("aac-hbr"));
        let (size, index) = if hbr { (13, 3) } else { (6, 2) };
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
        let format = parse_config(config, offer.channels).ok_or("decoder configuration that cannot be read")?;
        // With spectral band replication the RTP clock may run at twice the core's sample rate.
        let ticks = u64::from(format.frame_length) * u64::from(offer.clock_rate) / u64::from(format.sample_rate);
        let ticks = u32::try_from(ticks).map_err(|_| "clock rate out of range")?;
        Ok(Self {
            headers,
            format,
            ticks,
            fragmented: None,
            announced: false,
        })
    }

    fn frame(&mut self, timestamp: u32, arrival_us: i64, data: Bytes) -> Frame {
        let frame_us = i64::from(self.format.frame_length) * 1_000_000 / i64::from(self.format.sample_rate);
        let format = (!self.announced).then(|| FrameFormat {
            format: Format::Aac(self.format.clone()),
            frame_us,
        });
        self.announced = true;
        Frame {
            timestamp,
            arrival_us,
            data,
            keyframe: true,
            format,
        }
    }

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
                let frame = self.frame(whole.timestamp, whole.arrival_us, whole.data.freeze());
                frames.push(frame);
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
        let mut timestamp = packet.timestamp;
        for size in sizes {
            if size > data.len() {
                return Err(CUT_OFF);
            }
            let frame = self.frame(timestamp, packet.arrival_us, data.split_to(size));
            frames.push(frame);
            timestamp = timestamp.wrapping_add(self.ticks);
        }
        Ok(())
    }
}

impl HeaderSizes {
    /// The sizes of the access units of one packet, in bytes.
    fn sizes(&self, headers: &[u8], header_bits: u32) -> Result<Vec<usize>, Malformed> {
        let mut bits = Bits {
            data: headers,
            at: 0,
            end: header_bits,
        };
        let mut sizes = Vec::new();
        while bits.at < bits.end {
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
    fn push(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let taken = self.take(packet, frames);
        if taken.is_err() {
            self.lost();
        }
        taken
    }

    fn lost(&mut self) {
        self.fragmented = None;
    }
}

/// Reads numbers of up to 32 bits, the most significant bit first.
struct Bits<'a> {
    data: &'a [u8],
    at: u32,
    end: u32,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.end)?;
        let mut value = 0;
        for at in self.at..end {
            let byte = self.data.get(at as usize / 8)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at = end;
        Some(value)
    }
}

fn from_hex(text: &str) -> Option<Bytes> {
    // `from_str_radix` alone would take signs.
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1, as far as the AAC object types go.
fn parse_config(config: Bytes, offered_channels: Option<u16>) -> Option<AacFormat> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    const SBR: u32 = 5;
    const PARAMETRIC_STEREO: u32 = 29;
    let mut bits = Bits {
        data: &config,
        at: 0,
        end: u32::try_from(config.len()).ok()?.checked_mul(8)?,
    };
    let object_type = |bits: &mut Bits<'_>| match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        kind => Some(kind),
    };
    let rate = |bits: &mut Bits<'_>| match bits.take(4)? {
        15 => bits.take(24).filter(|rate| *rate > 0),
        index => RATES.get(index as usize).copied(),
    };
    let mut kind = object_type(&mut bits)?;
    let sample_rate = rate(&mut bits)?;
    let channel_configuration = bits.take(4)?;
    if kind == SBR || kind == PARAMETRIC_STEREO {
        rate(&mut bits)?;
        kind = object_type(&mut bits)?;
    }
    // Main, LC, SSR and LTP begin with the flag for the short frame.
    if !(1..=4).contains(&kind) {
        return None;
    }
    let frame_length = if bits.take(1)? == 1 { 960 } else { 1024 };
    let channels = match channel_configuration {
        0 => offered_channels.filter(|n| *n > 0)?,
        7 => 8,
        n @ 1..=6 => n as u16,
        _ => return None,
    };
    Some(AacFormat {
        config,
        sample_rate,
        channels,
        frame_length,
    })
}
