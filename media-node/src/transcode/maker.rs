use crate::media::MediaError;
use crate::stream::{self, Depacketizer, Frame};

/// The payload of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) timestamp: u32,
    pub(super) data: Vec<u8>,
    pub(super) marker: bool,
}

/// A track's packets, on their way to frames.
pub(super) struct Incoming {
    depacketizer: Box<dyn Depacketizer>,
    expected: Option<u16>,
}

impl Incoming {
    pub(super) fn new(depacketizer: Box<dyn Depacketizer>) -> Self {
        Self {
            depacketizer,
            expected: None,
        }
    }

    /// The frames that are complete by a packet, and whether something is missing in front of them, or the packet cannot be read.
    pub(super) fn take(&mut self, packet: &stream::Packet) -> (Vec<Frame>, bool) {
        let expected = self.expected.replace(packet.sequence.wrapping_add(1));
        let is_missing = expected.is_some_and(|expected| expected != packet.sequence);
        if is_missing {
            self.depacketizer.lost();
        }
        let mut frames = Vec::new();
        match self.depacketizer.push(packet, &mut frames) {
            Ok(()) => (frames, is_missing),
            Err(_) => (Vec::new(), true),
        }
    }
}

/// What makes one track of another.
pub(super) trait Maker: Send {
    /// The next packet; what is complete by it goes to `made`.
    ///
    /// # Errors
    /// When nothing more is to be hoped for.
    fn packet(&mut self, packet: &stream::Packet, made: &mut Vec<Made>) -> Result<(), MediaError>;

    /// A packet from before anybody wanted anything, of which nothing is made: what comes may build on it.
    ///
    /// # Errors
    /// As [`Self::packet`].
    fn past(&mut self, _packet: &stream::Packet) -> Result<(), MediaError> {
        Ok(())
    }

    /// The timestamp of what is made that belongs to one of the sender's; `None` before anything was made.
    fn timestamp(&self, timestamp: u32) -> Option<u32>;

    /// Somebody cannot go on without a keyframe.
    fn want_keyframe(&mut self) {}
}
