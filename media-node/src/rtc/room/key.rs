/// Names a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::rtc) struct Key {
    pub(in crate::rtc) app: String,
    pub(in crate::rtc) room: String,
    pub(in crate::rtc) connection: String,
}

/// App and room.
pub(super) type RoomKey = (String, String);

impl Key {
    pub(super) fn place(&self) -> RoomKey {
        (self.app.clone(), self.room.clone())
    }
}
