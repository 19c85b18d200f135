use serde::{Deserialize, Serialize};

use crate::TrackKind;

/// How many occurrences one report carries at most.
pub const MAX_OCCURRENCES: usize = 100;

/// What happened in a recording and is not confirmed yet. It is told with each report until [`Confirmed`] comes back, so
/// that a lost report loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrences {
    /// Names the log that the numbers count in; one that is begun anew, on an empty disk say, has another name.
    pub log: u64,
    /// The oldest that are not confirmed, in the order of their numbers; at most [`MAX_OCCURRENCES`].
    pub list: Vec<Occurrence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// From 1, without holes but for what a log that grew too long has dropped.
    pub number: u64,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A playlist begins, or goes on after an interruption.
    SliceStarted {
        /// Of the one user in it; `0` when all users are mixed in it.
        uid: String,
        track: TrackKind,
        /// Wall-clock time of the first media.
        start_ms: u64,
        /// Where the media before the interruption ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interrupted_ms: Option<u64>,
    },
    /// The store has confirmed a playlist for the first time. `name` is the object's key.
    PlaylistPublished { name: String },
    /// The store has confirmed a picture. `name` is the object's key.
    PictureUploaded { name: String },
    /// A user's audio or video arrives, or does so no longer.
    StreamChanged {
        uid: String,
        track: TrackKind,
        receiving: bool,
        at_ms: u64,
    },
}

/// How far the edge has taken over a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub log: u64,
    /// The highest number that it has.
    pub through: u64,
}

/// How the uploads to a video-on-demand service stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vod {
    /// In the order of their making.
    pub videos: Vec<VodVideo>,
    /// Everything is there, and the service works on it.
    pub complete: bool,
}

/// A video in a video-on-demand service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VodVideo {
    /// Of the playlist or the MP4 file that it is made of.
    pub name: String,
    /// What the service calls it.
    pub video_id: String,
}
