//! What a spool has kept of a recording: its playlists with their slices, and the files that stand alone.

use protocol::ConfirmedSlice;
use serde::{Deserialize, Serialize};

use super::{Content, Lone, PlaylistKey, Slice};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Playlist {
    pub(super) key: PlaylistKey,
    pub(super) name: String,
    /// In the order of their commits.
    pub(super) slices: Vec<Kept>,
    /// Slices of other spools, in the order in which they were learned.
    #[serde(default)]
    pub(super) learned: Vec<ConfirmedSlice>,
    /// How many of `slices` the playlist in the store was made of,
    pub(super) published: usize,
    /// and how many of `learned`.
    #[serde(default)]
    pub(super) published_learned: usize,
    /// The playlist in the store has its end mark.
    pub(super) sealed: bool,
    /// That it can be played has been told.
    #[serde(default)]
    pub(super) announced: bool,
}

/// A committed slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) slice: Slice,
    pub(super) uploaded: bool,
    /// The epoch of the lease under which it was captured.
    #[serde(default)]
    pub(super) epoch: u64,
    /// Its end was cut off; the file may still have it.
    #[serde(default)]
    pub(super) cut: bool,
}

/// A committed file that belongs to no playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptLone {
    pub(super) file: Lone,
    pub(super) uploaded: bool,
    /// As [`Kept::epoch`].
    #[serde(default)]
    pub(super) epoch: u64,
}

/// A committed file of either sort.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complete<'a> {
    pub(super) number: u64,
    pub(super) content: Content,
    pub(super) name: &'a str,
    pub(super) bytes: u64,
    pub(super) start_ms: u64,
    pub(super) uploaded: bool,
    /// As [`Kept::cut`].
    pub(super) cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Draft {
    Slice { playlist_name: String, slice: Slice },
    Lone(Lone),
}

impl Draft {
    pub(super) fn content(&self) -> Content {
        match self {
            Self::Slice { .. } => Content::Slice,
            Self::Lone(file) => Content::Lone(file.kind),
        }
    }
}

impl Playlist {
    /// Length of the beginning whose slices are all confirmed.
    pub(super) fn confirmed(&self) -> usize {
        self.slices.iter().take_while(|kept| kept.uploaded).count()
    }

    pub(super) fn is_current(&self, finished: bool) -> bool {
        let names_all = self.published == self.slices.len() && self.published_learned == self.learned.len();
        (names_all && self.sealed == finished) || (self.slices.is_empty() && self.learned.is_empty())
    }
}
