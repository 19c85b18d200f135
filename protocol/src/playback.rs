use serde::{Deserialize, Serialize};

use crate::{Refusal, Storage};

/// A recorded file that a node publishes into a channel, at the pace at which it was recorded. Whoever asks again by the same id,
/// for the same file, is told how far the node has come with it, and keeps it going: a playback that nobody has asked about for
/// [`Playback::KEPT_MS`] ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// Names it at the node: 1 to 64 letters, digits, `_` and `-`.
    pub id: String,
    pub app_id: String,
    pub channel: String,
    /// The user as whom it is published.
    pub uid: String,
    /// Where the file is,
    pub from: Storage,
    /// the object's key, prefix and name,
    pub key: String,
    /// and its length.
    pub bytes: u64,
    /// When its first picture is shown: as soon as the file is there, unless it is told. Where that is past, what would be shown
    /// by now is shown: so another node goes on where a lost one stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_ms: Option<u64>,
    /// When it ends, whatever is left of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_ms: Option<u64>,
    /// Behind its end the file begins again.
    #[serde(default)]
    pub is_looped: bool,
    /// It is to end now.
    #[serde(default)]
    pub is_over: bool,
    /// It is answered when it has begun to play or is over, or after so long.
    #[serde(default)]
    pub wait_ms: u64,
}

/// How far a node has come with a [`Playback`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaybackState {
    /// The file is being fetched, or its time has not come.
    Waits,
    /// It is published. `starts_ms`: when its first picture was shown, or would have been, which is what another node has to be
    /// told.
    Plays {
        starts_ms: u64,
    },
    /// It has come to its end, or was ended.
    Over,
    Failed(Refusal),
}

impl Playback {
    pub const KEPT_MS: u64 = 60_000;
    /// The longest file: a node needs as much of its disk.
    pub const MOST_BYTES: u64 = 64 << 30;
}
