use std::collections::BTreeMap;

use protocol::{RoomSlot, RoomSource};

/// Which source each media section (by mid) sends.
pub(in crate::rtc) type Sources = BTreeMap<String, RoomSource>;

/// What a room wants of a connection.
pub(in crate::rtc) enum Wish {
    /// By mid; `None` empties the slot.
    Slots(BTreeMap<String, Option<RoomSlot>>),
    Allow {
        audio: bool,
        video: bool,
        max_bitrate: u64,
    },
}
