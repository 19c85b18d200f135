//! VP9, RFC 9628: the frames of all spatial layers of a picture together, as a superframe.

use bytes::BufMut;
use h264_reader::rbsp::{BitRead, BitReader};

use super::assembly::Assembly;
use super::parameter_sets::DEFAULT_FRAME_US;
use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use crate::stream::{Format, Quarters, Vp9Format};

const HAS_PICTURE_ID: u8 = 0x80;
const PREDICTED: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGINS_FRAME: u8 = 0x08;
const HAS_STRUCTURE: u8 = 0x02;
const LONG_PICTURE_ID: u8 = 0x80;
/// What a picture may be predicted from.
const MAX_REFERENCES: usize = 3;
/// Frames in a superframe.
const MAX_FRAMES: usize = 8;

#[derive(Debug)]
pub(super) struct Vp9 {
    picture: Option<Picture>,
    /// Nothing can be decoded before the next key frame.
    waiting: bool,
    /// The size of the largest layer, by the last scalability structure.
    layered_size: Option<(u32, u32)>,
    format: Option<Vp9Format>,
}

/// The picture that is being put together.
#[derive(Debug)]
struct Picture {
    assembly: Assembly,
    /// Where its frames begin.
    frames: Vec<usize>,
}

/// What is in front of a part of a frame.
#[derive(Debug)]
pub struct Vp9Descriptor {
    pub begins_frame: bool,
    /// From another picture.
    pub is_predicted: bool,
    /// The temporal and the spatial layer, 0 where they are not told.
    pub layer: u8,
    pub spatial_layer: u8,
    /// Of the descriptor, in bytes.
    length: usize,
    /// The scalability structure: the size of its largest layer, where it tells sizes.
    structure: Option<Option<(u32, u32)>>,
}

impl Vp9 {
    pub(super) fn new() -> Self {
        Self {
            picture: None,
            waiting: true,
            layered_size: None,
            format: None,
        }
    }

    /// The picture is complete.
    fn finish(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some(picture) = self.picture.take() else {
            return Ok(None);
        };
        let Picture { mut assembly, frames } = picture;
        let head = FrameHead::read(&assembly.data).ok_or(Malformed("VP9: unreadable frame header"))?;
        let keyframe = matches!(head, FrameHead::Key(_));
        if self.waiting && !keyframe {
            return Ok(None);
        }
        let mut format = None;
        if let FrameHead::Key(mut now) = head {
            if let Some((width, height)) = self.layered_size {
                (now.width, now.height) = (width, height);
            }
            if self.format.as_ref() != Some(&now) {
                format = Some(FrameFormat {
                    format: Format::Vp9(now.clone()),
                    frame_us: DEFAULT_FRAME_US,
                });
                self.format = Some(now);
            }
        }
        if frames.len() > 1 {
            append_index(&mut assembly, &frames)?;
        }
        self.waiting = false;
        Ok(Some(Frame {
            timestamp: assembly.timestamp,
            arrival_us: assembly.arrival_us,
            data: assembly.data.freeze(),
            keyframe,
            format,
        }))
    }
}

/// Appends the index that makes one superframe of frames, VP9 annex B.
fn append_index(assembly: &mut Assembly, frames: &[usize]) -> Result<(), Malformed> {
    if frames.len() > MAX_FRAMES {
        return Err(Malformed("VP9: more layers than a picture can have"));
    }
    let ends = frames.iter().skip(1).copied().chain([assembly.data.len()]);
    let sizes: Vec<usize> = frames.iter().zip(ends).map(|(begin, end)| end - begin).collect();
    // Sizes of four bytes.
    let marker = 0b1100_0000 | 3 << 3 | (frames.len() as u8 - 1);
    assembly.data.put_u8(marker);
    for size in sizes {
        assembly.data.put_u32_le(size as u32);
    }
    assembly.data.put_u8(marker);
    Ok(())
}

impl Vp9Descriptor {
    /// `None` when the payload is shorter than that.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut length = 1;
        if first & HAS_PICTURE_ID != 0 {
            length += if payload.get(length)? & LONG_PICTURE_ID != 0 {
                2
            } else {
                1
            };
        }
        let mut layers = 0;
        if first & HAS_LAYERS != 0 {
            layers = *payload.get(length)?;
            length += if first & FLEXIBLE == 0 { 2 } else { 1 };
        }
        if first & FLEXIBLE != 0 && first & PREDICTED != 0 {
            for _ in 0..MAX_REFERENCES {
                let another = payload.get(length)? & 1 != 0;
                length += 1;
                if !another {
                    break;
                }
            }
        }
        let mut structure = None;
        if first & HAS_STRUCTURE != 0 {
            let (bytes, size) = Self::structure(payload.get(length..)?)?;
            length += bytes;
            structure = Some(size);
        }
        (length <= payload.len()).then_some(Self {
            begins_frame: first & BEGINS_FRAME != 0,
            is_predicted: first & PREDICTED != 0,
            layer: layers >> 5,
            spatial_layer: layers >> 1 & 7,
            length,
            structure,
        })
    }

    /// The length of a scalability structure, and the size of its largest layer.
    fn structure(data: &[u8]) -> Option<(usize, Option<(u32, u32)>)> {
        const HAS_SIZES: u8 = 0x10;
        const HAS_PICTURES: u8 = 0x08;
        let first = *data.first()?;
        let mut length = 1;
        let mut size = None;
        if first & HAS_SIZES != 0 {
            for _ in 0..=first >> 5 {
                let [w0, w1, h0, h1] = *data.get(length..)?.first_chunk()?;
                size = Some((
                    u32::from(u16::from_be_bytes([w0, w1])),
                    u32::from(u16::from_be_bytes([h0, h1])),
                ));
                length += 4;
            }
        }
        if first & HAS_PICTURES != 0 {
            let pictures = *data.get(length)?;
            length += 1;
            for _ in 0..pictures {
                length += 1 + usize::from(data.get(length)? >> 2 & 3);
            }
        }
        Some((length, size.filter(|(width, height)| *width > 0 && *height > 0)))
    }
}

/// What a frame's uncompressed header says, VP9 6.2.
#[derive(Clone, Debug, PartialEq, Eq)]
enum FrameHead {
    Key(Vp9Format),
    Other,
}

impl FrameHead {
    fn read(frame: &[u8]) -> Option<Self> {
        const MARKER: u32 = 2;
        const SYNC_CODE: u32 = 0x49_83_42;
        const RGB: u32 = 7;
        let mut bits = BitReader::new(frame);
        let mut number = |count: u32| bits.read::<u32>(count, "frame header").ok();
        if number(2)? != MARKER {
            return None;
        }
        let profile = number(1)? | number(1)? << 1;
        if profile == 3 {
            number(1)?;
        }
        // A frame that is there already is shown.
        if number(1)? == 1 {
            return Some(Self::Other);
        }
        let predicted = number(1)? == 1;
        // Whether it is shown, and resilient.
        number(2)?;
        if predicted {
            return Some(Self::Other);
        }
        if number(24)? != SYNC_CODE {
            return None;
        }
        let bit_depth = match profile >= 2 {
            true => 10 + 2 * number(1)?,
            false => 8,
        };
        let mut halved = (true, true);
        if number(3)? == RGB {
            halved = (false, false);
            if profile == 1 || profile == 3 {
                number(1)?;
            }
        } else {
            number(1)?;
            if profile == 1 || profile == 3 {
                halved = (number(1)? == 1, number(1)? == 1);
                number(1)?;
            }
        }
        Some(Self::Key(Vp9Format {
            width: number(16)? + 1,
            height: number(16)? + 1,
            profile: profile as u8,
            bit_depth: bit_depth as u8,
            chroma_halved: halved,
            quarters: Quarters::default(),
        }))
    }
}

/// The format of a key frame; `None` when it is none.
pub fn vp9_format(frame: &[u8]) -> Option<Vp9Format> {
    match FrameHead::read(frame)? {
        FrameHead::Key(format) => Some(format),
        FrameHead::Other => None,
    }
}

impl Depacketizer for Vp9 {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let descriptor = Vp9Descriptor::read(&packet.payload).ok_or(Malformed("VP9: packet cut off"))?;
        let is_other = |picture: &Picture| picture.assembly.timestamp != packet.timestamp;
        if self.picture.as_ref().is_some_and(is_other) {
            frames.extend(self.finish()?);
        }
        if self.picture.is_none() && !descriptor.begins_frame {
            // After a loss the rest of a picture is expected.
            return if self.waiting {
                Ok(())
            } else {
                Err(Malformed("VP9: picture without its beginning"))
            };
        }
        if let Some(size) = descriptor.structure {
            self.layered_size = size;
        }
        let picture = self.picture.get_or_insert_with(|| Picture {
            assembly: Assembly::new(packet),
            frames: Vec::new(),
        });
        if descriptor.begins_frame {
            picture.frames.push(picture.assembly.data.len());
        }
        picture.assembly.add(&packet.payload.slice(descriptor.length..))?;
        picture.assembly.ends_marked = packet.marker;
        if packet.marker {
            frames.extend(self.finish()?);
        }
        Ok(())
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        if self
            .picture
            .as_ref()
            .is_some_and(|picture| picture.assembly.ends_marked)
        {
            frames.extend(self.finish().ok().flatten());
        }
    }

    fn lost(&mut self) {
        self.picture = None;
        self.waiting = true;
    }
}
