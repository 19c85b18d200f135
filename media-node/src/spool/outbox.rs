use super::entry::Entry;
use super::{DueFile, DuePlaylist, Spool, SpoolError, remove_if_there};

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
