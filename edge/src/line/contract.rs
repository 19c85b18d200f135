use protocol::line::{Identity, NodeAnswer};
use protocol::{ChannelNews, EntryQuestion, FollowQuestion, Heartbeat, JobRequest, RecorderKey, Report, RoomNews};
use serde::{Deserialize, Serialize};

use super::kept::{Held, Holding, LineNumber, Loss, Memo, SocketId};
use crate::object;

/// What a node's object can be asked about its line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Ask the node over its line, and wait for its answer so long at most. `ask` is the text of an
    /// [`EdgeAsk`](protocol::line::EdgeAsk), which is handed on without being read.
    Ask {
        ask: String,
        limit_ms: u64,
        /// The recording that the node may hold from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holding: Option<Holding>,
        /// The oldest version of the line's protocol in which a node does it justice: no older one is asked.
        #[serde(default)]
        oldest: u32,
    },
    /// Whether the lease of a line, by which the node holds a recording, is over.
    Look { line: LineNumber, holding: Holding },
    /// Close the line, and whatever else the node has opened: it has to be let in again.
    Close { reason: String },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Answer {
        /// The node's own, or a refusal in its place.
        answer: NodeAnswer,
        /// The line that it has come over, if that has a lease.
        line: Option<LineNumber>,
    },
    Looked {
        loss: Option<Loss>,
    },
    /// The node was not asked, for it has no line.
    NoLine,
    Closed,
    /// No answer in time, or the line broke. Whether the node was reached is not known.
    Unreachable,
}

/// When the platform has last answered a ping over a socket, Unix milliseconds; 0 when it never has, `None` when that is not
/// known any more.
pub type Pings<'a> = &'a dyn Fn(SocketId) -> Option<u64>;

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
    /// `None` when the line has no lease, in a version before those that have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineNumber>,
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
        /// It is no refusal.
        ok: bool,
    },
    /// What came of [`Effect::Tell`]: whether the recorder has noted the loss.
    Told {
        recorder: RecorderKey,
        loss: Loss,
        ok: bool,
    },
    /// What came of [`Effect::Miss`]: whether the recorder takes the recording to be with the node; `None` when it could not be
    /// asked.
    Missed {
        sid: String,
        is_with_node: Option<bool>,
    },
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Keep what is to be known when the object is made anew. To be persisted with the state, before what is kept beside sockets.
    Write(Memo),
    /// Keep that the node holds a recording, and what it has told of it last, if that is not given to its recorder yet. To be
    /// persisted as well.
    Hold {
        holding: Holding,
        held: Held,
        report: Option<String>,
    },
    /// The node does not hold a recording any more. To be persisted as well.
    LetGo { sid: String },
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
    Report {
        asked: Asked,
        report: Box<Report>,
        line: Option<LineNumber>,
    },
    /// Ask the recorder for the job; answer with [`Event::Done`].
    Job {
        asked: Asked,
        request: JobRequest,
        line: Option<LineNumber>,
    },
    /// Tell the recorder that the node's lease is over, with the reports of these recordings that were kept; answer with
    /// [`Event::Told`].
    Tell {
        node_id: String,
        recorder: RecorderKey,
        loss: Loss,
        sids: Vec<String>,
    },
    /// Tell the recorder that the node does not name this recording among those that it holds, with the report that is kept of it
    /// if one is; answer with [`Event::Missed`].
    Miss {
        node_id: String,
        holding: Holding,
        kept: bool,
    },
    /// Tell the fleet; answer with [`Event::Done`].
    /// Look whether somebody may enter a channel; answer with [`Event::Done`].
    Entry { asked: Asked, question: EntryQuestion },
    Beat {
        asked: Asked,
        heartbeat: Heartbeat,
        /// When the node's next beat is due, if not as the fleet says: its line vouches for it.
        every_ms: Option<u64>,
    },
    /// Tell the fleet that the node is there, as its newest beat has said.
    Vouch(Heartbeat),
    /// Tell the fleet that the node's line has broken.
    Absent { node_id: String },
    /// Tell the node's channels that its process is another one since this time, Unix milliseconds. What does not arrive is made
    /// good by time.
    Restarted { node_id: String, at_ms: u64 },
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
    /// Tell the room; answer with [`Event::Done`].
    Room {
        asked: Asked,
        node_id: String,
        news: RoomNews,
    },
}

pub type Input = object::Input<Request, Event>;
pub type Output = object::Output<Reply, Effect>;
