//! What can be told of a spool without going on with it: also of one whose journal is damaged. Nothing in the spool is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;
use protocol::Job;

use super::apply::Contradiction;
use super::aside::files_aside;
use super::entry::Entry;
use super::journal;
use super::kept::{Draft, Kept, KeptLone, Playlist};
use super::listing::{self, Listing};
use super::paths::lock;
use super::repair::{self, Repair, cut_file};
use super::state::State;
use super::{
    ASIDE, Content, CutFile, Finish, JOURNAL, LoneKind, PART, Probed, Remains, RemovalError, SCRATCH, SLICES, Slice,
    SpoolError, file_name, file_path, load_job,
};

/// A slice whose end is not known and that nothing follows without a gap is taken to be so long, in microseconds.
const USUAL_US: i64 = 15_000_000;
/// A slice is never so long: what begins so much later follows a gap.
const LONGEST_US: i64 = 60_000_000;

/// A spool that is read without being opened. While it lives no process records into the spool.
#[derive(Debug)]
pub struct Salvage {
    dir: PathBuf,
    lock: Flock<File>,
    /// Without its secrets.
    pub job: Result<Job, SpoolError>,
    /// What could not be read, by sentences.
    pub unreadable: Vec<String>,
    /// Every file that was recorded, in the order of their making, then those that nothing is known of.
    pub files: Vec<SalvagedFile>,
    state: State,
    /// What was being written.
    cut_off: BTreeMap<u64, (Draft, PathBuf)>,
    /// How many files the backup store holds, and no other.
    pub in_backup: usize,
    /// Files on this disk that nobody needs.
    needless: BTreeSet<PathBuf>,
    /// Files on this disk of which a finished copy stands among `files`.
    finished: BTreeSet<PathBuf>,
}

/// A file of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedFile {
    /// The object's name, without the prefix.
    pub name: String,
    /// `None` when nothing is known of it.
    pub content: Option<Content>,
    /// `None` when that is not known.
    pub bytes: Option<u64>,
    /// Where it is on this disk; `None` when it may be in the store.
    pub path: Option<PathBuf>,
}

/// A playlist as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct SalvagedPlaylist<'a>(&'a Playlist);

impl<'a> SalvagedPlaylist<'a> {
    pub fn name(self) -> &'a str {
        &self.0.name
    }

    /// The names of its slices, those of other nodes included.
    pub fn slices(self) -> impl Iterator<Item = &'a str> {
        let own = self.0.slices.iter().map(|kept| kept.slice.name.as_str());
        own.chain(self.0.learned.iter().map(|slice| slice.name.as_str()))
    }

    /// What it names when those slices only are in the store that `is_there` knows: a discontinuity takes the place of what is
    /// missing.
    pub fn playable(self, is_there: impl Fn(&str) -> bool) -> Vec<Slice> {
        let mut playlist = self.0.clone();
        let mut gap = false;
        playlist.slices.retain_mut(|kept| {
            let there = is_there(&kept.slice.name);
            kept.slice.discontinuity |= gap && there;
            gap = !there;
            there
        });
        playlist.learned.retain(|slice| is_there(&slice.name));
        playlist.merged(playlist.slices.len())
    }
}

/// Reads what can be read of the spool in `dir`.
///
/// # Errors
/// When it is not there, or a process works on it.
pub fn salvage(dir: &Path) -> Result<Salvage, SpoolError> {
    let listing = listing::list_if_there(&dir.join(SLICES))?;
    let lock = lock(dir)?;
    let path = dir.join(JOURNAL);
    let (bytes, mut unreadable) = match journal::read(&path) {
        Ok(bytes) => (bytes, Vec::new()),
        Err(error) => (Vec::new(), vec![error.to_string()]),
    };
    let mut reading = Reading::default();
    reading.lines(&bytes, &mut unreadable);
    if bytes.is_empty() && unreadable.is_empty() && !listing.is_empty() {
        unreadable.push(SpoolError::NoJournal(dir.to_owned()).to_string());
    }
    let mut salvage = Salvage {
        dir: dir.to_owned(),
        lock,
        job: load_job(dir),
        unreadable,
        files: Vec::new(),
        state: State::default(),
        cut_off: BTreeMap::new(),
        in_backup: 0,
        needless: BTreeSet::new(),
        finished: BTreeSet::new(),
    };
    salvage.take(reading.finished(), &listing)?;
    Ok(salvage)
}

/// A journal that is read as far as it goes.
#[derive(Default)]
struct Reading {
    state: State,
    /// Slices whose beginning is not known.
    headless: Vec<(u64, Slice)>,
}

impl Reading {
    fn lines(&mut self, bytes: &[u8], unreadable: &mut Vec<String>) {
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        // Behind the last line's end is nothing, or half a line, which says nothing that has happened.
        lines.pop();
        for (number, line) in (1..).zip(lines) {
            match serde_json::from_slice::<Entry>(line) {
                Err(error) => unreadable.push(format!("line {number} of the journal: {error}")),
                Ok(entry) => self.entry(entry),
            }
        }
    }

    /// What does not fit to what is known is about something that was told of in a line that cannot be read.
    fn entry(&mut self, entry: Entry) {
        match self.state.apply(entry.clone()) {
            Ok(()) => {}
            Err(Contradiction(_)) => match entry {
                Entry::Committed { number, slice } => {
                    self.headless.push((number, slice));
                    self.state.next_number = self.state.next_number.max(number + 1);
                }
                Entry::LoneCommitted { number, file } => {
                    let kept = KeptLone {
                        file,
                        uploaded: false,
                        epoch: self.state.epoch,
                    };
                    self.state.lone.insert(number, kept);
                    self.state.next_number = self.state.next_number.max(number + 1);
                }
                _ => {}
            },
        }
    }

    fn finished(mut self) -> State {
        for (number, slice) in std::mem::take(&mut self.headless) {
            let name = playlist_name(&slice.name);
            self.state.keep(number, slice, name);
        }
        self.state
    }
}

/// The name of the playlist that a slice belongs to: what stands before the time in the slice's name.
fn playlist_name(slice: &str) -> String {
    let stem = slice.rsplit_once('_').map_or(slice, |(stem, _)| stem);
    format!("{stem}.m3u8")
}

impl State {
    /// Puts a slice into its place among those of its playlist, which is called `name` if it is not known yet.
    fn keep(&mut self, number: u64, slice: Slice, name: String) {
        let epoch = self.epoch;
        let playlist = self.playlist_for(slice.playlist.clone(), name);
        let place = playlist.slices.partition_point(|kept| kept.number < number);
        let kept = Kept {
            number,
            slice,
            uploaded: false,
            epoch,
            cut: false,
        };
        playlist.slices.insert(place, kept);
    }

    /// Slices that were begun, whose files are gone, and that others follow: the store may have them.
    fn keep_followed_drafts(&mut self, listing: &Listing) {
        let drafts = self.drafts.clone();
        for (number, draft) in drafts {
            let Draft::Slice { playlist_name, slice } = draft else {
                continue;
            };
            let has_file = [PART, Content::Slice.extension()]
                .iter()
                .any(|extension| listing.contains_key(&file_name(number, extension)));
            let next = self
                .playlists
                .iter()
                .filter(|playlist| playlist.key == slice.playlist)
                .flat_map(|playlist| &playlist.slices)
                .find(|kept| kept.number > number);
            let (false, Some(next)) = (has_file, next) else {
                continue;
            };
            let until_next_us = next.slice.start_us.saturating_sub(slice.start_us);
            let follows = !next.slice.discontinuity && (1..LONGEST_US).contains(&until_next_us);
            let duration_us = if follows { until_next_us } else { USUAL_US };
            self.drafts.remove(&number);
            self.keep(number, Slice { duration_us, ..slice }, playlist_name);
        }
    }
}

impl Salvage {
    fn take(&mut self, mut state: State, listing: &Listing) -> Result<(), SpoolError> {
        let slices = self.dir.join(SLICES);
        let before: BTreeSet<u64> = state.kept().map(|kept| kept.number).collect();
        state.keep_followed_drafts(listing);
        let mut known = BTreeMap::new();
        for file in state.complete() {
            let on_disk = file_path(&slices, file.number, file.content.extension());
            let size = listing.get(&file_name(file.number, file.content.extension())).copied();
            let is_whole = size == Some(file.bytes) || (file.cut && size > Some(file.bytes));
            let measured = file.content != Content::Slice || before.contains(&file.number);
            known.insert(
                file.number,
                SalvagedFile {
                    name: file.name.to_owned(),
                    content: Some(file.content),
                    bytes: measured.then_some(file.bytes),
                    path: is_whole.then_some(on_disk),
                },
            );
        }
        let picture = Content::Lone(LoneKind::Picture).extension();
        let mut strangers = files_aside(&self.dir)?;
        for repair in repair::plan(&state, listing) {
            match repair {
                Repair::Finish { number, renamed } => {
                    let Some(draft) = state.drafts.get(&number) else {
                        continue;
                    };
                    let extension = if renamed { draft.content().extension() } else { PART };
                    let path = file_path(&slices, number, extension);
                    self.cut_off.insert(number, (draft.clone(), path));
                }
                Repair::Foreign { file } => strangers.push(slices.join(file)),
                Repair::Lost { file, .. } if listing.contains_key(&file) => strangers.push(slices.join(file)),
                // The store has it, unless a line that cannot be read was about it.
                Repair::Remove { file } if file.ends_with(picture) && !self.unreadable.is_empty() => {
                    strangers.push(slices.join(file));
                }
                Repair::Remove { file } | Repair::Scratch { file } => {
                    self.needless.insert(slices.join(file));
                }
                Repair::Lost { .. } | Repair::Forget { .. } | Repair::Cut { .. } => {}
            }
        }
        self.in_backup = state
            .complete()
            .filter(|file| !file.uploaded && state.backup.holds(file.number))
            .count();
        self.files = known.into_values().collect();
        for path in strangers {
            self.take_stranger(path);
        }
        self.state = state;
        Ok(())
    }

    /// A file of which nothing is known but that it is there.
    fn take_stranger(&mut self, path: PathBuf) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let recording = match &self.job {
            Ok(job) => job.sid.clone(),
            Err(_) => self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let bytes = std::fs::metadata(&path).map(|file| file.len()).unwrap_or_default();
        if bytes == 0 {
            self.needless.insert(path);
        } else {
            self.files.push(SalvagedFile {
                name: format!("{recording}-rescued-{file}"),
                content: None,
                bytes: Some(bytes),
                path: Some(path),
            });
        }
    }

    /// In the order of their first slices.
    pub fn playlists(&self) -> impl Iterator<Item = SalvagedPlaylist<'_>> {
        self.state.playlists.iter().map(SalvagedPlaylist)
    }

    /// How many files were being written.
    pub fn cut_off(&self) -> usize {
        self.cut_off.len()
    }

    /// Finishes what was being written, each as a copy in `work`, up to its last whole frame. What cannot be read stays as it is,
    /// a file of which nothing is known.
    pub fn finish(&mut self, work: &Path, how: Finish<'_>) -> Result<(), SpoolError> {
        for (number, (draft, path)) in std::mem::take(&mut self.cut_off) {
            let copy = file_path(work, number, PART);
            let scratch = file_path(work, number, SCRATCH);
            std::fs::copy(&path, &copy).map_err(SpoolError::io("copy", &path))?;
            let remains = how.draft(
                &draft,
                CutFile {
                    path: &copy,
                    scratch: &scratch,
                },
            );
            match remains {
                Remains::Whole(probed) if probed.bytes > 0 => {
                    self.take_finished(number, draft, probed, copy)?;
                    self.finished.insert(path);
                }
                Remains::Whole(_) | Remains::Nothing => {
                    self.needless.insert(path);
                }
                Remains::Unreadable => self.take_stranger(path),
            }
        }
        Ok(())
    }

    fn take_finished(&mut self, number: u64, draft: Draft, probed: Probed, copy: PathBuf) -> Result<(), SpoolError> {
        let Probed { duration_us, bytes, .. } = probed;
        cut_file(&copy, bytes)?;
        let content = Some(draft.content());
        let name = match draft {
            Draft::Lone(lone) => lone.name,
            Draft::Slice { playlist_name, slice } => {
                let name = slice.name.clone();
                let slice = Slice {
                    duration_us,
                    bytes,
                    ..slice
                };
                self.state.keep(number, slice, playlist_name);
                name
            }
        };
        self.files.push(SalvagedFile {
            name,
            content,
            bytes: Some(bytes),
            path: Some(copy),
        });
        Ok(())
    }

    /// The spool's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes the spool. The caller's word is that a store has all of its `files` that were on this disk.
    ///
    /// # Errors
    /// When something is there that is not among them, or the disk does not do it.
    pub fn remove(self) -> Result<(), RemovalError> {
        let mut accounted: BTreeSet<_> = self.files.iter().filter_map(|file| file.path.clone()).collect();
        accounted.extend(self.needless);
        accounted.extend(self.finished);
        for folder in [SLICES, ASIDE].map(|name| self.dir.join(name)) {
            for file in listing::list_if_there(&folder)?
                .into_keys()
                .map(|name| folder.join(name))
            {
                if !accounted.contains(&file) {
                    return Err(RemovalError::Needed(format!("{} is in no store", file.display())));
                }
            }
        }
        let removed = std::fs::remove_dir_all(&self.dir).map_err(SpoolError::io("remove", &self.dir));
        drop(self.lock);
        Ok(removed?)
    }
}
