use serde::{Deserialize, Serialize};

/// What media a track, or a playlist, is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Audio,
    Video,
    /// Audio and video in one.
    Both,
}
