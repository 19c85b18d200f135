//! The channels that one node carries or follows, all under one lease, which any message of the node renews. When it ends,
//! each of the channels is told so. A node that comes with another lease than the present one knows nothing of what was told
//! under that, because it was restarted or was taken for lost: everything begins anew then.
//!
//! Pure, as the whole of [`channel`](super).

mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::ChannelKey;
use crate::object;
pub use state::Carried;

/// What the object of this node is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub node_id: String,
    pub request: Request,
}

/// What the object can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The node speaks of what it carries, under the lease that it has.
    Carry {
        lease: Option<u64>,
        /// Channels that it is about to carry, before they are told so.
        channels: Vec<ChannelKey>,
    },
    /// The node is about to follow a channel, under whatever lease it has.
    Follow { channel: ChannelKey },
    /// The node's process is another one since this time, Unix milliseconds, and has nothing of what the one before carried.
    Restarted { at_ms: u64 },
    /// Channels that were told that the node does not carry or follow them any more.
    Drop {
        /// The lease under which they were told of the node; `None` for the present one.
        lease: Option<u64>,
        role: Role,
        channels: Vec<ChannelKey>,
    },
}

/// What a node has to do with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Carries,
    Follows,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The lease that the node has now.
    Lease(u64),
    /// The node has as many channels as it may.
    Full,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These channels were told of the loss of the lease; the others of [`Effect::Lose`] were not reached.
    Lost { lease: u64, told: Vec<ChannelKey> },
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Persist this, in the place of what it was before. To be persisted with the state.
    Keep(Kept),
    /// Persist that a channel has this part in the node. To be persisted with the state.
    Put(Entry),
    /// To be persisted with the state.
    Remove(Entry),
    /// Nothing is left to be kept. To be persisted with the state.
    Clear,
    /// Tell the channels that this lease is lost; answer with [`Event::Lost`].
    Lose {
        node_id: String,
        lease: u64,
        channels: Vec<ChannelKey>,
        /// The process that had the lease is no more since then, Unix milliseconds; `None` where that is not known.
        ended_ms: Option<u64>,
    },
}

/// What is kept of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub node_id: String,
    pub lease: u64,
    /// Unix milliseconds.
    pub heard_ms: u64,
    /// Leases before this one were those of earlier processes; it is not before the time at which the present one began.
    #[serde(default)]
    pub process: u64,
}

/// What is kept of one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The lease under which the channel was told of the node.
    pub lease: u64,
    pub channel: ChannelKey,
    pub role: Role,
}

pub type Input = object::Input<Question, Event>;
pub type Output = object::Output<Reply, Effect>;

/// A node tells something at least this often while it carries or follows channels.
pub const RENEW_MS: u64 = 10_000;
/// A node that has told nothing for so long has lost its channels.
pub const LEASE_MS: u64 = 30_000;

/// Applies one input. What the effects say that are to be persisted has to be kept before anything else is done.
pub fn step(carried: &mut Carried, input: Input, now_ms: u64) -> Vec<Output> {
    let mut out = Vec::new();
    match input {
        object::Input::Asked { by, request } => {
            let reply = carried.asked(request, now_ms, &mut out);
            out.push(Output::Reply { to: by, reply });
        }
        object::Input::Event(Event::Lost { lease, told }) => carried.told(lease, &told, now_ms, &mut out),
        object::Input::Alarm => {}
    }
    carried.settle(now_ms, &mut out);
    out
}
