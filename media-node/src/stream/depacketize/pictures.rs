//! Where pictures of NAL units end: at a marker, where their sender's markers mean that, and else where the next one begins. What
//! H.264 and H.265 have in common.

use bytes::{BufMut, BytesMut};

use super::markers::Markers;
use super::{Depacketizer, Frame, FrameFormat, MAX_UNIT_BYTES, Malformed, Packet};
use crate::stream::annexb::START_CODE;

/// An access unit that is being put together. `P`: what the first slice of its picture says.
#[derive(Debug)]
pub(super) struct Unit<P> {
    pub(super) timestamp: u32,
    pub(super) arrival_us: i64,
    /// Annex B, without parameter sets.
    pub(super) data: BytesMut,
    /// Parameter sets that changed with this unit, Annex B.
    pub(super) changed_sets: BytesMut,
    pub(super) picture: Option<P>,
    /// It has a recovery point, and all is as it was sent only some pictures later.
    pub(super) recovery: Option<bool>,
    /// Its last packet so far has the marker.
    ends_marked: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pictures<P> {
    pub(super) unit: Option<Unit<P>>,
    /// The picture that was waiting for the next one when packets were lost: whole, unless more of it comes.
    kept: Option<Unit<P>>,
    /// The timestamp of the picture that a marker ended last.
    marked: Option<u32>,
    markers: Markers,
}

/// A codec whose pictures consist of NAL units.
pub(super) trait NalCodec: Send {
    type Picture;

    fn pictures(&mut self) -> &mut Pictures<Self::Picture>;

    /// Takes the NAL units of a packet.
    fn payload(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed>;

    /// The unit is complete. One without a picture is dropped: its parameter sets are stored.
    fn finish(&mut self) -> Result<Option<Frame>, Malformed>;

    /// What follows depends on what is missing.
    fn wait(&mut self);

    /// Packets are missing: what had begun to come of a NAL unit will not be whole.
    fn forget_parts(&mut self);
}

impl<P> Unit<P> {
    fn new(packet: &Packet) -> Self {
        Self {
            timestamp: packet.timestamp,
            arrival_us: packet.arrival_us,
            data: BytesMut::new(),
            changed_sets: BytesMut::new(),
            picture: None,
            recovery: None,
            ends_marked: false,
        }
    }

    /// The frame that it is. `activated`: for a keyframe, its parameter sets, and its format where that is another one than before.
    pub(super) fn into_frame(self, activated: Option<(BytesMut, Option<FrameFormat>)>) -> Frame {
        let keyframe = activated.is_some();
        let (mut data, format) = activated.unwrap_or((self.changed_sets, None));
        data.unsplit(self.data);
        Frame {
            timestamp: self.timestamp,
            arrival_us: self.arrival_us,
            data: data.freeze(),
            keyframe,
            format,
        }
    }

    fn is_marked(&self) -> bool {
        self.ends_marked && self.picture.is_some()
    }
}

impl<P> Default for Pictures<P> {
    fn default() -> Self {
        Self {
            unit: None,
            kept: None,
            marked: None,
            markers: Markers::default(),
        }
    }
}

impl<P> Pictures<P> {
    /// The unit that this packet's NAL units belong to.
    pub(super) fn unit(&mut self, packet: &Packet) -> &mut Unit<P> {
        self.unit.get_or_insert_with(|| Unit::new(packet))
    }

    /// A slice has come that does not begin a picture, and none is there.
    pub(super) fn lacks_beginning(&mut self, packet: &Packet) {
        if self.marked == Some(packet.timestamp) {
            self.markers.went_on();
        }
    }

    /// A picture has ended.
    pub(super) fn ended(&mut self) {
        self.markers.ended();
    }
}

/// Appends a NAL unit in the form of Annex B.
pub(super) fn append(data: &mut BytesMut, nal: &[u8]) -> Result<(), Malformed> {
    if data.len() + nal.len() > MAX_UNIT_BYTES {
        return Err(Malformed("access unit too long"));
    }
    data.put_slice(&START_CODE);
    data.put_slice(nal);
    Ok(())
}

/// Finishes the picture that was kept; what depends on it is missing.
fn finish_kept<C: NalCodec>(codec: &mut C) -> Result<Option<Frame>, Malformed> {
    let Some(kept) = codec.pictures().kept.take() else {
        return Ok(None);
    };
    let present = codec.pictures().unit.replace(kept);
    let frame = codec.finish();
    codec.pictures().unit = present;
    codec.wait();
    frame
}

impl<C: NalCodec> Depacketizer for C {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let is_other = |unit: &Unit<_>| unit.timestamp != packet.timestamp;
        if self.pictures().kept.as_ref().is_some_and(is_other) {
            frames.extend(finish_kept(self)?);
        }
        let pictures = self.pictures();
        pictures.kept = None;
        match &pictures.unit {
            Some(unit) if is_other(unit) => frames.extend(self.finish()?),
            Some(unit) if unit.is_marked() => pictures.markers.went_on(),
            _ => {}
        }
        self.payload(packet, frames)?;
        let Pictures {
            unit: Some(unit),
            marked,
            markers,
            ..
        } = self.pictures()
        else {
            return Ok(());
        };
        unit.ends_marked = packet.marker;
        // Some senders mark the packet with the parameter sets too.
        if unit.is_marked() && markers.end_pictures() {
            *marked = Some(packet.timestamp);
            frames.extend(self.finish()?);
        }
        Ok(())
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        frames.extend(finish_kept(self).ok().flatten());
        if self.pictures().unit.as_ref().is_some_and(|unit| unit.ends_marked) {
            frames.extend(self.finish().ok().flatten());
        }
    }

    fn lost(&mut self) {
        let pictures = self.pictures();
        let is_unknown = pictures.markers == Markers::Unknown;
        let unit = pictures.unit.take();
        pictures.kept = unit.filter(|unit| is_unknown && unit.is_marked());
        self.forget_parts();
        self.wait();
    }
}
