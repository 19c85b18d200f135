use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::Path;

use super::aside::put_aside;
use super::entry::Entry;
use super::kept::Draft;
use super::listing::{Listing, list};
use super::state::State;
use super::{
    Content, CutFile, Finish, Inner, Lone, LoneKind, PART, Probed, Remains, SCRATCH, Slice, SpoolError, file_name,
    file_path, parse_file_name, sync_dir,
};

/// Something that a stop has left half done, or that does not belong here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// The file was being written: it is finished when there is something in it to keep and removed otherwise.
    Finish { number: u64, renamed: bool },
    /// The file was begun, but not made.
    Forget { number: u64 },
    /// A store has confirmed what is in the file, or nobody wants it; it was not removed yet.
    Remove { file: String },
    /// The end of the slice was cut off in the journal only.
    Cut { file: String, bytes: u64 },
    /// Another version of a file, which was not completed.
    Scratch { file: String },
    /// A file the journal does not know. It is kept aside.
    Foreign { file: String },
    /// A committed file that is missing, or of another size: what this spool never does by itself. What is there is kept
    /// aside.
    Lost { number: u64, file: String, name: String },
}

/// What has to be done so that disk and journal agree. Pure.
pub(super) fn plan(state: &State, listing: &Listing) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut parts = BTreeMap::new();
    let mut complete = BTreeMap::new();
    for (file, bytes) in listing {
        let file = file.clone();
        match parse_file_name(&file) {
            Some((number, PART)) if state.drafts.contains_key(&number) => {
                parts.insert(number, *bytes);
            }
            Some((number, SCRATCH)) if number < state.next_number => repairs.push(Repair::Scratch { file }),
            Some((number, _)) if number < state.next_number => {
                complete.insert(file, *bytes);
            }
            _ => repairs.push(Repair::Foreign { file }),
        }
    }
    for kept in state.complete() {
        let file = file_name(kept.number, kept.content.extension());
        let elsewhere = kept.uploaded || state.backup.holds(kept.number);
        match complete.remove(&file) {
            Some(_) if elsewhere => repairs.push(Repair::Remove { file }),
            None if elsewhere => {}
            Some(bytes) if bytes == kept.bytes => {}
            Some(bytes) if kept.cut && bytes > kept.bytes => repairs.push(Repair::Cut {
                file,
                bytes: kept.bytes,
            }),
            _ => repairs.push(Repair::Lost {
                number: kept.number,
                file,
                name: kept.name.to_owned(),
            }),
        }
    }
    for (number, draft) in &state.drafts {
        let number = *number;
        let renamed = complete
            .remove(&file_name(number, draft.content().extension()))
            .is_some();
        repairs.push(if renamed || parts.contains_key(&number) {
            Repair::Finish { number, renamed }
        } else {
            Repair::Forget { number }
        });
    }
    let picture = Content::Lone(LoneKind::Picture).extension();
    repairs.extend(complete.into_keys().map(|file| match parse_file_name(&file) {
        // Confirmed pictures are not kept in the state.
        Some((_, extension)) if extension == picture => Repair::Remove { file },
        Some((number, _)) if state.given_up.contains(&number) => Repair::Remove { file },
        _ => Repair::Foreign { file },
    }));
    repairs
}

pub(super) fn carry_out(inner: &mut Inner, slices: &Path, how: Finish<'_>) -> Result<(), SpoolError> {
    for repair in plan(&inner.state, &list(slices)?) {
        match repair {
            Repair::Finish { number, renamed } => finish(inner, slices, number, renamed, how)?,
            Repair::Forget { number } => inner.write(Entry::Discarded { number })?,
            Repair::Remove { file } | Repair::Scratch { file } => remove(&slices.join(file))?,
            Repair::Foreign { file } => {
                tracing::error!(file, "the journal does not know this file: it is kept aside");
                put_aside(slices, &file)?;
            }
            Repair::Cut { file, bytes } => cut_file(&slices.join(file), bytes)?,
            Repair::Lost { number, file, name } => {
                tracing::error!(
                    name,
                    "a committed file is not on the disk as it was written: it is lost"
                );
                inner.write(Entry::Lost { number })?;
                if slices.join(&file).exists() {
                    put_aside(slices, &file)?;
                }
            }
        }
    }
    sync_dir(slices)
}

fn finish(inner: &mut Inner, slices: &Path, number: u64, renamed: bool, how: Finish<'_>) -> Result<(), SpoolError> {
    let Some(draft) = inner.state.drafts.get(&number).cloned() else {
        return Ok(());
    };
    let complete = file_path(slices, number, draft.content().extension());
    let path = if renamed {
        complete.clone()
    } else {
        file_path(slices, number, PART)
    };
    let scratch = file_path(slices, number, SCRATCH);
    let remains = how.draft(
        &draft,
        CutFile {
            path: &path,
            scratch: &scratch,
        },
    );
    if scratch.exists() {
        remove(&scratch)?;
    }
    let is_slice = matches!(draft, Draft::Slice { .. });
    let Probed {
        duration_us,
        bytes,
        md5,
    } = match remains {
        Remains::Whole(probed) if probed.bytes > 0 && !(is_slice && probed.duration_us <= 0) => probed,
        Remains::Whole(_) | Remains::Nothing => {
            remove(&path)?;
            return inner.write(Entry::Discarded { number });
        }
        Remains::Unreadable => {
            tracing::error!(file = %path.display(), "what was being written cannot be read: it is kept aside");
            put_aside(slices, &path.file_name().unwrap_or_default().to_string_lossy())?;
            return inner.write(Entry::Discarded { number });
        }
    };
    cut_file(&path, bytes)?;
    std::fs::rename(&path, &complete).map_err(SpoolError::io("rename", &path))?;
    sync_dir(slices)?;
    inner.write(match draft {
        Draft::Slice { slice, .. } => Entry::Committed {
            number,
            slice: Slice {
                duration_us,
                bytes,
                ..slice
            },
        },
        Draft::Lone(file) => Entry::LoneCommitted {
            number,
            file: Lone {
                duration_us,
                bytes,
                md5,
                ..file
            },
        },
    })
}

/// Leaves the first `bytes` of a file.
pub(super) fn cut_file(path: &Path, bytes: u64) -> Result<(), SpoolError> {
    let cut = |file: File| file.set_len(bytes).and_then(|()| file.sync_all());
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(cut).map_err(SpoolError::io("cut", path))
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    std::fs::remove_file(path).map_err(SpoolError::io("remove", path))
}
