use crate::media::MediaError;
use crate::stream;

/// The payload of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) timestamp: u32,
    pub(super) data: Vec<u8>,
    pub(super) marker: bool,
}

/// What makes one track of another.
pub(super) trait Maker: Send {
    /// The next packet; what is complete by it goes to `made`.
    ///
    /// # Errors
    /// When nothing more is to be hoped for.
    fn packet(&mut self, packet: &stream::Packet, made: &mut Vec<Made>) -> Result<(), MediaError>;

    /// The timestamp of what is made that belongs to one of the sender's; `None` before anything was made.
    fn timestamp(&self, timestamp: u32) -> Option<u32>;

    /// Somebody cannot go on without a keyframe.
    fn want_keyframe(&mut self) {}
}
