use serde::{Deserialize, Serialize};

/// Why something is not done. The numbers are part of the signalling contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Ours.
    System,
    /// The frame or the call cannot be read, or does not fit.
    Invalid,
    /// A call for live rooms is made to a conversation, or the other way round.
    WrongKind,
    /// A message.
    TooLong,
    /// The client is not let in at all: it is blocked, its token is refused, or it does not begin with a join.
    Illegal,
    NoRoom,
    Exists,
    NotInvited,
    /// The socket has joined already.
    Connected,
    NoConnection,
    /// Another client has joined as this peer.
    Joined,
    CannotPlay,
    MasterAbsent,
    CannotPublish,
    NoOtherRoom,
    NotInRoom,
    Full,
    Mirrored,
    Merged,
    NoServer,
    NoTrack,
    /// Of a connection that is not there any more.
    NoRouter,
    TooManyConnections,
    Recording,
    Closed,
}

impl Problem {
    pub fn code(self) -> u16 {
        match self {
            Self::System => 10_000,
            Self::Invalid | Self::WrongKind | Self::TooLong => 10_003,
            Self::Illegal => 50_000,
            Self::NoRoom => 50_001,
            Self::Exists => 50_002,
            Self::NotInvited => 50_003,
            Self::Connected => 50_004,
            Self::NoConnection => 50_005,
            Self::Joined => 50_006,
            Self::CannotPlay => 50_007,
            Self::MasterAbsent => 50_008,
            Self::CannotPublish => 50_009,
            Self::NoOtherRoom => 50_010,
            Self::NotInRoom => 50_011,
            Self::Full => 50_012,
            Self::Mirrored => 50_013,
            Self::Merged => 50_014,
            Self::NoServer => 50_015,
            Self::NoTrack => 50_016,
            Self::NoRouter => 50_017,
            Self::TooManyConnections => 50_018,
            Self::Recording => 50_020,
            Self::Closed => 50_022,
        }
    }

    /// What a developer can act on.
    pub fn text(self) -> &'static str {
        match self {
            Self::System => "the server failed: try again",
            Self::Invalid => "the request does not fit here",
            Self::WrongKind => {
                "the call does not fit this kind of room: conversations have invited members, live rooms co-hosts, mirrors and connected rooms"
            }
            Self::TooLong => "a message has at most 16 KiB",
            Self::Illegal => "the client is not let in",
            Self::NoRoom => "there is no such room: create it first",
            Self::Exists => "the room exists already, with this master",
            Self::NotInvited => "the user is not invited to the room: add them to its members",
            Self::Connected => "this connection has joined the room already",
            Self::NoConnection => "no media connection can be made: try again, or by another network",
            Self::Joined => {
                "the user has joined the room by another connection: show the `resume` of that one to take over"
            }
            Self::CannotPlay => "the client has no codec in common with the server",
            Self::MasterAbsent => "the room's master has not joined yet",
            Self::CannotPublish => "the user may not publish this kind of media here",
            Self::NoOtherRoom => "there is no such live room to connect with",
            Self::NotInRoom => "the user is not in the room",
            Self::Full => "the room has as many members as it may have",
            Self::Mirrored => "the room is on this server already",
            Self::Merged => "the rooms are connected already",
            Self::NoServer => "no media server takes the room",
            Self::NoTrack => "there is no such track",
            Self::NoRouter => "the media connection is not there any more: make a new one",
            Self::TooManyConnections => "the room has as many connections as one room may have",
            Self::Recording => "the room is being recorded: stop that first",
            Self::Closed => "the room takes nobody at the moment",
        }
    }
}
