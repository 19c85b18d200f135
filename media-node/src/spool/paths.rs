//! Names and places of a spool's files, and the lock on its directory.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::{LOCK, SpoolError};

/// Longest name of a slice or playlist in bytes; S3 takes keys of 1024 bytes, prefix included.
pub(super) const MAX_NAME_BYTES: usize = 900;

pub(super) fn file_path(slices: &Path, number: u64, extension: &str) -> PathBuf {
    slices.join(file_name(number, extension))
}

pub(super) fn file_name(number: u64, extension: &str) -> String {
    format!("{number:08}.{extension}")
}

/// The inverse of [`file_name`].
pub(super) fn parse_file_name(name: &str) -> Option<(u64, &str)> {
    let (number, extension) = name.split_once('.')?;
    number.parse().ok().map(|number| (number, extension))
}

pub(super) fn check_name(name: &str) -> Result<(), SpoolError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is too long"
    } else if name.contains('/') || name == "." || name == ".." {
        "it would leave its directory"
    } else if name.contains(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(SpoolError::BadName {
        name: name.to_owned(),
        reason,
    })
}

pub(super) fn lock(dir: &Path) -> Result<Flock<File>, SpoolError> {
    let path = dir.join(LOCK);
    let file = File::create(&path).map_err(SpoolError::io("make", &path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::errno::Errno::EWOULDBLOCK => SpoolError::InUse(dir.to_owned()),
        errno => SpoolError::io("lock", &path)(errno.into()),
    })
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), SpoolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(SpoolError::io("remove", path)),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(SpoolError::io("sync", dir))
}
