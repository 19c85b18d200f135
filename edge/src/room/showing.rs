use protocol::PlaybackState;
use serde::{Deserialize, Serialize};

use super::limits::AGAIN_MS;
use super::terms::Server;

/// What is played, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// The app's store that has the file, as [`House::store`](crate::recording::House::store),
    pub store: String,
    /// the object's key, prefix and name,
    pub key: String,
    /// and its length.
    pub bytes: u64,
    /// How long it plays.
    #[serde(default)]
    pub duration_ms: u64,
    /// When the first picture is shown, Unix milliseconds; `None`: as soon as it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_ms: Option<u64>,
    #[serde(default)]
    pub looped: bool,
    /// The node that plays it, or was asked to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// How often it has failed.
    #[serde(default)]
    pub failures: u32,
}

/// What a node has said of a playback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    pub node_id: String,
    /// What the API calls the node, where it was not the one that was to be asked first.
    pub server: Option<Server>,
    pub state: PlaybackState,
}

impl Playback {
    /// When the node is likely to say that it is over.
    pub(super) fn over_ms(&self, starts_ms: u64, now_ms: u64) -> u64 {
        match self.looped {
            true => u64::MAX,
            false => {
                let over_ms = starts_ms.saturating_add(self.duration_ms).saturating_add(AGAIN_MS);
                over_ms.max(now_ms.saturating_add(AGAIN_MS))
            }
        }
    }

    /// Until then a room has a reason to be there, whoever is in it.
    pub(super) fn awaited_until_ms(&self) -> u64 {
        self.starts_ms.unwrap_or_default()
    }
}
