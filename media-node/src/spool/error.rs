use std::io;
use std::path::{Path, PathBuf};

/// Why the spool could not do what it was asked. All but `InUse` and `BadName` are the node's own fault: a full or
/// failing disk, or files that something else has changed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the spool cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("another process records into {}", .0.display())]
    InUse(PathBuf),
    #[error("line {line} of {} is not an entry of a journal: {reason}", path.display())]
    Damaged { path: PathBuf, line: usize, reason: String },
    #[error("the journal contradicts itself: {0}")]
    Contradiction(String),
    #[error("there is media in {} and no journal that tells what it is", .0.display())]
    NoJournal(PathBuf),
    #[error("{} is not a job: {reason}", path.display())]
    BadJob { path: PathBuf, reason: String },
    #[error("{name:?} cannot name a file of a recording: {reason}")]
    BadName { name: String, reason: &'static str },
    #[error("the recording has ended: it accepts no more files")]
    Finished,
}

impl SpoolError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
