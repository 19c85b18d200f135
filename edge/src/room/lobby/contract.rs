use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use crate::object;

/// What the lobby of this app is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub app_id: String,
    pub request: Request,
}

/// What can be asked of a lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A room is there.
    Enter {
        room_id: String,
        live: bool,
    },
    /// A room is over.
    Leave {
        room_id: String,
    },
    /// To connect two live rooms, and all that are connected with either.
    Merge {
        room_id: String,
        other: String,
    },
    /// To take a room out of those that it is connected with.
    Separate {
        room_id: String,
    },
    /// The rooms that this one is connected with.
    Merged {
        room_id: String,
    },
    /// How many rooms there are.
    Count,
    /// Whether a user is let in.
    Admit {
        user_id: String,
    },
    Block {
        user_id: String,
    },
    /// To use a server no longer, or to use it again.
    Recycle {
        node_id: String,
        again: bool,
    },
    /// The servers that are not used.
    Recycled,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done,
    /// What the room is told with this version, or an older one, is about an earlier room of its ID.
    Entered {
        version: u64,
    },
    Rooms(Vec<String>),
    Count(usize),
    /// Whether a user is let in.
    Admitted(bool),
    Nodes(Vec<String>),
    Denied(Problem),
}

/// What came of an [`Effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What came of [`Effect::Tell`].
    Told { room_id: String, version: u64, ok: bool },
}

/// What the shell carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep what [`Lobby::take_changes`] returns. To be persisted before anything else is done.
    Save,
    /// Tell a room what it is connected with; answer with [`Event::Told`].
    Tell {
        app_id: String,
        room_id: String,
        version: u64,
        room_ids: Vec<String>,
    },
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;
