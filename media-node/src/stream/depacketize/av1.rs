//! AV1 as the RTP payload format of the Alliance for Open Media has it, version 1.0.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::assembly::Assembly;
use super::av1_headers::{
    FRAME, FRAME_HEADER, Obu, SEQUENCE_HEADER, Sequence, TEMPORAL_DELIMITER, TILE_LIST, is_shown_key, leb128, obus,
};
use super::parameter_sets::DEFAULT_FRAME_US;
use super::{Depacketizer, Frame, FrameFormat, MAX_UNIT_BYTES, Malformed, Packet};
use crate::stream::{Av1Format, Format, Quarters};

const CONTINUES: u8 = 0x80;
const IS_CONTINUED: u8 = 0x40;

#[derive(Debug)]
pub(super) struct Av1 {
    unit: Option<Unit>,
    /// Nothing can be decoded before the next key frame.
    waiting: bool,
    /// The last sequence header, with its size.
    sequence: Option<(Sequence, Bytes)>,
    /// What is known outside.
    told: Option<Sequence>,
}

/// The temporal unit that is being put together, of OBUs with their sizes.
#[derive(Debug)]
struct Unit {
    assembly: Assembly,
    /// The OBU whose rest is in the next packet.
    fragment: Option<BytesMut>,
    /// Its first frame, once it has come: whether it is a key frame that is shown.
    key: Option<bool>,
    has_sequence: bool,
}

impl Av1 {
    pub(super) fn new() -> Self {
        Self {
            unit: None,
            waiting: true,
            sequence: None,
            told: None,
        }
    }

    fn elements(&mut self, packet: &Packet) -> Result<(), Malformed> {
        const CUT_OFF: Malformed = Malformed("AV1: packet cut off");
        let mut rest = packet.payload.clone();
        if rest.is_empty() {
            return Ok(());
        }
        let head = rest.get_u8();
        let count = usize::from(head >> 4 & 3);
        if self.unit.is_none() && head & CONTINUES != 0 {
            // After a loss the rest of a unit is expected.
            return if self.waiting {
                Ok(())
            } else {
                Err(Malformed("AV1: OBU without its beginning"))
            };
        }
        let mut at = 0;
        while !rest.is_empty() {
            at += 1;
            // The last element has no size where their number is told.
            let element = if count > 0 && at == count {
                std::mem::take(&mut rest)
            } else {
                let (size, bytes) = leb128(&rest).ok_or(CUT_OFF)?;
                rest.advance(bytes);
                if size > rest.len() {
                    return Err(CUT_OFF);
                }
                rest.split_to(size)
            };
            let continues = at == 1 && head & CONTINUES != 0;
            let is_continued = rest.is_empty() && head & IS_CONTINUED != 0;
            self.element(packet, element, continues, is_continued)?;
        }
        Ok(())
    }

    fn element(
        &mut self,
        packet: &Packet,
        element: Bytes,
        continues: bool,
        is_continued: bool,
    ) -> Result<(), Malformed> {
        let unit = self.unit.get_or_insert_with(|| Unit::new(packet));
        let fragment = unit.fragment.take();
        if fragment.is_some() != continues {
            return Err(Malformed("AV1: fragments that do not belong together"));
        }
        let whole = match fragment {
            None if !is_continued => element,
            fragment => {
                let mut data = fragment.unwrap_or_default();
                if unit.assembly.data.len() + data.len() + element.len() > MAX_UNIT_BYTES {
                    return Err(Malformed("AV1: temporal unit too long"));
                }
                data.put_slice(&element);
                if is_continued {
                    unit.fragment = Some(data);
                    return Ok(());
                }
                data.freeze()
            }
        };
        if whole.is_empty() {
            return Ok(());
        }
        let obu = Obu::read(&whole).ok_or(Malformed("AV1: unreadable OBU"))?;
        let mut written = BytesMut::with_capacity(whole.len() + 8);
        obu.write(&mut written);
        match obu.kind {
            TEMPORAL_DELIMITER | TILE_LIST => return Ok(()),
            SEQUENCE_HEADER => {
                let sequence = Sequence::read(&obu.payload).ok_or(Malformed("AV1: unreadable sequence header"))?;
                self.sequence = Some((sequence, written.clone().freeze()));
                unit.has_sequence = true;
            }
            FRAME | FRAME_HEADER if unit.key.is_none() => {
                let sequence = self.sequence.as_ref().map(|(sequence, _)| *sequence);
                unit.key = Some(sequence.is_some_and(|sequence| is_shown_key(&obu.payload, sequence)));
            }
            _ => {}
        }
        unit.assembly.add(&written)
    }

    /// The temporal unit is complete. One without a frame is dropped: its sequence header is stored.
    fn finish(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some(unit) = self.unit.take() else { return Ok(None) };
        if unit.fragment.is_some() {
            return Err(Malformed("AV1: OBU without its end"));
        }
        let Some(keyframe) = unit.key else { return Ok(None) };
        if self.waiting && !keyframe {
            return Ok(None);
        }
        let mut data = unit.assembly.data;
        let mut format = None;
        if keyframe && let Some((sequence, header)) = &self.sequence {
            if !unit.has_sequence {
                data = [&header[..], &data].concat().as_slice().into();
            }
            if self.told.replace(*sequence) != Some(*sequence) {
                let av1 = Av1Format {
                    sequence_header: header.clone(),
                    width: sequence.width,
                    height: sequence.height,
                    quarters: Quarters::default(),
                };
                format = Some(FrameFormat {
                    format: Format::Av1(av1),
                    frame_us: DEFAULT_FRAME_US,
                });
            }
        }
        self.waiting = false;
        Ok(Some(Frame {
            timestamp: unit.assembly.timestamp,
            arrival_us: unit.assembly.arrival_us,
            data: data.freeze(),
            keyframe,
            format,
        }))
    }
}

impl Unit {
    fn new(packet: &Packet) -> Self {
        Self {
            assembly: Assembly::new(packet),
            fragment: None,
            key: None,
            has_sequence: false,
        }
    }
}

/// The width and height of the largest pictures, in pixels, by the sequence header of a temporal unit. `None` where there is
/// none; the inner one when it cannot be read.
pub fn av1_picture_size(unit: &[u8]) -> Option<Option<(u32, u32)>> {
    let (_, header) = obus(unit).find(|(kind, _)| *kind == SEQUENCE_HEADER)?;
    Some(Sequence::read(header).map(|sequence| (sequence.width, sequence.height)))
}

impl Depacketizer for Av1 {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let is_other = |unit: &Unit| unit.assembly.timestamp != packet.timestamp;
        if self.unit.as_ref().is_some_and(is_other) {
            frames.extend(self.finish()?);
        }
        self.elements(packet)?;
        let Some(unit) = &mut self.unit else { return Ok(()) };
        unit.assembly.ends_marked = packet.marker;
        if packet.marker {
            frames.extend(self.finish()?);
        }
        Ok(())
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        if self.unit.as_ref().is_some_and(|unit| unit.assembly.ends_marked) {
            frames.extend(self.finish().ok().flatten());
        }
    }

    fn lost(&mut self) {
        self.unit = None;
        self.waiting = true;
    }
}
