use std::collections::BTreeMap;

use protocol::{EndCause, FileKind, RecordedFile};

use super::journal::Entry;
use super::{PlaylistKey, Slice};

/// What the journal says, as one value. Pure: entries in, answers out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// In the order of their first slices.
    pub(super) playlists: Vec<Playlist>,
    /// Files that have been begun and neither committed nor discarded.
    pub(super) drafts: BTreeMap<u64, Draft>,
    pub(super) openings: u64,
    /// Of the first opening, Unix milliseconds.
    pub(super) started_ms: u64,
    pub(super) cause: Option<EndCause>,
    pub(super) next_number: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Playlist {
    pub(super) key: PlaylistKey,
    pub(super) name: String,
    /// In the order of their commits.
    pub(super) slices: Vec<Kept>,
    /// How many slices the playlist in the store names.
    pub(super) published: usize,
    /// The playlist in the store has its end mark.
    pub(super) sealed: bool,
}

/// A committed slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) slice: Slice,
    pub(super) uploaded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) playlist_name: String,
    pub(super) slice: Slice,
}

/// A contradiction between an entry and those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction(pub(super) String);

impl State {
    pub(super) fn from_entries(entries: Vec<Entry>) -> Result<Self, Contradiction> {
        let mut state = Self::default();
        for entry in entries {
            state.apply(entry)?;
        }
        Ok(state)
    }

    pub(super) fn apply(&mut self, entry: Entry) -> Result<(), Contradiction> {
        match entry {
            Entry::Opened { at_ms, .. } => {
                if self.openings == 0 {
                    self.started_ms = at_ms;
                }
                self.openings += 1;
            }
            Entry::Begun {
                number,
                playlist_name,
                slice,
            } => {
                if number < self.next_number {
                    return Err(Contradiction(format!("file {number} is begun twice")));
                }
                self.next_number = number + 1;
                self.drafts.insert(number, Draft { playlist_name, slice });
            }
            Entry::Committed { number, slice } => {
                let draft = self.draft(number, "committed")?;
                self.playlist_for(draft).slices.push(Kept {
                    number,
                    slice,
                    uploaded: false,
                });
            }
            Entry::Discarded { number } => {
                self.draft(number, "discarded")?;
            }
            Entry::Uploaded { number } => match self.kept_mut(number) {
                Some(kept) => kept.uploaded = true,
                None => {
                    return Err(Contradiction(format!(
                        "file {number} is uploaded but was not committed"
                    )));
                }
            },
            Entry::Lost { number } => {
                for playlist in &mut self.playlists {
                    if let Some(at) = playlist
                        .slices
                        .iter()
                        .position(|kept| kept.number == number && !kept.uploaded)
                    {
                        playlist.slices.remove(at);
                        if let Some(next) = playlist.slices.get_mut(at) {
                            next.slice.discontinuity = true;
                        }
                    }
                }
            }
            Entry::Published {
                playlist_name,
                slices,
                ended,
            } => {
                let Some(playlist) = self
                    .playlists
                    .iter_mut()
                    .find(|playlist| playlist.name == playlist_name)
                else {
                    return Err(Contradiction(format!("{playlist_name} is published but has no slices")));
                };
                if slices > playlist.confirmed() {
                    return Err(Contradiction(format!(
                        "{playlist_name} is published with a slice that is not up"
                    )));
                }
                playlist.published = slices;
                playlist.sealed = ended;
            }
            Entry::Finished { cause } => {
                self.cause.get_or_insert(cause);
            }
        }
        Ok(())
    }

    fn draft(&mut self, number: u64, what: &str) -> Result<Draft, Contradiction> {
        self.drafts
            .remove(&number)
            .ok_or_else(|| Contradiction(format!("file {number} is {what} but not open")))
    }

    fn playlist_for(&mut self, draft: Draft) -> &mut Playlist {
        let index = match self
            .playlists
            .iter()
            .position(|playlist| playlist.key == draft.slice.playlist)
        {
            Some(index) => index,
            None => {
                self.playlists.push(Playlist {
                    key: draft.slice.playlist,
                    name: draft.playlist_name,
                    slices: Vec::new(),
                    published: 0,
                    sealed: false,
                });
                self.playlists.len() - 1
            }
        };
        &mut self.playlists[index]
    }

    fn kept_mut(&mut self, number: u64) -> Option<&mut Kept> {
        self.playlists
            .iter_mut()
            .flat_map(|playlist| &mut playlist.slices)
            .rev()
            .find(|kept| kept.number == number)
    }

    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.playlists.iter().flat_map(|playlist| &playlist.slices)
    }

    /// Slices and playlists that the store has not confirmed as they are here.
    pub(super) fn pending(&self) -> u64 {
        let slices = self.kept().filter(|kept| !kept.uploaded).count();
        let playlists = self
            .playlists
            .iter()
            .filter(|playlist| !playlist.is_current(self.cause.is_some()))
            .count();
        (slices + if self.owns_playlists() { playlists } else { 0 }) as u64
    }

    /// After a lost lease the playlists in the store are another node's.
    pub(super) fn owns_playlists(&self) -> bool {
        self.cause != Some(EndCause::LeaseLost)
    }

    pub(super) fn is_done(&self) -> bool {
        self.cause.is_some() && self.drafts.is_empty() && self.pending() == 0
    }

    pub(super) fn files(&self, prefix: &str) -> Vec<RecordedFile> {
        let mut files: Vec<_> = self.playlists.iter().map(|playlist| playlist.as_file(prefix)).collect();
        for draft in self.drafts.values() {
            let name = object_key(prefix, &draft.playlist_name);
            if files.iter().all(|file| file.name != name) {
                files.push(draft.as_file(name));
            }
        }
        files
    }
}

impl Draft {
    /// The playlist that will be, once its first slice is complete.
    fn as_file(&self, name: String) -> RecordedFile {
        RecordedFile {
            name,
            track: self.slice.playlist.track,
            kind: FileKind::Playlist,
            uid: self.slice.playlist.uid.clone(),
            start_ms: self.slice.start_ms,
            duration_ms: 0,
            slices: 0,
            bytes: 0,
            uploaded_slices: 0,
        }
    }
}

impl Playlist {
    /// Length of the beginning whose slices are all confirmed.
    pub(super) fn confirmed(&self) -> usize {
        self.slices.iter().take_while(|kept| kept.uploaded).count()
    }

    fn is_current(&self, finished: bool) -> bool {
        self.published == self.slices.len() && self.sealed == finished
    }

    fn as_file(&self, prefix: &str) -> RecordedFile {
        let slices = || self.slices.iter().map(|kept| &kept.slice);
        RecordedFile {
            name: object_key(prefix, &self.name),
            track: self.key.track,
            kind: FileKind::Playlist,
            uid: self.key.uid.clone(),
            start_ms: slices().map(|slice| slice.start_ms).min().unwrap_or_default(),
            duration_ms: slices().map(|slice| slice.duration_us).sum::<i64>().max(0) as u64 / 1000,
            slices: self.slices.len() as u64,
            bytes: slices().map(|slice| slice.bytes).sum(),
            uploaded_slices: self.slices.iter().filter(|kept| kept.uploaded).count() as u64,
        }
    }
}

/// The key of an object: the storage's prefix and the object's name.
pub fn object_key(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}
