//! MPEG audio, RFC 2250 §3.4 and §3.5: whole frames, or a part of one, behind a header of four bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet, PayloadFormat};
use crate::stream::mpeg_audio::MpegHead;
use crate::stream::{Format, MpegFormat};

/// RFC 3551 §4.5.13, whatever the sound is sampled at.
const CLOCK_RATE: u32 = 90_000;

#[derive(Debug)]
pub(super) struct MpegAudio {
    announced: Option<MpegFormat>,
    fragmented: Option<Fragmented>,
}

#[derive(Debug)]
struct Fragmented {
    timestamp: u32,
    arrival_us: i64,
    head: MpegHead,
    data: BytesMut,
}

impl MpegAudio {
    pub(super) fn new(format: &PayloadFormat) -> Result<Self, &'static str> {
        if format.clock_rate != CLOCK_RATE {
            return Err("clock rate other than 90000");
        }
        Ok(Self {
            announced: None,
            fragmented: None,
        })
    }

    fn frame(&mut self, timestamp: u32, arrival_us: i64, head: &MpegHead, data: Bytes) -> Frame {
        let is_new = self.announced.as_ref() != Some(&head.format);
        let format = is_new.then(|| FrameFormat {
            format: Format::Mpeg(head.format.clone()),
            frame_us: i64::from(head.format.frame_length) * 1_000_000 / i64::from(head.format.sample_rate),
        });
        if is_new {
            self.announced = Some(head.format.clone());
        }
        Frame {
            timestamp,
            arrival_us,
            data,
            keyframe: true,
            format,
        }
    }

    fn fragment(
        &mut self,
        packet: &Packet,
        offset: usize,
        part: &[u8],
        frames: &mut Vec<Frame>,
    ) -> Result<(), Malformed> {
        let Some(mut fragmented) = self.fragmented.take() else {
            // Its beginning was lost, which has been told.
            return Ok(());
        };
        let room = fragmented.head.bytes.saturating_sub(fragmented.data.len());
        if fragmented.timestamp != packet.timestamp || offset != fragmented.data.len() || part.len() > room {
            return Err(Malformed("MPEG audio: fragments that do not belong together"));
        }
        fragmented.data.put_slice(part);
        if part.len() < room {
            self.fragmented = Some(fragmented);
            return Ok(());
        }
        let Fragmented {
            timestamp,
            arrival_us,
            head,
            data,
        } = fragmented;
        frames.push(self.frame(timestamp, arrival_us, &head, data.freeze()));
        Ok(())
    }
}

impl Depacketizer for MpegAudio {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let Some((&[_, _, high, low], _)) = packet.payload.split_first_chunk() else {
            return Err(Malformed("MPEG audio: packet cut off"));
        };
        let offset = usize::from(u16::from_be_bytes([high, low]));
        let mut data = packet.payload.slice(4..);
        if offset > 0 {
            return self.fragment(packet, offset, &data, frames);
        }
        self.fragmented = None;
        let mut ticks = 0u64;
        let mut first = true;
        while !data.is_empty() {
            let head = MpegHead::read(&data).ok_or(Malformed("MPEG audio: no frame of layer II or III"))?;
            if head.bytes > data.len() {
                if !first {
                    return Err(Malformed("MPEG audio: frame cut off"));
                }
                self.fragmented = Some(Fragmented {
                    timestamp: packet.timestamp,
                    arrival_us: packet.arrival_us,
                    head,
                    data: BytesMut::from(data.as_ref()),
                });
                return Ok(());
            }
            let frame = data.split_to(head.bytes);
            let timestamp = packet.timestamp.wrapping_add(ticks as u32);
            frames.push(self.frame(timestamp, packet.arrival_us, &head, frame));
            let MpegFormat {
                frame_length,
                sample_rate,
                ..
            } = head.format;
            ticks += u64::from(frame_length) * u64::from(CLOCK_RATE) / u64::from(sample_rate);
            first = false;
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.fragmented = None;
    }
}
