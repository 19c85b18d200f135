use std::collections::BTreeMap;

use super::apply::Contradiction;
use super::entry::Entry;
use super::held::{Backup, Copy, Held};
use super::kept::Complete;
use super::state::State;
use super::{Content, DueFile, DuePlaylist, Lag, Spool, SpoolError, remove_if_there};

/// A file that the backup store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFile {
    pub number: u64,
    pub content: Content,
    pub name: String,
    pub bytes: u64,
}

/// A playlist whose newest state the backup store does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCopy {
    pub playlist: DuePlaylist,
    /// Number of its first slice.
    from: u64,
}

impl DueCopy {
    /// How the backup's version lags behind. That nothing continues it is told when it ends only.
    pub fn lag(&self) -> Lag<'_> {
        Lag {
            name: &self.playlist.name,
            named: self.playlist.slices.len(),
            ends_stretch: false,
            seals: self.playlist.ended,
        }
    }
}

/// How far a file has come on its way to the customer's store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The store does not have it.
    Missing,
    /// The store has it, and the playlist there does not name it yet.
    Uploaded,
    Visible,
}

impl State {
    pub(super) fn apply_backup(&mut self, entry: Entry) -> Result<(), Contradiction> {
        match entry {
            Entry::BackedUp { number } => {
                let file = self.complete().find(|file| file.number == number && !file.uploaded);
                let Some(file) = file else {
                    return Err(Contradiction(format!("file {number} is backed up but does not wait")));
                };
                let held = Held {
                    content: file.content,
                    name: file.name.to_owned(),
                    bytes: file.bytes,
                };
                self.backup.held.insert(number, held);
            }
            Entry::Copied {
                playlist_name,
                from,
                slices,
                ended,
            } => {
                let copy = Copy { from, slices, ended };
                self.backup.playlists.insert(playlist_name, copy);
            }
            Entry::Retracted { playlist_name } => {
                self.backup.playlists.remove(&playlist_name);
            }
            Entry::Cleared { number } => {
                if self.complete().any(|file| file.number == number && !file.uploaded) {
                    return Err(Contradiction(format!(
                        "file {number} is not in the backup any more and nowhere else"
                    )));
                }
                self.backup.held.remove(&number);
            }
            Entry::Left => self.backup = Backup::default(),
            other => return Err(Contradiction(format!("{other:?} is not about the backup"))),
        }
        Ok(())
    }

    /// Files that the backup holds and the customer's store does not have.
    fn movable(&self) -> impl Iterator<Item = (u64, &Held)> {
        let progress = self.progress();
        let held = self.backup.held.iter().map(|(number, held)| (*number, held));
        held.filter(move |(number, _)| progress.get(number) == Some(&Progress::Missing))
    }

    /// How far each held file has come. Pictures that the store has are not in the state any more.
    fn progress(&self) -> BTreeMap<u64, Progress> {
        let mut progress: BTreeMap<_, _> = self
            .backup
            .held
            .keys()
            .map(|number| (*number, Progress::Visible))
            .collect();
        if progress.is_empty() {
            return progress;
        }
        let mut note = |number: u64, is: Progress| {
            if let Some(known) = progress.get_mut(&number) {
                *known = is;
            }
        };
        for (number, kept) in &self.lone {
            note(
                *number,
                if kept.uploaded {
                    Progress::Visible
                } else {
                    Progress::Missing
                },
            );
        }
        for playlist in &self.playlists {
            for (index, kept) in playlist.slices.iter().enumerate() {
                let is = match kept.uploaded {
                    false => Progress::Missing,
                    true if index < playlist.published || !self.owns_playlists() => Progress::Visible,
                    true => Progress::Uploaded,
                };
                note(kept.number, is);
            }
        }
        progress
    }

    /// What the backup's playlists can tell more than they do. A playlist names the held slices in their order, up to the
    /// first that is nowhere but on the disk. One that has nothing to wait for is not told again.
    fn due_copies(&self) -> Vec<DueCopy> {
        if self.backup.held.is_empty() || !self.owns_playlists() {
            return Vec::new();
        }
        let finished = self.cause.is_some();
        let due = self.playlists.iter().filter_map(|playlist| {
            let copy = self.backup.playlists.get(&playlist.name);
            let waits = |number: u64, uploaded: bool| !uploaded && self.backup.holds(number);
            let first = playlist.slices.iter().find(|kept| waits(kept.number, kept.uploaded))?;
            let from = copy.map_or(first.number, |copy| copy.from);
            let safe = playlist
                .slices
                .iter()
                .take_while(|kept| kept.uploaded || self.backup.holds(kept.number));
            let whole = safe.clone().count() == playlist.slices.len();
            let mut slices = Vec::new();
            let mut gap = false;
            for kept in safe.skip_while(|kept| kept.number != from) {
                if !self.backup.holds(kept.number) {
                    gap = true;
                    continue;
                }
                let mut slice = kept.slice.clone();
                slice.discontinuity |= gap || slices.is_empty();
                gap = false;
                slices.push(slice);
            }
            let ended = finished && whole;
            let told = copy.is_some_and(|copy| (copy.slices, copy.ended) == (slices.len(), ended));
            (!told && !slices.is_empty()).then(|| DueCopy {
                playlist: DuePlaylist {
                    name: playlist.name.clone(),
                    own: slices.len(),
                    learned: 0,
                    slices,
                    // What is moved to the customer's store goes out of it again.
                    only_grows: false,
                    ended,
                },
                from,
            })
        });
        due.collect()
    }

    /// Playlists in the backup whose slices the customer's playlist names, all of them.
    fn retractable(&self) -> Vec<String> {
        let progress = self.progress();
        let visible = |number: &u64| !matches!(progress.get(number), Some(Progress::Missing | Progress::Uploaded));
        let names = self.backup.playlists.keys();
        names
            .filter(|name| {
                let playlist = self.playlists.iter().find(|playlist| playlist.name == **name);
                playlist.is_none_or(|playlist| playlist.slices.iter().all(|kept| visible(&kept.number)))
            })
            .cloned()
            .collect()
    }

    /// Files whose place is the customer's store, and that no playlist in the backup names.
    fn clearable(&self) -> impl Iterator<Item = (u64, &Held)> {
        let progress = self.progress();
        let mut named = BTreeMap::new();
        for playlist in &self.playlists {
            if let Some(copy) = self.backup.playlists.get(&playlist.name) {
                let from = playlist.slices.iter().skip_while(|kept| kept.number != copy.from);
                named.extend(from.map(|kept| (kept.number, ())));
            }
        }
        let held = self.backup.held.iter().map(|(number, held)| (*number, held));
        held.filter(move |(number, _)| progress.get(number) == Some(&Progress::Visible) && !named.contains_key(number))
    }
}

/// What the uploader does with a backup store.
impl Spool {
    /// What the backup holds until the customer's store takes it, and whether nothing is on the disk alone.
    pub fn backed_up(&self) -> Option<protocol::BackedUp> {
        let inner = self.lock();
        let state = &inner.state;
        let files = state.movable().count() as u64;
        let on_disk = |file: Complete<'_>| !file.uploaded && !state.backup.holds(file.number);
        (files > 0).then(|| protocol::BackedUp {
            files,
            complete: !state.complete().any(on_disk) && state.due_copies().is_empty(),
        })
    }

    /// Oldest first.
    pub fn movable(&self) -> Vec<HeldFile> {
        self.lock().state.movable().map(held_file).collect()
    }

    pub fn due_copies(&self) -> Vec<DueCopy> {
        self.lock().state.due_copies()
    }

    pub fn retractable(&self) -> Vec<String> {
        self.lock().state.retractable()
    }

    pub fn clearable(&self) -> Vec<HeldFile> {
        self.lock().state.clearable().map(held_file).collect()
    }

    /// The backup holds nothing, or nothing that is looked after.
    pub fn is_backup_clear(&self) -> bool {
        self.lock().state.backup.is_empty()
    }

    /// The backup has the file: it leaves the disk once the journal says so.
    pub fn confirm_backup(&self, file: &DueFile) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        // It was given up or cut while it travelled.
        if !inner.state.waits_as(file) {
            return Ok(());
        }
        inner.write(Entry::BackedUp { number: file.number })?;
        drop(inner);
        self.tell();
        remove_if_there(&file.path)
    }

    /// The customer's store has what the backup held.
    pub fn confirm_move(&self, number: u64) -> Result<(), SpoolError> {
        self.step(Entry::Uploaded { number })
    }

    /// The backup has the playlist as it was due.
    pub fn confirm_copy(&self, copy: &DueCopy) -> Result<(), SpoolError> {
        self.step(Entry::Copied {
            playlist_name: copy.playlist.name.clone(),
            from: copy.from,
            slices: copy.playlist.slices.len(),
            ended: copy.playlist.ended,
        })
    }

    /// The backup has removed the playlist.
    pub fn confirm_retraction(&self, playlist_name: String) -> Result<(), SpoolError> {
        self.step(Entry::Retracted { playlist_name })
    }

    /// The backup has removed the file.
    pub fn confirm_clearance(&self, number: u64) -> Result<(), SpoolError> {
        self.step(Entry::Cleared { number })
    }

    /// What the backup did not remove stays there.
    pub fn leave_backup(&self) -> Result<(), SpoolError> {
        self.step(Entry::Left)
    }

    fn step(&self, entry: Entry) -> Result<(), SpoolError> {
        self.lock().write(entry)?;
        self.tell();
        Ok(())
    }
}

fn held_file((number, held): (u64, &Held)) -> HeldFile {
    HeldFile {
        number,
        content: held.content,
        name: held.name.clone(),
        bytes: held.bytes,
    }
}
