//! What each step of the journal does to the state.

use super::entry::Entry;
use super::index::index_name;
use super::kept::{Draft, Kept, KeptLone, Playlist};
use super::state::State;
use super::{LoneKind, PlaylistKey};

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
            Entry::Compacted(state) => {
                if *self != Self::default() {
                    return Err(Contradiction("a complete state follows other entries".to_owned()));
                }
                *self = *state;
            }
            Entry::Opened { epoch, at_ms } => {
                if self.openings == 0 {
                    self.started_ms = at_ms;
                    self.id = epoch;
                } else if epoch > self.epoch {
                    self.begin_lease();
                }
                self.epoch = epoch;
                self.openings += 1;
            }
            Entry::Begun {
                number,
                playlist_name,
                slice,
            } => {
                let playlist = self.playlists.iter().find(|playlist| playlist.key == slice.playlist);
                let before = playlist.and_then(|playlist| playlist.slices.last());
                self.log.slice_begun(&slice, before.map(|kept| &kept.slice));
                self.begin(number, Draft::Slice { playlist_name, slice })?;
            }
            Entry::LoneBegun { number, file } => self.begin(number, Draft::Lone(file))?,
            Entry::Committed { number, slice } => {
                let Draft::Slice {
                    playlist_name,
                    slice: begun,
                } = self.draft(number, "committed")?
                else {
                    return Err(Contradiction(format!("file {number} is committed but no slice")));
                };
                let epoch = self.epoch;
                self.playlist_for(begun.playlist, playlist_name).slices.push(Kept {
                    number,
                    slice,
                    uploaded: false,
                    epoch,
                    cut: false,
                });
            }
            Entry::LoneCommitted { number, file } => {
                let Draft::Lone(_) = self.draft(number, "committed")? else {
                    return Err(Contradiction(format!("file {number} is committed but a slice")));
                };
                if file.kind == LoneKind::Picture {
                    self.pictures.take(&file);
                }
                let epoch = self.epoch;
                let uploaded = false;
                self.lone.insert(number, KeptLone { file, uploaded, epoch });
            }
            Entry::Discarded { number } => {
                self.draft(number, "discarded")?;
            }
            Entry::Uploaded { number } => self.uploaded(number)?,
            Entry::Lost { number } => self.remove(number),
            Entry::GivenUp { number } => {
                self.remove(number);
                self.given_up.insert(number);
            }
            Entry::Cut {
                number,
                duration_us,
                bytes,
            } => {
                if let Some(kept) = self.kept_mut(number).filter(|kept| !kept.uploaded) {
                    (kept.slice.duration_us, kept.slice.bytes, kept.cut) = (duration_us, bytes, true);
                }
            }
            Entry::Published {
                playlist_name,
                slices,
                learned,
                ended,
            } => {
                let named = |playlist: &&mut Playlist| playlist.name == playlist_name;
                let Some(playlist) = self.playlists.iter_mut().find(named) else {
                    return Err(Contradiction(format!("{playlist_name} is published but has no slices")));
                };
                if slices > playlist.confirmed() || learned > playlist.learned.len() {
                    return Err(Contradiction(format!(
                        "{playlist_name} is published with a slice that is not up"
                    )));
                }
                if playlist.published == 0 && !playlist.announced && slices + learned > 0 {
                    self.log.published(&playlist_name);
                }
                playlist.announced = true;
                (playlist.published, playlist.published_learned) = (slices, learned);
                playlist.sealed = ended;
            }
            Entry::Indexes => drop(self.indexed.get_or_insert_default()),
            Entry::Indexed { uid, digest } => {
                let name = index_name(uid.as_deref());
                self.indexed.get_or_insert_default().insert(name, digest);
            }
            Entry::Finished { cause } => {
                self.cause.get_or_insert(cause);
            }
            Entry::Stream {
                uid,
                track,
                receiving,
                at_ms,
            } => self.log.stream(&uid, track, receiving, at_ms),
            Entry::Confirmed { through } => self.log.confirmed(through),
            Entry::Learned { slices, next } => self.learn(slices, next),
            Entry::Released => self.released = true,
            entry @ (Entry::BackedUp { .. }
            | Entry::Copied { .. }
            | Entry::Retracted { .. }
            | Entry::Cleared { .. }
            | Entry::Left) => self.apply_backup(entry)?,
            Entry::VideoMade(video) => match self.videos.iter_mut().find(|made| made.name == video.name) {
                Some(made) => *made = video,
                None => self.videos.push(video),
            },
        }
        Ok(())
    }

    fn begin(&mut self, number: u64, draft: Draft) -> Result<(), Contradiction> {
        if number < self.next_number {
            return Err(Contradiction(format!("file {number} begins twice")));
        }
        self.next_number = number + 1;
        self.drafts.insert(number, draft);
        Ok(())
    }

    fn uploaded(&mut self, number: u64) -> Result<(), Contradiction> {
        if let Some(kept) = self.lone.get_mut(&number) {
            match kept.file.kind {
                LoneKind::Mp4 | LoneKind::M4a | LoneKind::Mp3 => kept.uploaded = true,
                LoneKind::Picture => {
                    self.log.picture_uploaded(&kept.file.name);
                    self.lone.remove(&number);
                    self.pictures.uploaded += 1;
                }
            }
        } else if let Some(kept) = self.kept_mut(number) {
            kept.uploaded = true;
            self.confirmed.push(number);
        } else {
            return Err(Contradiction(format!(
                "file {number} is uploaded but was not committed"
            )));
        }
        Ok(())
    }

    /// Takes out a file that the store does not have.
    fn remove(&mut self, number: u64) {
        if self.lone.get(&number).is_some_and(|kept| !kept.uploaded) {
            self.lone.remove(&number);
        }
        for playlist in &mut self.playlists {
            let is_it = |kept: &Kept| kept.number == number && !kept.uploaded;
            if let Some(at) = playlist.slices.iter().position(is_it) {
                playlist.slices.remove(at);
                if let Some(next) = playlist.slices.get_mut(at) {
                    next.slice.discontinuity = true;
                }
            }
        }
    }

    fn draft(&mut self, number: u64, what: &str) -> Result<Draft, Contradiction> {
        self.drafts
            .remove(&number)
            .ok_or_else(|| Contradiction(format!("file {number} is {what} but not open")))
    }

    pub(super) fn playlist_for(&mut self, key: PlaylistKey, name: String) -> &mut Playlist {
        let index = match self.playlists.iter().position(|playlist| playlist.key == key) {
            Some(index) => index,
            None => {
                self.playlists.push(Playlist {
                    key,
                    name,
                    slices: Vec::new(),
                    learned: Vec::new(),
                    published: 0,
                    published_learned: 0,
                    sealed: false,
                    announced: false,
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
}
