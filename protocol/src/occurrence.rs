use serde::{Deserialize, Serialize};

use crate::TrackKind;

/// How many occurrences one report carries at most.
pub const MAX_OCCURRENCES: usize = 100;

/// What happened in a recording and is not confirmed yet. It goes with each report until [`Confirmed`] comes back, so that
/// a lost report loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrences {
    /// The name of the log in which the numbers count; a log that is begun anew, on an empty disk for example, has another.
    pub log: u64,
    /// The oldest ones that are not confirmed, in the order of their numbers; at most [`MAX_OCCURRENCES`].
    pub list: Vec<Occurrence>,
}

/// An entry of the log of what has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its place in the log, from 1, without holes except where a log that grew too long has dropped some.
    pub number: u64,
    pub what: Happening,
}

/// What a node tells of a recording once, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A playlist begins, or goes on after an interruption.
    SliceStarted {
        /// The uid of the one user in it; `0` when all users are mixed in it.
        uid: String,
        track: TrackKind,
        /// The wall-clock time of the first media, Unix milliseconds.
        start_ms: u64,
        /// Where the media before the interruption ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interrupted_ms: Option<u64>,
    },
    /// The store has confirmed a playlist for the first time. `name` is the object's key.
    PlaylistPublished { name: String },
    /// The store has confirmed a picture. `name` is the object's key.
    PictureUploaded { name: String },
    /// A user's audio or video begins or ceases to arrive.
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
    /// The highest number that the edge has.
    pub through: u64,
}

/// How the uploads to a video-on-demand service stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vod {
    /// The videos, in the order in which they were made, as many as fit.
    pub videos: Vec<VodVideo>,
    /// Whether everything has been uploaded, and the service works on it.
    pub complete: bool,
}

/// A video in a video-on-demand service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VodVideo {
    /// The name of the playlist or the MP4 file that it is made from.
    pub name: String,
    /// The service's own id of it.
    pub video_id: String,
}
