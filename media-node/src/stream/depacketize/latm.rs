//! AAC as `MP4A-LATM`, RFC 6416, with its configuration in the session description. What GStreamer sends by default.

use bytes::{BufMut, Bytes, BytesMut};

use super::aac_frames::{AacFrames, Bits, Configuration, MAX_FRAME_BYTES, NOT_AAC, from_hex};
use super::{Depacketizer, Frame, Malformed, Packet, PayloadFormat};

/// Several frames may share a packet, and several packets make up one large frame.
const MAX_ELEMENT_BYTES: usize = MAX_FRAME_BYTES * 4;

#[derive(Debug)]
pub(super) struct Latm {
    frames: AacFrames,
    fragmented: Option<Fragmented>,
}

#[derive(Debug)]
struct Fragmented {
    timestamp: u32,
    arrival_us: i64,
    data: BytesMut,
}

impl Latm {
    pub(super) fn new(format: &PayloadFormat) -> Result<Self, &'static str> {
        if format.fmtp.number("cpresent") != Some(0) {
            return Err("configuration in the stream: have its publisher tell it in the description");
        }
        let config = format
            .fmtp
            .get("config")
            .and_then(from_hex)
            .ok_or("no decoder configuration")?;
        let config = audio_specific_config(&config, format.channels)?;
        Ok(Self {
            frames: AacFrames::new(config, format)?,
            fragmented: None,
        })
    }
}

impl Depacketizer for Latm {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        // What a loss left unfinished ends with its timestamp.
        self.fragmented
            .take_if(|fragmented| fragmented.timestamp != packet.timestamp);
        let mut elements = packet.payload.clone();
        let mut arrival_us = packet.arrival_us;
        if self.fragmented.is_some() || !packet.marker {
            let fragmented = self.fragmented.get_or_insert_with(|| Fragmented {
                timestamp: packet.timestamp,
                arrival_us: packet.arrival_us,
                data: BytesMut::new(),
            });
            if fragmented.data.len() + packet.payload.len() > MAX_ELEMENT_BYTES {
                return Err(Malformed("AAC: audio element too long"));
            }
            fragmented.data.put_slice(&packet.payload);
            if !packet.marker {
                return Ok(());
            }
            if let Some(whole) = self.fragmented.take() {
                arrival_us = whole.arrival_us;
                elements = whole.data.freeze();
            }
        }
        let mut index = 0;
        while !elements.is_empty() {
            let data = next_frame(&mut elements)?;
            frames.push(self.frames.frame(packet.timestamp, index, arrival_us, data));
            index += 1;
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.fragmented = None;
    }
}

/// PayloadLengthInfo and PayloadMux, ISO/IEC 14496-3 1.7.3.1: a length as a sum of bytes up to the first below 255.
fn next_frame(elements: &mut Bytes) -> Result<Bytes, Malformed> {
    const CUT_OFF: Malformed = Malformed("AAC: audio element cut off");
    let last = elements.iter().position(|byte| *byte != 255).ok_or(CUT_OFF)?;
    let length = last * 255 + elements.get(last).map_or(0, |byte| usize::from(*byte));
    let mut data = elements.split_off(last + 1);
    if length == 0 || length > data.len() || length > MAX_FRAME_BYTES {
        return Err(CUT_OFF);
    }
    *elements = data.split_off(length);
    Ok(data)
}

/// The AudioSpecificConfig inside a StreamMuxConfig, ISO/IEC 14496-3 1.7.3.1. It stands there unaligned and without a
/// length. What follows it is not read: senders copy extensions and padding there that only a decoder could tell apart.
fn audio_specific_config(stream_mux: &[u8], channels: Option<u16>) -> Result<Bytes, &'static str> {
    let mut bits = Bits::new(stream_mux);
    let mut field = |count| bits.take(count).ok_or("decoder configuration that cannot be read");
    let (version, same_framing, _sub_frames, programs, layers) =
        (field(1)?, field(1)?, field(6)?, field(4)?, field(3)?);
    if version != 0 || same_framing != 1 || programs != 0 || layers != 0 {
        return Err("several programs or layers");
    }
    let start = bits.clone();
    Configuration::read(&mut bits, channels).ok_or(NOT_AAC)?;
    Ok(bits.since(&start))
}
