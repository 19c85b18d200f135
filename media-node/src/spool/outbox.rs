use std::io;
use std::path::PathBuf;

use super::journal::Entry;
use super::{COMPLETE, Slice, Spool, SpoolError};

/// A slice that the store has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueSlice {
    /// Of its file; grows with each slice of the recording.
    pub number: u64,
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
}

/// A playlist whose newest state the store does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePlaylist {
    pub name: String,
    /// The confirmed ones, from the first without a hole.
    pub slices: Vec<Slice>,
    /// Nothing will follow.
    pub ended: bool,
}

/// What the uploader does with a spool.
impl Spool {
    /// Unconfirmed slices, oldest first.
    pub fn due_slices(&self) -> Vec<DueSlice> {
        let inner = self.lock();
        let mut due: Vec<_> = inner
            .state
            .kept()
            .filter(|kept| !kept.uploaded)
            .map(|kept| DueSlice {
                number: kept.number,
                name: kept.slice.name.clone(),
                path: self.path(kept.number, COMPLETE),
                bytes: kept.slice.bytes,
            })
            .collect();
        due.sort_by_key(|slice| slice.number);
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
            let newer = confirmed > playlist.published || (ended && !playlist.sealed);
            (newer && confirmed > 0).then(|| DuePlaylist {
                name: playlist.name.clone(),
                slices: playlist
                    .slices
                    .iter()
                    .take(confirmed)
                    .map(|kept| kept.slice.clone())
                    .collect(),
                ended,
            })
        });
        due.collect()
    }

    /// The store has the slice: its file goes once the journal says so.
    pub fn confirm_slice(&self, number: u64) -> Result<(), SpoolError> {
        self.lock().write(Entry::Uploaded { number })?;
        self.tell();
        let path = self.path(number, COMPLETE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(SpoolError::io("remove", &path)),
        }
    }

    /// The store has the playlist as it was due.
    pub fn confirm_playlist(&self, playlist: &DuePlaylist) -> Result<(), SpoolError> {
        self.lock().write(Entry::Published {
            playlist_name: playlist.name.clone(),
            slices: playlist.slices.len(),
            ended: playlist.ended,
        })?;
        self.tell();
        Ok(())
    }
}
