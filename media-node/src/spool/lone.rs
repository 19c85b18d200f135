use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::TrackKind;
use serde::{Deserialize, Serialize};

use super::journal::Entry;
use super::{Content, PART, SCRATCH, Spool, SpoolError, check_name, file_path, sync_dir};

/// How many users' latest pictures are remembered; more users than a recording has at a time.
const MAX_USERS: usize = 1024;

/// What a file is that no playlist names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoneKind {
    /// It may grow for hours.
    Mp4,
    /// A JPEG picture. Once the store has it nothing but their number is kept.
    Picture,
}

/// A file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lone {
    pub kind: LoneKind,
    /// The one user in it; `0` when all users are mixed in it.
    pub uid: String,
    pub track: TrackKind,
    /// The object's name in the bucket, without the storage's prefix. Any characters but `/` and control characters.
    pub name: String,
    /// On the recording's timeline.
    pub start_us: i64,
    /// 0 for a picture.
    pub duration_us: i64,
    /// Wall-clock time of the first media in it, Unix milliseconds.
    pub start_ms: u64,
    pub bytes: u64,
}

/// A lone file that is being written: `<number>.part` in the spool, by writing here or by whoever opens its path. What
/// is written survives the process. Ended by [`Spool::commit_lone`] or [`Spool::discard_lone`]; dropped, it waits for
/// the next opening of the spool, which has it [finished](super::Finish::lone).
#[derive(Debug)]
pub struct LoneFile {
    pub(super) number: u64,
    slices: PathBuf,
    file: File,
}

impl LoneFile {
    pub fn path(&self) -> PathBuf {
        file_path(&self.slices, self.number, PART)
    }

    /// Where another version of the file can be made, to be renamed over it. The next opening of the spool removes what
    /// is left there.
    pub fn scratch_path(&self) -> PathBuf {
        file_path(&self.slices, self.number, SCRATCH)
    }
}

impl Write for LoneFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The pictures of a recording, all users together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    /// How many were committed since the recording's start.
    pub taken: u64,
    /// How many of these the store has confirmed.
    pub uploaded: u64,
    /// Wall-clock time of the first one, Unix milliseconds.
    pub first_ms: Option<u64>,
    /// Name of the newest one.
    pub last: Option<String>,
    /// uid → when the user's latest picture was taken, in microseconds on the recording's timeline. Of the 1024 users
    /// with the latest ones.
    latest: BTreeMap<String, i64>,
}

impl Pictures {
    pub(super) fn take(&mut self, picture: &Lone) {
        self.taken += 1;
        self.first_ms = Some(
            self.first_ms
                .map_or(picture.start_ms, |first| first.min(picture.start_ms)),
        );
        self.last = Some(picture.name.clone());
        self.latest.insert(picture.uid.clone(), picture.start_us);
        if self.latest.len() > MAX_USERS
            && let Some(oldest) = self.latest.iter().min_by_key(|(_, at_us)| **at_us)
        {
            let uid = oldest.0.clone();
            self.latest.remove(&uid);
        }
    }

    /// When the latest picture of a user was taken, in microseconds on the recording's timeline.
    pub fn latest_us(&self, uid: &str) -> Option<i64> {
        self.latest.get(uid).copied()
    }
}

/// Files that no playlist names.
impl Spool {
    /// Begins a file of its own. `opening` is what is known of it at its beginning; its duration and size count for
    /// nothing.
    pub fn begin_lone(&self, opening: &Lone) -> Result<LoneFile, SpoolError> {
        check_name(&opening.name)?;
        let mut inner = self.lock();
        if inner.state.cause.is_some() {
            return Err(SpoolError::Finished);
        }
        let number = inner.state.next_number;
        let file = Lone {
            duration_us: 0,
            bytes: 0,
            ..opening.clone()
        };
        inner.write(Entry::LoneBegun { number, file })?;
        let path = self.path(number, PART);
        match File::create_new(&path) {
            Ok(file) => Ok(LoneFile {
                number,
                slices: self.slices_dir(),
                file,
            }),
            Err(error) => {
                inner.write(Entry::Discarded { number })?;
                Err(SpoolError::io("make", &path)(error))
            }
        }
    }

    /// Ends a file. When this returns it is on disk whatever happens, and the uploader sees it. The size is the file's own,
    /// whatever `lone` says.
    pub fn commit_lone(&self, file: LoneFile, lone: Lone) -> Result<(), SpoolError> {
        check_name(&lone.name)?;
        let part = file.path();
        let LoneFile { number, slices, file } = file;
        drop(file);
        // By its path: another version may have been renamed over it.
        let bytes = sync_file(&part)?;
        let complete = file_path(&slices, number, Content::Lone(lone.kind).extension());
        std::fs::rename(&part, &complete).map_err(SpoolError::io("rename", &part))?;
        sync_dir(&slices)?;
        self.lock().write(Entry::LoneCommitted {
            number,
            file: Lone { bytes, ..lone },
        })?;
        self.tell();
        Ok(())
    }

    /// Ends a file that nobody wants.
    pub fn discard_lone(&self, file: LoneFile) -> Result<(), SpoolError> {
        let part = file.path();
        std::fs::remove_file(&part).map_err(SpoolError::io("remove", &part))?;
        self.lock().write(Entry::Discarded { number: file.number })
    }

    /// How many files of a kind there are, those that are being written included.
    pub fn lone_files(&self, kind: LoneKind) -> usize {
        let inner = self.lock();
        let complete = inner.state.lone.values().filter(|kept| kept.file.kind == kind).count();
        let growing = inner.state.drafts.values();
        complete + growing.filter(|draft| draft.content() == Content::Lone(kind)).count()
    }

    /// The recording's pictures so far.
    pub fn pictures(&self) -> Pictures {
        self.lock().state.pictures.clone()
    }
}

/// Makes a file's content durable; its size in bytes.
fn sync_file(path: &Path) -> Result<u64, SpoolError> {
    File::open(path)
        .and_then(|file| {
            file.sync_all()?;
            file.metadata()
        })
        .map(|metadata| metadata.len())
        .map_err(SpoolError::io("write", path))
}
