use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::journal::Entry;
use super::{LoneKind, Slice, Spool, SpoolError, remove_if_there};

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Slice,
    Lone(LoneKind),
}

impl Content {
    /// The extension of its file in the spool.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Slice => "ts",
            Self::Lone(LoneKind::Mp4) => "mp4",
            Self::Lone(LoneKind::Picture) => "jpg",
        }
    }
}

/// A file that the store has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueFile {
    /// Grows with each file of the recording.
    pub number: u64,
    pub content: Content,
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
}

/// A playlist whose newest state the store does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePlaylist {
    pub name: String,
    /// In the order of their times: the spool's own confirmed ones, from the first without a hole, and those of other
    /// spools. Where several nodes have captured at the same time, those that cover the most of it.
    pub slices: Vec<Slice>,
    /// How many of the spool's own slices were looked at,
    pub own: usize,
    /// and how many of other spools.
    pub learned: usize,
    /// Nothing will follow.
    pub ended: bool,
}

/// What the uploader does with a spool.
impl Spool {
    /// Files that no store has confirmed, oldest first; none while they are [held back](Self::hold_back).
    pub fn due_files(&self) -> Vec<DueFile> {
        let inner = self.lock();
        if inner.held_back {
            return Vec::new();
        }
        let mut due: Vec<_> = inner
            .state
            .waiting()
            .map(|file| DueFile {
                number: file.number,
                content: file.content,
                name: file.name.to_owned(),
                path: self.path(file.number, file.content.extension()),
                bytes: file.bytes,
            })
            .collect();
        due.sort_by_key(|file| file.number);
        due
    }

    /// Playlists that can tell more than the store's copy does.
    pub fn due_playlists(&self) -> Vec<DuePlaylist> {
        let inner = self.lock();
        if !inner.state.owns_playlists() {
            return Vec::new();
        }
        let finished = inner.state.cause.is_some();
        let due = inner.state.playlists.iter().filter_map(|playlist| {
            let confirmed = playlist.confirmed();
            let ended = finished && confirmed == playlist.slices.len();
            let learned = playlist.learned.len();
            let grown = confirmed > playlist.published || learned > playlist.published_learned;
            let newer = grown || (ended && !playlist.sealed);
            (newer && confirmed + learned > 0).then(|| DuePlaylist {
                name: playlist.name.clone(),
                slices: playlist.merged(confirmed),
                own: confirmed,
                learned,
                ended,
            })
        });
        due.collect()
    }

    /// The store has the file: it goes once the journal says so. Of a file that was given up or cut while it travelled
    /// this says nothing.
    pub fn confirm_file(&self, file: &DueFile) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        if !inner.state.waits_as(file) {
            return Ok(());
        }
        inner.write(Entry::Uploaded { number: file.number })?;
        drop(inner);
        self.tell();
        remove_if_there(&file.path)
    }

    /// The store has the playlist as it was due.
    pub fn confirm_playlist(&self, playlist: &DuePlaylist) -> Result<(), SpoolError> {
        self.lock().write(Entry::Published {
            playlist_name: playlist.name.clone(),
            slices: playlist.own,
            learned: playlist.learned,
            ended: playlist.ended,
        })?;
        self.tell();
        Ok(())
    }
}
