use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::journal::Entry;
use super::state::State;
use super::{COMPLETE, Inner, PART, Probe, Probed, Slice, SpoolError, parse_slice_name, slice_path, sync_dir};

/// Something that a stop has left half done, or that does not belong here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// The slice was being written: it is finished when frames are in it and removed otherwise.
    Finish { number: u64, renamed: bool },
    /// The slice was begun, but its file was not made.
    Forget { number: u64 },
    /// The store has confirmed the slice; its file was not removed yet.
    Remove { number: u64 },
    /// A file the journal does not know.
    Foreign { name: String },
    /// A committed slice without its file, or with a file of another size: what this spool never does by itself.
    Lost { number: u64, name: String },
}

/// The files of a spool: name → size in bytes.
pub(super) type Listing = BTreeMap<String, u64>;

pub(super) fn list(slices: &Path) -> Result<Listing, SpoolError> {
    let read = || -> io::Result<Listing> {
        std::fs::read_dir(slices)?
            .map(|entry| {
                let entry = entry?;
                Ok((
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.metadata()?.len(),
                ))
            })
            .collect()
    };
    read().map_err(SpoolError::io("list", slices))
}

/// What has to be done so that disk and journal agree. Pure.
pub(super) fn plan(state: &State, listing: &Listing) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut parts = BTreeMap::new();
    let mut complete = BTreeMap::new();
    for (name, bytes) in listing {
        match parse_slice_name(name) {
            Some((number, PART)) if state.drafts.contains_key(&number) => {
                parts.insert(number, *bytes);
            }
            Some((number, COMPLETE)) if number < state.next_number => {
                complete.insert(number, *bytes);
            }
            _ => repairs.push(Repair::Foreign { name: name.clone() }),
        }
    }
    for kept in state.kept() {
        match complete.remove(&kept.number) {
            Some(_) if kept.uploaded => repairs.push(Repair::Remove { number: kept.number }),
            None if kept.uploaded => {}
            Some(bytes) if bytes == kept.slice.bytes => {}
            _ => repairs.push(Repair::Lost {
                number: kept.number,
                name: kept.slice.name.clone(),
            }),
        }
    }
    for number in state.drafts.keys().copied() {
        let renamed = complete.remove(&number).is_some();
        repairs.push(if renamed || parts.contains_key(&number) {
            Repair::Finish { number, renamed }
        } else {
            Repair::Forget { number }
        });
    }
    repairs.extend(complete.into_keys().map(|number| Repair::Foreign {
        name: format!("{number:08}.{COMPLETE}"),
    }));
    repairs
}

pub(super) fn carry_out(inner: &mut Inner, slices: &Path, probe: Probe<'_>) -> Result<(), SpoolError> {
    for repair in plan(&inner.state, &list(slices)?) {
        match repair {
            Repair::Finish { number, renamed } => finish(inner, slices, number, renamed, probe)?,
            Repair::Forget { number } => inner.write(Entry::Discarded { number })?,
            Repair::Remove { number } => remove(&slice_path(slices, number, COMPLETE))?,
            Repair::Foreign { name } => remove(&slices.join(name))?,
            Repair::Lost { number, name } => {
                tracing::error!(
                    slice = name,
                    "a committed slice is not on the disk as it was written: it is lost"
                );
                inner.write(Entry::Lost { number })?;
                let path = slice_path(slices, number, COMPLETE);
                if path.exists() {
                    remove(&path)?;
                }
            }
        }
    }
    sync_dir(slices)
}

fn finish(inner: &mut Inner, slices: &Path, number: u64, renamed: bool, probe: Probe<'_>) -> Result<(), SpoolError> {
    let path = slice_path(slices, number, if renamed { COMPLETE } else { PART });
    let Some(draft) = inner.state.drafts.get(&number).map(|draft| draft.slice.clone()) else {
        return Ok(());
    };
    match probe(&path) {
        Some(Probed { duration_us, bytes }) if duration_us > 0 && bytes > 0 => {
            let cut = |file: File| file.set_len(bytes).and_then(|()| file.sync_all());
            OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(cut)
                .map_err(SpoolError::io("cut", &path))?;
            let complete = slice_path(slices, number, COMPLETE);
            std::fs::rename(&path, &complete).map_err(SpoolError::io("rename", &path))?;
            sync_dir(slices)?;
            inner.write(Entry::Committed {
                number,
                slice: Slice {
                    duration_us,
                    bytes,
                    ..draft
                },
            })
        }
        _ => {
            remove(&path)?;
            inner.write(Entry::Discarded { number })
        }
    }
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    std::fs::remove_file(path).map_err(SpoolError::io("remove", path))
}
