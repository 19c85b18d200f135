//! Opus, RFC 7587: one Opus packet in each RTP packet.

use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet, PayloadFormat};
use crate::stream::{Format, OpusFormat, OpusHead};

/// RFC 7587 §4.1, whatever rate the sound is coded for.
const CLOCK_RATE: u32 = 48_000;

#[derive(Debug)]
pub(super) struct Opus {
    /// At least what the sender says. A sender who says nothing may still code in stereo; one that codes in mono for a
    /// while stays stereo.
    channels: u16,
    announced: bool,
}

impl Opus {
    pub(super) fn new(format: &PayloadFormat) -> Result<Self, &'static str> {
        if format.clock_rate != CLOCK_RATE {
            return Err("clock rate other than 48000");
        }
        let stereo = format.fmtp.number("sprop-stereo") == Some(1);
        Ok(Self {
            channels: if stereo { 2 } else { 1 },
            announced: false,
        })
    }
}

impl Depacketizer for Opus {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let head = OpusHead::read(&packet.payload).ok_or(Malformed("Opus: packet of no valid duration"))?;
        if head.stereo && self.channels == 1 {
            self.channels = 2;
            self.announced = false;
        }
        let format = (!self.announced).then(|| FrameFormat {
            format: Format::Opus(OpusFormat {
                channels: self.channels,
            }),
            frame_us: i64::from(head.samples) * 1_000_000 / i64::from(CLOCK_RATE),
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
