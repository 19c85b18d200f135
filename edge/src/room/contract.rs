use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAsk, RoomEvent, RoomReply, RoomSource, RoomUnshown, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::peer::Peer;
use super::problem::Problem;
use super::showing::{Playback, Played};
use super::spec::{Creation, Other, Spec};
use super::terms::{May, Server, SharedTrack, Side, SocketId};
use crate::object;

/// When the platform has last answered a ping over a socket, Unix milliseconds; 0 when it never has, `None` when the socket is not
/// there any more.
pub type Pings<'a> = &'a dyn Fn(SocketId) -> Option<u64>;

/// What a room's object is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub room_id: String,
    /// The app in whose name it is asked. A room of another app is as good as none.
    pub app_id: String,
    pub request: Request,
}

/// What can be asked of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Create(Box<Creation>),
    Look,
    End,
    /// To invite users to a conversation.
    Invite {
        user_ids: Vec<String>,
    },
    /// A message, to all peers or to some.
    Say {
        to: Option<Vec<String>>,
        data: Value,
    },
    /// Whether anybody may join.
    Gate {
        open: bool,
    },
    Expel {
        peer_id: String,
    },
    Has {
        peer_id: String,
    },
    /// To have the room on another server as well.
    Mirror(Server),
    /// To let one of the audience publish.
    Raise {
        peer_id: String,
        video: bool,
        max_bitrate: u64,
    },
    Lower {
        peer_id: String,
    },
    /// To show or not to show a track of a connected room.
    Pause {
        track_id: String,
        paused: bool,
    },
    /// A recording begins, in the place of the one that the caller knows to be over.
    Record {
        record_id: String,
        over: Option<String>,
    },
    /// A recording came to nothing.
    Unrecord {
        record_id: String,
    },
    /// From the app's lobby: the rooms that this one is connected with. A newer version counts.
    Connect {
        version: u64,
        room_ids: Vec<String>,
    },
    /// From a connected room: all that is published there. A newer version counts.
    Shared {
        from: String,
        version: u64,
        tracks: Vec<SharedTrack>,
        /// The newest version of this room's tracks that the other one has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heard: Option<u64>,
    },
    /// From the channel: who publishes to it, by whatever protocol.
    Roster {
        users: Vec<Publisher>,
    },
    /// A node's process is another one since this time, Unix milliseconds.
    Restarted {
        node_id: String,
        at_ms: u64,
    },
    /// From a node.
    News {
        node_id: String,
        events: Vec<RoomEvent>,
        unshown: Vec<RoomUnshown>,
    },
}

/// Who publishes to a room's channel, and what that may be: whether there is sound with a picture, the channel does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    pub user_id: String,
    pub sources: BTreeSet<RoomSource>,
}

/// The answer to a [`Request`] of the same name; `Done` to what asks nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    Created(Box<View>),
    /// Create: the room is there and has another master, or is another app's.
    Taken,
    View(Box<View>),
    Has(bool),
    Denied(Problem),
}

/// A room as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub room_id: String,
    pub spec: Spec,
    /// Who is there: those that may publish, and how many are there in all.
    pub members: Vec<String>,
    pub total: usize,
}

/// Who asks a node for a connection, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    pub peer_id: String,
    /// The client's number of its frame.
    pub id: u64,
    pub side: Side,
    pub connection: String,
    pub purpose: Purpose,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The sources by mid.
    Publish(BTreeMap<String, RoomSource>),
    /// What the connection is known by to its peer, and the sections that receive.
    Subscribe {
        origin: String,
        sections: Vec<(String, super::offer::MediaKind)>,
    },
    Restart,
}

/// What came of asking a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    By {
        node_id: String,
        /// What the API calls the node, where it was not one of the room's.
        server: Option<Server>,
        reply: RoomReply,
    },
    /// Nobody has answered.
    Nobody,
}

/// What happens to a room besides that it is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A socket is open.
    Opened {
        socket: SocketId,
    },
    Message {
        socket: SocketId,
        text: String,
    },
    /// The socket is gone, whoever closed it.
    Closed {
        socket: SocketId,
    },
    /// What came of [`Effect::Admit`].
    Admitted {
        socket: SocketId,
        join: Join,
        admitted: Result<May, String>,
        /// The absent master publishes to the channel by another protocol.
        has_master: bool,
    },
    /// What came of [`Effect::Media`].
    Answered {
        errand: Errand,
        answered: Answered,
    },
    /// What came of [`Effect::Tell`].
    Told {
        node_id: String,
        connections: BTreeSet<String>,
        done: bool,
    },
    /// What came of [`Effect::Play`]; `None`: no node has answered.
    Played(Option<Played>),
    /// What came of [`Effect::Register`].
    Registered {
        ok: bool,
        /// As [`Entered`](super::lobby::Reply::Entered).
        version: u64,
    },
    /// What came of [`Effect::Ask`].
    Roster {
        users: Vec<Publisher>,
    },
    /// What came of [`Effect::Leave`].
    Left {
        ok: bool,
    },
    /// What came of [`Effect::Share`].
    Shared {
        to: String,
        version: u64,
        ok: bool,
    },
}

/// A wish to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    pub id: u64,
    pub peer_id: String,
    pub token: Option<Secret>,
    pub resume: Option<String>,
    /// The number of the last message that the client has had.
    pub seen: Option<u64>,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Keep a row, in the place of the one of the same name. To be persisted with the state.
    Save(Box<Row>),
    /// Remove a row. To be persisted with the state.
    Remove {
        name: String,
    },
    Send {
        socket: SocketId,
        text: String,
    },
    Close {
        socket: SocketId,
        code: u16,
        reason: String,
    },
    /// Find out whether this user may be let in; answer with [`Event::Admitted`].
    Admit {
        app_id: String,
        room_id: String,
        socket: SocketId,
        join: Join,
        /// The master, without whom nobody else enters, where they have not come yet.
        absent_master: Option<String>,
    },
    /// Ask a node for a connection; answer with [`Event::Answered`].
    Media {
        wanted: Wanted,
        errand: Errand,
        ask: RoomAsk,
    },
    /// Tell a node what these connections get; answer with [`Event::Told`].
    Tell {
        node_id: String,
        connections: BTreeSet<String>,
        ask: RoomAsk,
    },
    /// Tell a node something that it hears or does not.
    Order {
        node_id: String,
        ask: RoomAsk,
    },
    /// Have a file of the app's own store played into the room, or hear how far that has come; answer with [`Event::Played`].
    /// Another node is asked if this one cannot. `is_over`: the node is to end it, and nothing is answered.
    Play {
        node_id: String,
        app_id: String,
        room_id: String,
        /// As whom it is published.
        uid: String,
        playback: Box<Playback>,
        is_over: bool,
    },
    /// Tell the lobby of a new room; answer with [`Event::Registered`].
    Register {
        app_id: String,
        room_id: String,
        live: bool,
    },
    /// Disconnect whoever publishes to the channel as this user, at whatever node.
    Disconnect {
        app_id: String,
        room_id: String,
        user_id: String,
    },
    /// Ask the channel who publishes to it; answer with [`Event::Roster`].
    Ask {
        app_id: String,
        room_id: String,
    },
    /// Tell the lobby that the room is over; answer with [`Event::Left`].
    Leave {
        app_id: String,
        room_id: String,
    },
    /// Tell a connected room what is published here; answer with [`Event::Shared`].
    Share {
        app_id: String,
        from: String,
        to: String,
        version: u64,
        tracks: Vec<SharedTrack>,
        /// The newest version of that room's tracks that has come.
        heard: u64,
    },
}

/// Which node is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This one and no other: it has the connection.
    Only(String),
    /// This one, or if it cannot, the best that can.
    Rather(String),
}

/// What is kept of a room, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    Room(Kept),
    Peer(String, Box<Peer>),
    Other(String, Other),
}

/// What is kept of a room even when it is over: an id stays its app's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub room_id: String,
    pub app_id: String,
    /// While it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Box<Spec>>,
    /// The lobby has to be told that it is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves: bool,
    /// The newest version of what has been shared, above those of earlier lives.
    #[serde(default)]
    pub shared: u64,
}

impl Row {
    pub const ROOM: &str = "room";

    pub fn name(&self) -> String {
        match self {
            Self::Room(_) => Self::ROOM.to_owned(),
            Self::Peer(peer_id, _) => Self::name_of_peer(peer_id),
            Self::Other(room_id, _) => Self::name_of_other(room_id),
        }
    }

    pub(super) fn name_of_peer(peer_id: &str) -> String {
        format!("peer:{peer_id}")
    }

    pub(super) fn name_of_other(room_id: &str) -> String {
        format!("other:{room_id}")
    }
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;
