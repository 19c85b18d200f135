//! Samples as they are: PCMU, PCMA, G.722 and L16, RFC 3551. Each packet is a unit.

use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet, PayloadFormat};
use crate::stream::{Format, PcmCoding, PcmFormat};

/// G.722 samples twice as often as its RTP clock ticks, RFC 3551 §4.5.2.
const G722_CLOCK_RATE: u32 = 8_000;
const G722_SAMPLE_RATE: u32 = 16_000;

/// Rates that sound is sampled at, in samples a second.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 1_000..=192_000;

#[derive(Debug)]
pub(super) struct Pcm {
    format: PcmFormat,
    announced: bool,
}

impl Pcm {
    pub(super) fn new(format: &PayloadFormat) -> Result<Self, &'static str> {
        let coding = match format.encoding.as_str() {
            "pcmu" => PcmCoding::MuLaw,
            "pcma" => PcmCoding::ALaw,
            "g722" => PcmCoding::G722,
            _ => PcmCoding::L16,
        };
        let channels = format.channels.unwrap_or(1);
        let sample_rate = match coding {
            PcmCoding::G722 if format.clock_rate != G722_CLOCK_RATE => return Err("clock rate other than 8000"),
            PcmCoding::G722 if channels != 1 => return Err("more than one channel"),
            PcmCoding::G722 => G722_SAMPLE_RATE,
            _ => format.clock_rate,
        };
        if !(1..=2).contains(&channels) {
            return Err("more than two channels");
        }
        if !SAMPLE_RATES.contains(&sample_rate) {
            return Err("sample rate out of range");
        }
        Ok(Self {
            format: PcmFormat {
                coding,
                sample_rate,
                channels,
            },
            announced: false,
        })
    }

    fn samples(&self, bytes: usize) -> usize {
        match self.format.coding {
            PcmCoding::MuLaw | PcmCoding::ALaw => bytes / usize::from(self.format.channels),
            PcmCoding::L16 => bytes / 2 / usize::from(self.format.channels),
            PcmCoding::G722 => bytes * 2,
        }
    }
}

impl Depacketizer for Pcm {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let samples = self.samples(packet.payload.len());
        if samples == 0 {
            return Err(Malformed("PCM: packet without a whole sample"));
        }
        let format = (!self.announced).then(|| FrameFormat {
            format: Format::Pcm(self.format.clone()),
            frame_us: samples as i64 * 1_000_000 / i64::from(self.format.sample_rate),
        });
        self.announced = true;
        frames.push(Frame {
            timestamp: packet.timestamp,
            arrival_us: packet.arrival_us,
            data: packet.payload.clone(),
            keyframe: true,
            format,
        });
        Ok(())
    }

    /// No packet needs another one.
    fn lost(&mut self) {}
}
