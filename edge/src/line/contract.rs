use protocol::Heartbeat;
use protocol::line::{Identity, NodeAnswer};
use protocol::{ChannelNews, FollowQuestion, JobRequest, Report};
use serde::{Deserialize, Serialize};

use crate::object;

/// What a node's object can be asked about its line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Ask the node over its line, and wait for its answer so long at most. `ask` is the text of an
    /// [`EdgeAsk`](protocol::line::EdgeAsk), which is handed on without being read.
    Ask { ask: String, limit_ms: u64 },
    /// Close the line, and whatever else the node has opened: it has to be let in again.
    Close { reason: String },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The node's own, or a refusal in its place.
    Answer(NodeAnswer),
    /// The node was not asked, for it has no line.
    NoLine,
    Closed,
    /// No answer in time, or the line broke. Whether the node was reached is not known.
    Unreachable,
}

/// Names a socket, for as long as it is open.
pub type SocketId = u64;

/// What is kept beside a socket while the object sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The id that whoever opened the socket has shown to be its own.
    pub node_id: String,
    /// The order of the sockets: it grows with each that is opened, and once more when its node says hello.
    pub number: u64,
    /// `None` until the node has said hello. The socket with the highest number that has it is the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<Greeting>,
}

/// What a node's hello said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    pub node: Identity,
    /// The version of the line's protocol that both sides speak.
    pub version: u32,
}

/// A question of the node that is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub socket: SocketId,
    /// The node's own id of it.
    pub id: u64,
}

/// What happens to a node's sockets.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Opened {
        socket: SocketId,
        node_id: String,
    },
    Message {
        socket: SocketId,
        text: String,
    },
    /// The socket is gone, whoever closed it.
    Closed {
        socket: SocketId,
    },
    /// What came of an [`Effect`] that was the node's question.
    Done {
        asked: Asked,
        /// The text of an [`EdgeAnswer`](protocol::line::EdgeAnswer).
        answer: String,
    },
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Keep this beside the socket. To be persisted with the state.
    Attach { socket: SocketId, attachment: Attachment },
    /// Send a message; when that is not possible, the socket is [`Event::Closed`].
    Send { socket: SocketId, text: String },
    /// Close the socket with a code and a reason, and forget it.
    Close {
        socket: SocketId,
        code: u16,
        reason: String,
    },
    /// Give the report to its recorder; answer with [`Event::Done`].
    Report { asked: Asked, report: Box<Report> },
    /// Ask the recorder for the job; answer with [`Event::Done`].
    Job { asked: Asked, request: JobRequest },
    /// Tell the fleet; answer with [`Event::Done`].
    Beat { asked: Asked, heartbeat: Heartbeat },
    /// Tell the node's channels; answer with [`Event::Done`].
    Channels {
        asked: Asked,
        node_id: String,
        news: ChannelNews,
    },
    /// Ask the channel; answer with [`Event::Done`].
    Follow {
        asked: Asked,
        node_id: String,
        question: FollowQuestion,
    },
}

pub type Input = object::Input<Request, Event>;
pub type Output = object::Output<Reply, Effect>;
