//! The crash-safe outbox on disk: one directory for each recording, between capture and the customer's bucket.
//! It knows files and the journal. It does not know where slices come from, where they go, or what is in them.
//!
//! ```text
//! <spool>/<sid>/job.json       the job, without secrets
//!               lock           held by the process that records
//!               journal        one JSON line for each step, on disk before the step counts
//!               unclaimed      there when nobody knows the recording any more
//!               slices/N.part  being written
//!               slices/N.ts    a slice, complete, not yet confirmed by the store; N.mp4, N.m4a, N.mp3, N.jpg: a file of its own
//!               slices/N.scratch  another version of N.part in the making
//!               aside/         files that the journal does not account for, or that cannot be read: kept
//!        aside/<sid>/          a spool whose journal cannot be read: kept as it was found
//! ```
//!
//! A file is a slice, which belongs to a playlist, or stands alone: a whole MP4, M4A or MP3 file, a picture. Files have numbers, not names,
//! because an object's name may be longer than a file's can be; the journal knows both, and the videos that a
//! video-on-demand service has made for them. When more of the journal is about what is over than about what is, one line
//! with the whole state takes its place.
//!
//! Invariants, which hold after a stop at any instruction and which `media-node check` verifies:
//! 1. A file is on disk and in the journal before anyone is told of it.
//! 2. Its file leaves the disk only after the journal says that the store has confirmed it, or the backup store, or that
//!    another node has its media.
//! 3. A playlist in the store names only confirmed slices: this spool's without holes, in the order of their commits, and
//!    between them those of other nodes' spools that the edge has told of, in the order of their times.
//!    An index in the store names only playlists that the store has.
//! 4. What the backup store holds leaves it only after the journal says that the store has confirmed it.
//! 5. What was being written when the process stopped is finished by the next one, up to its last whole frame.
//! 6. No secret is on the disk.
//! 7. Nothing is removed that the journal does not tell to be elsewhere or unwanted. What cannot be told is kept aside.

mod apply;
mod aside;
mod backlog;
mod backup;
mod check;
mod condition;
mod content;
mod due;
mod entry;
mod error;
mod files;
mod held;
mod index;
mod inventory;
mod job;
mod journal;
mod kept;
mod listing;
mod log;
mod lone;
mod merge;
mod outbox;
mod paths;
mod removal;
mod repair;
mod salvage;
mod slice;
mod state;
#[cfg(test)]
mod tests;
mod videos;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::fcntl::Flock;
use protocol::{Confirmed, EndCause, Occurrences, RecordedFile, TrackKind};
use tokio::sync::watch;

pub use aside::{SetAside, claim, is_unclaimed, list_set_aside, mark_unclaimed, set_aside};
pub use backlog::bytes_on_disk;
pub use backup::{DueCopy, HeldFile};
pub use check::check_all;
pub use condition::{Condition, condition, is_done};
pub use content::{Content, KeptVideo, Lone, LoneKind, Pictures};
pub use due::{DueFile, DuePlaylist, Lag};
pub use error::SpoolError;
#[cfg(test)]
pub use index::index_of;
pub use index::{DueIndex, Rendition};
pub use job::{load_job, store_job};
pub use lone::LoneFile;
pub use paths::object_key;
pub use removal::{RemovalError, remove};
pub use salvage::{Salvage, SalvagedFile, SalvagedPlaylist, salvage};
pub use slice::{Form, PlaylistKey, Probed, Remains, Slice, SliceFile};

use apply::Contradiction;
use entry::Entry;
use journal::{COMPACT_ABOVE, Journal};
use kept::Draft;
use paths::{check_name, file_name, file_path, lock, parse_file_name, remove_if_there, sync_dir};
use state::State;

const JOURNAL: &str = "journal";
const LOCK: &str = "lock";
const SLICES: &str = "slices";
const PART: &str = "part";
const SCRATCH: &str = "scratch";
const ASIDE: &str = "aside";

/// Who opens a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The epoch of the lease under which it records.
    pub epoch: u64,
    /// Where the recording's timeline begins, if this is the first time. Unix milliseconds.
    pub at_ms: u64,
}

/// How what was being written when a process stopped is made readable. Either may be given a file that is whole.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Measures a slice.
    pub slice: &'a (dyn Fn(&Path) -> Remains + Sync),
    /// Measures a file of its own, after whatever has to be done to it. It may make another version of the file and rename
    /// it over the first.
    pub lone: &'a (dyn Fn(&Lone, CutFile<'_>) -> Remains + Sync),
}

impl Finish<'_> {
    /// What is found in the file of a draft, after whatever has to be done to it.
    fn draft(&self, draft: &Draft, file: CutFile<'_>) -> Remains {
        match draft {
            Draft::Slice { .. } => (self.slice)(file.path),
            Draft::Lone(lone) => (self.lone)(lone, file),
        }
    }
}

/// A file of its own that a crash has cut off.
#[derive(Clone, Copy, Debug)]
pub struct CutFile<'a> {
    pub path: &'a Path,
    /// Where another version of it can be made.
    pub scratch: &'a Path,
}

/// The spool of one recording, held by one process. All calls but the queries wait for the disk: call them where
/// blocking is allowed.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
    _lock: Flock<File>,
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    state: State,
    /// No file is due.
    held_back: bool,
    /// How many of the videos the edge has been told of by this process.
    known_videos: usize,
}

impl Inner {
    /// Puts a step on disk, then into the state.
    fn write(&mut self, entry: Entry) -> Result<(), SpoolError> {
        self.journal.append(&entry)?;
        self.state
            .apply(entry)
            .map_err(|Contradiction(what)| SpoolError::Contradiction(what))?;
        // The journal as it is stays good.
        if self.journal.is_bloated()
            && let Err(error) = self.journal.compact(&self.state)
        {
            tracing::warn!(%error, "the journal cannot be made shorter");
        }
        Ok(())
    }
}

impl Spool {
    /// Opens the spool in `dir`, or makes one. What a stop has left half done is put right first.
    pub fn open(dir: &Path, opening: Opening, finish: Finish<'_>) -> Result<Self, SpoolError> {
        Self::open_compacting(dir, opening, finish, COMPACT_ABOVE)
    }

    /// `compact_above`: bytes of a journal that is not worth to be made shorter.
    fn open_compacting(
        dir: &Path,
        opening: Opening,
        finish: Finish<'_>,
        compact_above: u64,
    ) -> Result<Self, SpoolError> {
        let slices = dir.join(SLICES);
        std::fs::create_dir_all(&slices).map_err(SpoolError::io("make", &slices))?;
        let lock = lock(dir)?;
        let (journal, replay) = Journal::open(&dir.join(JOURNAL), compact_above)?;
        if replay.entries.is_empty() && !listing::list(&slices)?.is_empty() {
            return Err(SpoolError::NoJournal(dir.to_owned()));
        }
        let state =
            State::from_entries(replay.entries).map_err(|Contradiction(what)| SpoolError::Contradiction(what))?;
        let mut inner = Inner {
            journal,
            state,
            held_back: false,
            known_videos: 0,
        };
        repair::carry_out(&mut inner, &slices, finish)?;
        inner.write(Entry::Opened {
            epoch: opening.epoch,
            at_ms: opening.at_ms,
        })?;
        sync_dir(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            inner: Mutex::new(inner),
            changes: watch::Sender::new(0),
            _lock: lock,
        })
    }

    /// Begins a slice. `opening` is what is known of it at its beginning; its duration and size are 0 and count for
    /// nothing. All slices of one [`PlaylistKey`] go to one playlist: the name given first stays.
    pub fn begin(&self, playlist_name: &str, opening: &Slice) -> Result<SliceFile, SpoolError> {
        check_name(playlist_name)?;
        check_name(&opening.name)?;
        let mut inner = self.lock();
        if inner.state.cause.is_some() {
            return Err(SpoolError::Finished);
        }
        let number = inner.state.next_number;
        let slice = Slice {
            duration_us: 0,
            bytes: 0,
            ..opening.clone()
        };
        inner.write(Entry::Begun {
            number,
            playlist_name: playlist_name.to_owned(),
            slice,
        })?;
        let path = self.path(number, PART);
        match File::create_new(&path) {
            Ok(file) => Ok(SliceFile { number, file }),
            Err(error) => {
                inner.write(Entry::Discarded { number })?;
                Err(SpoolError::io("make", &path)(error))
            }
        }
    }

    /// Ends a slice. When this returns it is on disk whatever happens, and the uploader sees it. The size is the file's
    /// own, whatever `slice` says.
    pub fn commit(&self, file: SliceFile, slice: Slice) -> Result<(), SpoolError> {
        check_name(&slice.name)?;
        let SliceFile { number, file } = file;
        let part = self.path(number, PART);
        let bytes = file
            .sync_all()
            .and_then(|()| file.metadata())
            .map_err(SpoolError::io("write", &part))?
            .len();
        drop(file);
        std::fs::rename(&part, self.path(number, Content::Slice.extension()))
            .map_err(SpoolError::io("rename", &part))?;
        sync_dir(&self.slices_dir())?;
        self.lock().write(Entry::Committed {
            number,
            slice: Slice { bytes, ..slice },
        })?;
        self.tell();
        Ok(())
    }

    /// Ends a slice that nobody wants.
    pub fn discard(&self, file: SliceFile) -> Result<(), SpoolError> {
        let part = self.path(file.number, PART);
        std::fs::remove_file(&part).map_err(SpoolError::io("remove", &part))?;
        self.lock().write(Entry::Discarded { number: file.number })
    }

    /// Capture is over: no file can be begun, and the playlists get their end mark, but after a lost lease, when they
    /// belong to another node. The first cause stays.
    pub fn finish(&self, cause: EndCause) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        if inner.state.cause.is_none() {
            inner.write(Entry::Finished { cause })?;
        }
        drop(inner);
        self.tell();
        Ok(())
    }

    /// What has happened and is not confirmed, as one report carries it; `prefix` is the storage's.
    pub fn occurrences(&self, prefix: &str) -> Occurrences {
        let inner = self.lock();
        inner.state.log.occurrences(inner.state.id, prefix)
    }

    /// How many occurrences are not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.lock().state.log.waiting()
    }

    /// The edge has what has happened up to here.
    pub fn confirm(&self, confirmed: Confirmed) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        let through = confirmed.through;
        if confirmed.log == inner.state.id && inner.state.log.is_news(through) {
            inner.write(Entry::Confirmed { through })?;
            drop(inner);
            self.tell();
        }
        Ok(())
    }

    /// Notes which tracks are received at this moment, as far as that is news.
    pub fn receives(&self, received: &BTreeSet<(String, TrackKind)>, at_ms: u64) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        let told: BTreeSet<_> = inner.state.log.received().into_iter().collect();
        let changes: Vec<_> = received.symmetric_difference(&told).cloned().collect();
        for (uid, track) in changes {
            let receiving = received.contains(&(uid.clone(), track));
            inner.write(Entry::Stream {
                uid,
                track,
                receiving,
                at_ms,
            })?;
        }
        Ok(())
    }

    /// Why capture ended, once it has.
    pub fn cause(&self) -> Option<EndCause> {
        self.lock().state.cause
    }

    /// Everything that was recorded is in the store, and nothing will follow.
    pub fn is_done(&self) -> bool {
        self.lock().state.is_done()
    }

    /// Files and playlists that the store has not confirmed.
    pub fn pending(&self) -> u64 {
        self.lock().state.pending()
    }

    /// One for each playlist, in the order of their first slices, then one for each whole file; `prefix` is the storage's.
    /// A playlist whose first slice is still being written is there with none. A whole file counts as one slice once it is
    /// complete.
    pub fn files(&self, prefix: &str) -> Vec<RecordedFile> {
        self.lock().state.files(prefix)
    }

    /// The committed slices of a playlist in the order of their commits.
    pub fn slices(&self, key: &PlaylistKey) -> Vec<Slice> {
        let inner = self.lock();
        let playlist = inner.state.playlists.iter().find(|playlist| playlist.key == *key);
        playlist
            .map(|playlist| playlist.slices.iter().map(|kept| kept.slice.clone()).collect())
            .unwrap_or_default()
    }

    /// How often the spool has been opened, this time included: from 1.
    pub fn incarnation(&self) -> u64 {
        self.lock().state.openings
    }

    /// Where the recording's timeline begins, Unix milliseconds: what its first opening said.
    pub fn started_ms(&self) -> u64 {
        self.lock().state.started_ms
    }

    /// Changes with each commit, confirmation and end.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// A panic elsewhere cannot leave the state half changed: entries are applied whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u64, extension: &str) -> PathBuf {
        file_path(&self.slices_dir(), number, extension)
    }

    fn slices_dir(&self) -> PathBuf {
        self.dir.join(SLICES)
    }
}
