//! Where channels live: what a node tells the edge of the channels that it carries, and what the edge tells a node that follows
//! one.

use serde::{Deserialize, Serialize};

use crate::{Secret, StreamName};

/// What a node tells of the channels whose users publish to it. One message tells of some channels; without any it says that
/// all is as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelNews {
    /// The lease under which the node has told all that it does not tell now; `None` when it has told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u64>,
    /// Where other nodes reach the node's channel server: `rtsp://host:port`.
    pub address: String,
    pub channels: Vec<CarriedChannel>,
}

impl ChannelNews {
    /// The most channels in one message.
    pub const MAX_CHANNELS: usize = 64;
}

/// Who publishes to one channel at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedChannel {
    pub app_id: String,
    pub channel: String,
    /// A number that grows with each change, also across restarts of the node.
    pub version: u64,
    /// Without any, the node does not carry the channel any more.
    pub users: Vec<CarriedUser>,
}

/// A user of a channel, as the node says to which they publish.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CarriedUser {
    pub uid: String,
    /// Unix milliseconds.
    pub joined_at_ms: u64,
    pub streams: Vec<CarriedStream>,
}

/// A stream that is published to the node which carries the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CarriedStream {
    pub name: StreamName,
    /// A number that differs between two publications of the same stream, and is no greater than the version of the channel.
    pub publication: u64,
    /// As [`RosterStream::of_camera`](crate::RosterStream::of_camera).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_camera: bool,
}

/// The edge's answer to [`ChannelNews`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelLease {
    /// The lease that holds what the node has told. If the node told under another one, everything but this message has to be
    /// told again.
    pub lease: u64,
    /// The node has to tell something, or nothing, within so many milliseconds.
    pub interval_ms: u64,
    /// By which the node knows the tokens of other nodes that read from it: the text of a [`RelayKey`](crate::RelayKey).
    pub relay_key: Secret,
    /// Positions in [`ChannelNews::channels`] of those that have to be told again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<u32>,
}

/// A node asks where a channel lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowQuestion {
    pub app_id: String,
    pub channel: String,
    pub follow: Follow,
}

/// What a node wants to hear of a channel after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// Nothing.
    Once,
    /// Each change, until it is lost or says [`Self::End`].
    Begin,
    /// Nothing any more.
    End,
}

/// Who publishes to a channel at other nodes than the one that is told. A stream that is published at several nodes is listed at
/// the one where it was published last, and so not at all if that is the node that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    pub app_id: String,
    pub channel: String,
    /// A number that grows with each change of the channel.
    pub version: u64,
    /// The version of the told node's own [`CarriedChannel`] that this takes into account; 0 when there is none.
    pub heard: u64,
    pub carriers: Vec<ChannelCarrier>,
}

/// A node that carries a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCarrier {
    pub node_id: String,
    /// `rtsp://host:port`.
    pub address: String,
    /// What opens the channel's streams there, for a while: see [`RelayKey`](crate::RelayKey).
    pub token: Secret,
    pub users: Vec<CarriedUser>,
}
