use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the edge asks a node about the connections of one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAsk {
    pub app_id: String,
    /// The channel of the same name carries the room's media.
    pub room_id: String,
    pub action: RoomAction,
}

/// What the edge asks of a node that carries a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomAction {
    /// To begin a connection, or to continue one of this ID with a new offer that keeps its media sections.
    Connect(RoomConnect),
    /// To continue a connection by another network (an ICE restart): `sdp` is the client's new offer.
    Restart { connection: String, sdp: String },
    /// What the named subscribing connections get from now on; others keep what they have.
    Slots(Vec<RoomSlots>),
    /// What a peer may publish from now on: tracks of other kinds are not passed on.
    Allow {
        peer_id: String,
        audio: bool,
        video: bool,
        max_bitrate: u64,
    },
    /// To end connections.
    Close { connections: Vec<String> },
}

/// A connection of one peer, which only publishes or only subscribes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomConnect {
    /// Chosen by the edge, unique in the room.
    pub connection: String,
    pub peer_id: String,
    pub sdp: String,
    pub direction: RoomDirection,
    /// How media travels: 0 UDP, 1 TCP, 2 both with UDP first, 3 both with TCP first.
    pub protocol: u8,
    /// Bits a second that one peer may send; estimates of the bandwidth do not go below the smaller.
    pub min_bitrate: u64,
    pub max_bitrate: u64,
}

/// Which way the media of a connection go, as its peer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomDirection {
    /// Which source each media section (by mid) sends.
    Publish { sources: BTreeMap<String, RoomSource> },
    /// Each media section that only receives is a slot.
    Subscribe,
}

/// What a track shows or sounds like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomSource {
    Audio,
    Camera,
    Screen,
}

/// What one subscribing connection gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSlots {
    pub connection: String,
    /// By mid; `None` empties the slot.
    pub map: BTreeMap<String, Option<RoomSlot>>,
}

/// What a slot shows: a source of a peer, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSlot {
    /// The room that the track was published in: another one than the asking one when rooms are merged.
    pub room_id: String,
    pub peer_id: String,
    pub source: RoomSource,
    /// Pixels that the viewer has for a picture: of several layers the smallest that fills it is sent. `None`: the best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Nothing is sent while this lasts.
    #[serde(default)]
    pub paused: bool,
}

/// The node's answer to a [`RoomAsk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomReply {
    /// The answer to the offer of [`RoomAction::Connect`] or [`RoomAction::Restart`].
    Answer {
        sdp: String,
    },
    Done,
    /// The offer cannot be served, for a reason that a developer of a client can act on.
    Refused {
        code: RoomRefusal,
        reason: String,
    },
}

/// Why a connection is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRefusal {
    /// Neither codec nor transport in common, or the offer cannot be read.
    BadOffer,
    /// There is no connection of this ID.
    NoConnection,
    /// The node has no room for another connection.
    Full,
}

/// What has happened at a node to the connections of one room, told at most every 250 ms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomNews {
    pub app_id: String,
    pub room_id: String,
    pub events: Vec<RoomEvent>,
    /// Slots that stay empty though they have been given something. Older edges do not know of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshown: Vec<RoomUnshown>,
}

/// A slot whose client cannot play what it has been given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomUnshown {
    pub connection: String,
    /// Of the slot.
    pub mid: String,
    /// For a person.
    pub reason: String,
}

/// What has happened in a room at its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomEvent {
    Connected {
        connection: String,
    },
    /// It was not heard for 15 seconds, or failed; it was not closed by the edge.
    Gone {
        connection: String,
        reason: String,
    },
    /// Media of this source has begun to come, or has ended. Publishers by RTSP, RTMP and WHIP are told of as well.
    Track {
        peer_id: String,
        source: RoomSource,
        is_on: bool,
    },
    /// Who speaks, the loudest first.
    Speakers {
        peer_ids: Vec<String>,
    },
}
