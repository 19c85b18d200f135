//! VP8, RFC 7741.

use super::assembly::Assembly;
use super::parameter_sets::DEFAULT_FRAME_US;
use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use crate::stream::{Format, Quarters, Vp8Format};

const EXTENDED: u8 = 0x80;
const BEGINS_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0PICIDX: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEYIDX: u8 = 0x10;
const LONG_PICTURE_ID: u8 = 0x80;

#[derive(Debug)]
pub(super) struct Vp8 {
    frame: Option<Assembly>,
    /// Nothing can be decoded before the next key frame.
    waiting: bool,
    format: Option<Vp8Format>,
}

impl Vp8 {
    pub(super) fn new() -> Self {
        Self {
            frame: None,
            waiting: true,
            format: None,
        }
    }

    /// The frame is complete.
    fn finish(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        let keyframe = vp8_is_key(&frame.data);
        if self.waiting && !keyframe {
            return Ok(None);
        }
        let mut format = None;
        if keyframe {
            let (width, height) = vp8_picture_size(&frame.data).ok_or(Malformed("VP8: unreadable keyframe"))?;
            let now = Vp8Format {
                width,
                height,
                quarters: Quarters::default(),
            };
            if self.format.as_ref() != Some(&now) {
                format = Some(FrameFormat {
                    format: Format::Vp8(now.clone()),
                    frame_us: DEFAULT_FRAME_US,
                });
                self.format = Some(now);
            }
        }
        self.waiting = false;
        Ok(Some(Frame {
            timestamp: frame.timestamp,
            arrival_us: frame.arrival_us,
            data: frame.data.freeze(),
            keyframe,
            format,
        }))
    }
}

/// What is in front of a part of a frame.
pub struct Vp8Descriptor {
    pub begins_frame: bool,
    /// The temporal layer, 0 where it is not told.
    pub layer: u8,
    /// Of the descriptor, in bytes.
    pub length: usize,
}

impl Vp8Descriptor {
    /// `None` when the payload is shorter than that.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let (mut length, mut layer) = (1, 0);
        if first & EXTENDED != 0 {
            let extension = *payload.get(1)?;
            length += 1;
            if extension & HAS_PICTURE_ID != 0 {
                length += if payload.get(length)? & LONG_PICTURE_ID != 0 {
                    2
                } else {
                    1
                };
            }
            length += usize::from(extension & HAS_TL0PICIDX != 0);
            if extension & HAS_TID != 0 {
                layer = payload.get(length)? >> 6;
            }
            length += usize::from(extension & (HAS_TID | HAS_KEYIDX) != 0);
        }
        (length <= payload.len()).then_some(Self {
            begins_frame: first & BEGINS_PARTITION != 0 && first & PARTITION == 0,
            layer,
            length,
        })
    }
}

/// RFC 6386 9.1: the lowest bit of a frame is 0 in a key frame.
pub fn vp8_is_key(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 1 == 0)
}

/// The width and height of a key frame, in pixels; `None` when it is none.
pub fn vp8_picture_size(frame: &[u8]) -> Option<(u32, u32)> {
    const START_CODE: [u8; 3] = [0x9d, 1, 0x2a];
    let [_, _, _, a, b, c, w0, w1, h0, h1] = frame.first_chunk().filter(|_| vp8_is_key(frame))?;
    // The two bits above the size only ask for scaling.
    let size = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let (width, height) = (size(*w0, *w1), size(*h0, *h1));
    ([*a, *b, *c] == START_CODE && width > 0 && height > 0).then_some((width, height))
}

impl Depacketizer for Vp8 {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let descriptor = Vp8Descriptor::read(&packet.payload).ok_or(Malformed("VP8: packet cut off"))?;
        let (begins, part) = (descriptor.begins_frame, packet.payload.slice(descriptor.length..));
        let is_other = |frame: &Assembly| begins || frame.timestamp != packet.timestamp;
        if self.frame.as_ref().is_some_and(is_other) {
            frames.extend(self.finish()?);
        }
        if self.frame.is_none() && !begins {
            // After a loss the rest of a frame is expected.
            return if self.waiting {
                Ok(())
            } else {
                Err(Malformed("VP8: frame without its beginning"))
            };
        }
        let frame = self.frame.get_or_insert_with(|| Assembly::new(packet));
        frame.add(&part)?;
        frame.ends_marked = packet.marker;
        if packet.marker {
            frames.extend(self.finish()?);
        }
        Ok(())
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        if self.frame.as_ref().is_some_and(|frame| frame.ends_marked) {
            frames.extend(self.finish().ok().flatten());
        }
    }

    fn lost(&mut self) {
        self.frame = None;
        self.waiting = true;
    }
}
