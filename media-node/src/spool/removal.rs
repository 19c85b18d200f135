//! The removal of a whole spool. It is the only one, and proves first that nothing would be lost.

use std::io;
use std::path::Path;

use super::aside::files_aside;
use super::condition::read_state;
use super::paths::lock;
use super::repair::{self, Repair};
use super::{SLICES, SpoolError};

/// Why a spool was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// It holds something that may be nowhere else, by a sentence.
    #[error("{0}")]
    Needed(String),
    /// A process records into it, or the disk does not do what it is asked.
    #[error(transparent)]
    Failed(#[from] SpoolError),
}

/// Removes the spool in `dir`, if everything in it is in the store or nothing was ever captured into it. One that is not
/// there counts as removed.
pub fn remove(dir: &Path) -> Result<(), RemovalError> {
    match std::fs::symlink_metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(SpoolError::io("read", dir))?,
    };
    let held = lock(dir)?;
    prove_unneeded(dir)?;
    let removed = std::fs::remove_dir_all(dir).map_err(SpoolError::io("remove", dir));
    drop(held);
    Ok(removed?)
}

/// Whether nothing was ever captured into the spool in `dir`, or everything is in the store. Changes nothing.
fn prove_unneeded(dir: &Path) -> Result<(), RemovalError> {
    let needed = |what: String| Err(RemovalError::Needed(what));
    let (state, listing) = match read_state(dir) {
        Err(error @ SpoolError::Io { .. }) => return Err(error.into()),
        Err(error) => return needed(error.to_string()),
        Ok(read) => read,
    };
    if !state.is_done() && !state.is_empty() {
        return needed(format!(
            "{} files and playlists are not in the store",
            state.pending().max(1)
        ));
    }
    let unaccounted = repair::plan(&state, &listing)
        .into_iter()
        .find_map(|repair| match repair {
            Repair::Remove { .. } | Repair::Scratch { .. } | Repair::Cut { .. } | Repair::Forget { .. } => None,
            Repair::Finish { number, .. } => Some(format!("file {number} was being written")),
            Repair::Foreign { file } => Some(format!("the journal does not know the file {SLICES}/{file}")),
            Repair::Lost { file, .. } => Some(format!("{SLICES}/{file} is not as it was written")),
        });
    match (unaccounted, files_aside(dir)?.as_slice()) {
        (Some(what), _) => needed(what),
        (None, []) => Ok(()),
        (None, [file, ..]) => needed(format!("{} was set aside", file.display())),
    }
}
