use bytes::{BufMut, BytesMut};

use super::{MAX_UNIT_BYTES, Malformed, Packet};

/// A picture that is being put together of packets with one timestamp.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) timestamp: u32,
    pub(super) arrival_us: i64,
    pub(super) data: BytesMut,
    /// Its last packet so far has the marker.
    pub(super) ends_marked: bool,
}

impl Assembly {
    /// `packet`: its first one.
    pub(super) fn new(packet: &Packet) -> Self {
        Self {
            timestamp: packet.timestamp,
            arrival_us: packet.arrival_us,
            data: BytesMut::with_capacity(packet.payload.len() * 4),
            ends_marked: false,
        }
    }

    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Malformed> {
        if self.data.len() + data.len() > MAX_UNIT_BYTES {
            return Err(Malformed("picture too long"));
        }
        self.data.put_slice(data);
        Ok(())
    }
}
