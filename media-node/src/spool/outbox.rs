use super::entry::Entry;
use super::kept::{Draft, Playlist};
use super::state::State;
use super::{DueFile, DuePlaylist, Lag, Spool, SpoolError, remove_if_there};

impl State {
    /// Whether nothing continues the first `confirmed` slices of a playlist.
    fn ends_stretch(&self, playlist: &Playlist, confirmed: usize) -> bool {
        let being_written = || {
            self.drafts.values().find_map(|draft| match draft {
                Draft::Slice { slice, .. } if slice.playlist == playlist.key => Some(slice),
                Draft::Slice { .. } | Draft::Lone(_) => None,
            })
        };
        let next = playlist
            .slices
            .get(confirmed)
            .map(|kept| &kept.slice)
            .or_else(being_written);
        next.is_none_or(|next| next.discontinuity)
    }
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

    /// Playlists that can tell more than the store's copy does, as far as they are `wanted` now.
    pub fn due_playlists(&self, mut wanted: impl FnMut(&Lag<'_>) -> bool) -> Vec<DuePlaylist> {
        let inner = self.lock();
        let state = &inner.state;
        if !state.owns_playlists() {
            return Vec::new();
        }
        let finished = state.cause.is_some();
        let due = state.playlists.iter().filter_map(|playlist| {
            let confirmed = playlist.confirmed();
            let ended = finished && confirmed == playlist.slices.len();
            let learned = playlist.learned.len();
            let grown = confirmed > playlist.published || learned > playlist.published_learned;
            let seals = ended && !playlist.sealed;
            if !(grown || seals) || confirmed + learned == 0 {
                return None;
            }
            let lag = Lag {
                name: &playlist.name,
                named: playlist.published + playlist.published_learned,
                ends_stretch: state.ends_stretch(playlist, confirmed),
                seals,
            };
            wanted(&lag).then(|| DuePlaylist {
                name: playlist.name.clone(),
                slices: playlist.merged(confirmed),
                own: confirmed,
                learned,
                // Slices of another node belong where their times are.
                only_grows: learned == 0,
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
