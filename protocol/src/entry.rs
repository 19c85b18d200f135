use serde::{Deserialize, Serialize};

use crate::Secret;

/// What a node asks before it lets somebody publish to a channel, or play from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryQuestion {
    /// The node that asks.
    pub node_id: String,
    pub app_id: String,
    pub channel: String,
    /// Whose streams are to be published or played.
    pub uid: String,
    /// The uid by which whoever asks calls itself, if it does. To publish it has to be [`Self::uid`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_uid: Option<String>,
    /// The channel token that was shown, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

/// The edge's answer to an [`EntryQuestion`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryAnswer {
    /// The channels of this app ask for no token.
    Open,
    /// What the token allows.
    Granted(Rights),
    /// Nothing is allowed.
    Refused {
        /// A sentence that a person can act on; it holds nothing of the token.
        reason: String,
    },
}

/// For how long each thing may be done, in milliseconds from the answer on; 0 for what is not allowed at all. Durations, so that
/// the clocks of edge and node need not agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    pub play_ms: u64,
    pub publish_audio_ms: u64,
    pub publish_video_ms: u64,
}
