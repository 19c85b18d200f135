//! What cannot be gone on with and is kept all the same: single files in the folder `aside` of a spool, and whole spools in
//! the folder `aside` beside the spools. Nothing here is removed but by `media-node rescue`.

use std::io;
use std::path::{Path, PathBuf};

use super::job::JOB;
use super::paths::{remove_if_there, sync_dir};
use super::{ASIDE, JOURNAL, SLICES, SpoolError};

/// Beside the content of a spool that was set aside: a sentence that says why.
const WHY: &str = "why";
/// The file that says of a spool that nobody knows its recording any more.
const UNCLAIMED: &str = "unclaimed";

/// A spool that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub dir: PathBuf,
    /// A sentence.
    pub why: String,
}

impl SetAside {
    /// The size of the media in it, which takes a look at each of its files.
    pub fn bytes(&self) -> u64 {
        super::bytes_on_disk(&self.dir)
    }
}

/// Moves the spool in `dir` out of the way: into the folder `aside` beside it, under its own name or one that begins so.
/// `why`: a sentence for the operator. Returns where it is now.
pub fn set_aside(dir: &Path, why: &str) -> Result<PathBuf, SpoolError> {
    let (Some(root), Some(name)) = (dir.parent(), dir.file_name()) else {
        let source = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(SpoolError::io("set aside", dir)(source));
    };
    let target = move_into(dir, &root.join(ASIDE), &name.to_string_lossy())?;
    // A spool without it is kept as well.
    if let Err(error) = std::fs::write(target.join(WHY), format!("{why}\n")) {
        tracing::warn!(%error, dir = %target.display(), "why this spool was set aside cannot be kept with it");
    }
    sync_dir(root)?;
    Ok(target)
}

/// The spools that were set aside in a node's spool directory, by name.
pub fn list_set_aside(root: &Path) -> Result<Vec<SetAside>, SpoolError> {
    let aside = root.join(ASIDE);
    let entries = match std::fs::read_dir(&aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(SpoolError::io("list", &aside))?,
    };
    let mut spools = Vec::new();
    for entry in entries {
        let dir = entry.map_err(SpoolError::io("list", &aside))?.path();
        if dir.is_dir() {
            let why = std::fs::read_to_string(dir.join(WHY)).unwrap_or_default();
            let why = why.trim_end().to_owned();
            spools.push(SetAside { dir, why });
        }
    }
    spools.sort_by(|one, other| one.dir.cmp(&other.dir));
    Ok(spools)
}

/// Notes in a spool that nobody knows its recording any more.
pub fn mark_unclaimed(dir: &Path) -> Result<(), SpoolError> {
    let path = dir.join(UNCLAIMED);
    let noted = std::fs::write(&path, "The edge does not know the recording of this spool any more.\n");
    noted.map_err(SpoolError::io("write", &path))
}

/// Takes the note away: the recording goes on.
pub fn claim(dir: &Path) -> Result<(), SpoolError> {
    remove_if_there(&dir.join(UNCLAIMED))
}

/// Whether nobody knew the recording of the spool when its job was last asked for.
pub fn is_unclaimed(dir: &Path) -> bool {
    dir.join(UNCLAIMED).exists()
}

/// Moves a file out of the folder that the journal accounts for, into `aside` of the same spool.
pub(super) fn put_aside(slices: &Path, file: &str) -> Result<(), SpoolError> {
    let dir = slices.parent().unwrap_or(slices);
    move_into(&slices.join(file), &dir.join(ASIDE), file)?;
    sync_dir(slices)
}

/// Where the spool in `dir` keeps files aside.
pub(super) fn files_aside(dir: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let aside = dir.join(ASIDE);
    let names = super::listing::list_if_there(&aside)?;
    Ok(names.into_keys().map(|name| aside.join(name)).collect())
}

/// Whether a directory is the spool of a recording, or what is left of one.
pub(super) fn is_spool(dir: &Path) -> bool {
    [SLICES, JOURNAL, JOB].iter().any(|name| dir.join(name).exists())
}

/// Renames `from` to a name in `folder` that is free: `name`, `name-2`, and so on.
fn move_into(from: &Path, folder: &Path, name: &str) -> Result<PathBuf, SpoolError> {
    std::fs::create_dir_all(folder).map_err(SpoolError::io("make", folder))?;
    let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| !folder.join(name).exists());
    let target = folder.join(free.unwrap_or_else(|| name.to_owned()));
    std::fs::rename(from, &target).map_err(SpoolError::io("set aside", from))?;
    sync_dir(folder)?;
    Ok(target)
}
