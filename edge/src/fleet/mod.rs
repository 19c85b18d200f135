//! The media nodes: who is alive, how loaded each is, and which one takes the next recording. Pure: heartbeats and the
//! time change the [`Fleet`], and what has to be kept comes back as a [`Change`]. It may not know Cloudflare, the life of
//! a recording, or a dialect.
//!
//! Nodes with lines are vouched for by these, every ten seconds at most; what they tell comes when it changes. The others send
//! heartbeats.
//!
//! The table lives in memory. It is rebuilt from what comes within seconds, so that only what bridges a restart of its
//! object is kept: a node's row is written when something about it changes, and of one that sends heartbeats now and then.

mod placement;
mod table;

use protocol::{Heartbeat, HeartbeatAnswer, Refusal};
use serde::{Deserialize, Serialize};

use crate::metrics::{Counts, Tally};
use crate::recording::Node;

pub use placement::Wish;
pub use table::{By, Change, Fleet, NodeRow, NodeView};

/// What the `Fleet` object can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A node's own sign of life.
    Heartbeat(Heartbeat),
    /// What a node has told over its line, which vouches for it from then on.
    Vouched(Heartbeat),
    /// A line vouches for its node, of which nothing has changed.
    Alive {
        node_id: String,
    },
    /// The line has broken.
    Absent {
        node_id: String,
    },
    Place(Wish),
    Nodes,
    /// From an instance of the worker.
    Counts(Counts),
    /// From an app's object, which has this name.
    Tally {
        app: String,
        tally: Tally,
    },
    Metrics,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Heartbeat(Result<HeartbeatAnswer, Refusal>),
    /// A node, or why there is none.
    Place(Result<Node, String>),
    Nodes(Vec<NodeView>),
    /// Whether the fleet knows what the node has told last; otherwise it has to be told.
    Alive {
        known: bool,
    },
    Noted,
    /// Prometheus' text.
    Metrics(String),
}
