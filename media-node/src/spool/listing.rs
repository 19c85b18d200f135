//! What is in a spool's directories.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::SpoolError;

/// The files of a directory: name → size in bytes.
pub(super) type Listing = BTreeMap<String, u64>;

pub(super) fn list(dir: &Path) -> Result<Listing, SpoolError> {
    let read = || -> io::Result<Listing> {
        std::fs::read_dir(dir)?
            .map(|entry| {
                let entry = entry?;
                Ok((
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.metadata()?.len(),
                ))
            })
            .collect()
    };
    read().map_err(SpoolError::io("list", dir))
}

/// The same; empty where the directory is not there.
pub(super) fn list_if_there(dir: &Path) -> Result<Listing, SpoolError> {
    match list(dir) {
        Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Listing::new()),
        listing => listing,
    }
}
