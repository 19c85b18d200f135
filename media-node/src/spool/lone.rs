use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::{Content, Lone, LoneKind, PART, Pictures, SCRATCH, Spool, SpoolError, check_name, file_path, sync_dir};

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

/// The most files of one kind and user that have been begun and held nothing.
const DISCARDED: usize = 1_000;

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

    /// The number of the next file of a kind and of a user, behind all whose name `name` gives for theirs, those that are being
    /// written included.
    pub fn next_lone(&self, kind: LoneKind, uid: &str, name: impl Fn(usize) -> String) -> usize {
        let inner = self.lock();
        let is_one = |file: &&Lone| file.kind == kind && file.uid == uid;
        let names: BTreeSet<_> = inner.state.lone_ones().filter(is_one).map(|file| &file.name).collect();
        let numbers = 0..names.len() + DISCARDED;
        numbers
            .rev()
            .find(|number| names.contains(&name(*number)))
            .map_or(0, |last| last + 1)
    }

    /// Where the whole files of a user end, in microseconds on the recording's timeline; `None` when there are none.
    pub fn lone_end_us(&self, uid: &str) -> Option<i64> {
        let inner = self.lock();
        let of_user = inner
            .state
            .lone_ones()
            .filter(|file| file.uid == uid && file.kind != LoneKind::Picture);
        of_user.map(|file| file.start_us.saturating_add(file.duration_us)).max()
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
