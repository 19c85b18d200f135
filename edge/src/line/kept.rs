use protocol::{Heartbeat, RecorderKey};
use serde::{Deserialize, Serialize};

/// Names a socket, for as long as it is open.
pub type SocketId = u64;

/// Names a line with a lease among all that the node has had; later ones have higher numbers.
pub type LineNumber = u64;

/// A recording that the node holds, or may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub recorder: RecorderKey,
    pub sid: String,
}

/// The end of the leases of a node's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The newest of these lines: all before it are over too.
    pub line: LineNumber,
    /// When the node's newest ping over it was answered, Unix milliseconds.
    pub heard_ms: u64,
}

/// By which lease the node holds a recording, and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The newest line over which the node had to do with it.
    pub line: LineNumber,
    /// The [number](protocol::Report::seq) of the report that is kept, if one is.
    pub kept_seq: Option<u64>,
}

/// What is kept of a node's lines, beside what stands at their sockets and which recordings the node holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memo {
    pub(super) node_id: String,
    /// The number of the newest line.
    pub(super) newest: LineNumber,
    /// The lines whose lease is not known to be over, oldest first.
    pub(super) leases: Vec<Lease>,
    /// The newest loss.
    pub(super) loss: Option<Loss>,
    /// What the fleet knows of the node, as long as its line is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beat: Option<Heartbeat>,
    /// When the node's process began, by its own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_ms: Option<u64>,
}

impl Memo {
    /// Takes note of the process that says hello; whether another one has done so before.
    pub(super) fn begins(&mut self, started_ms: Option<u64>) -> bool {
        let before = self.started_ms;
        self.started_ms = started_ms.or(before);
        before.zip(started_ms).is_some_and(|(before, now)| before != now)
    }
}

/// The lease of one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) line: LineNumber,
    pub(super) socket: SocketId,
    /// It began, or was renewed, at this time or later, Unix milliseconds.
    pub(super) heard_ms: u64,
    /// `None` while the socket is open.
    pub(super) closed: Option<Closed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Closed {
    /// It is gone: nothing comes over it any more.
    Gone,
    /// The edge is closing it since this time, Unix milliseconds; a ping that comes before it is closed may be answered.
    Closing(u64),
}
