//! What an operator sees of the channels that a node carries.

use serde::{Deserialize, Serialize};

use crate::{StreamName, TrackKind};

/// Which channels a node is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveQuestion {
    pub app_id: String,
    /// `None` for all of the app's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

impl LiveQuestion {
    /// The most channels in one answer: the first ones by name.
    pub const MAX_CHANNELS: usize = 200;
}

/// A channel as one node carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveChannel {
    pub channel: String,
    pub users: Vec<LiveUser>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveUser {
    pub uid: String,
    /// Unix milliseconds.
    pub joined_at_ms: u64,
    pub streams: Vec<LiveStream>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveStream {
    pub name: StreamName,
    /// When its publication began, Unix milliseconds.
    pub since_ms: u64,
    /// What it has brought in the last second, in bits.
    pub bits_per_second: u64,
    pub tracks: Vec<LiveTrack>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTrack {
    pub kind: TrackKind,
    /// As the publisher's session description names it: `H264`, `OPUS`.
    pub codec: String,
    /// Of the picture in pixels, where the session description says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// A user whose publishers a node has to disconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRemoval {
    pub app_id: String,
    pub channel: String,
    pub uid: String,
}
