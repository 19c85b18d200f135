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
    /// Connections by WebRTC.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<LiveSession>,
}

/// A connection by WebRTC, as the node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSession {
    /// Whose stream is published or played,
    pub uid: String,
    /// and which one.
    pub stream: StreamName,
    pub kind: SessionKind,
    /// When it began, Unix milliseconds.
    pub since_ms: u64,
    /// All that came from the client in the last seconds,
    pub received_bits_per_second: u64,
    /// and went to it.
    pub sent_bits_per_second: u64,
    /// Of a thousand packets of the medium that lacks most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_per_mille: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// Requests for lost packets since it began, and for keyframes: the node's to a publisher, a player's to the node.
    pub repeats_asked: u64,
    pub keyframes_asked: u64,
    /// What the way to a player carries, where that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_bits_per_second: Option<u64>,
    /// Whether a player gets the sound alone for the time being, because its way does not carry the picture.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub picture_paused: bool,
}

impl LiveSession {
    /// One that has just begun. `since_ms`: Unix milliseconds.
    pub fn begun(uid: String, stream: StreamName, kind: SessionKind, since_ms: u64) -> Self {
        Self {
            uid,
            stream,
            kind,
            since_ms,
            received_bits_per_second: 0,
            sent_bits_per_second: 0,
            lost_per_mille: None,
            round_trip_ms: None,
            repeats_asked: 0,
            keyframes_asked: 0,
            estimated_bits_per_second: None,
            picture_paused: false,
        }
    }
}

/// Which way the media of a session go, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    Publish,
    Play,
}

/// A user who publishes at the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveUser {
    pub uid: String,
    /// Unix milliseconds.
    pub joined_at_ms: u64,
    pub streams: Vec<LiveStream>,
}

/// A stream of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveStream {
    pub name: StreamName,
    /// When its publication began, Unix milliseconds.
    pub since_ms: u64,
    /// What it has brought in the last second, in bits.
    pub bits_per_second: u64,
    pub tracks: Vec<LiveTrack>,
}

/// A track of a stream.
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
