use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::entry::Entry;
use super::state::State;
use super::{SpoolError, sync_dir};

/// Up to this length, in bytes, a journal is left as it is.
pub(super) const COMPACT_ABOVE: u64 = 1 << 20;

/// Room on the disk that a journal keeps behind its end, in bytes: some hundred entries. When the disk is full a recording
/// can still end, and uploads can still be confirmed, which is what makes room.
const RESERVE: u64 = 64 << 10;

/// A journal that is being made, beside the one that is in force.
const NEW: &str = "new";

/// What [`Entry::Compacted`] is read from.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Compaction<'a> {
    Compacted(&'a State),
}

/// What a journal file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replay {
    pub(super) entries: Vec<Entry>,
    /// Length of the first line when it is a whole state, in bytes.
    base_bytes: u64,
    /// Length of the whole lines, in bytes.
    pub(super) good_bytes: u64,
    /// Bytes behind them: a line that was being written when the process or the machine stopped.
    pub(super) torn_bytes: u64,
}

/// Reads the lines of a journal. The last line may be torn; any other line that is not an entry is damage.
pub(super) fn replay(path: &Path, bytes: &[u8]) -> Result<Replay, SpoolError> {
    let mut entries = Vec::new();
    let (mut good, mut base_bytes) = (0, 0);
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, tail) = rest.split_at(end + 1);
        match serde_json::from_slice(line) {
            Ok(entry) => {
                if matches!(entry, Entry::Compacted(_)) {
                    base_bytes = line.len() as u64;
                }
                entries.push(entry);
            }
            // After a power cut the file may be longer than what reached the disk; the rest reads as anything. What reads as a
            // whole value was written by a program that knows more steps.
            Err(_) if tail.is_empty() && !is_whole_value(line) => break,
            Err(error) => {
                return Err(SpoolError::Damaged {
                    path: path.to_owned(),
                    line: entries.len() + 1,
                    reason: error.to_string(),
                });
            }
        }
        good += line.len() as u64;
        rest = tail;
    }
    Ok(Replay {
        entries,
        base_bytes,
        good_bytes: good,
        torn_bytes: bytes.len() as u64 - good,
    })
}

fn is_whole_value(line: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(line).is_ok()
}

/// The open journal; every entry is on disk when `append` returns.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    /// The length of the whole state with which it begins; 0 when it begins with none.
    base: u64,
    /// Beyond the base the journal may grow by this and as much as the base is.
    slack: u64,
    /// Where the room ends that the disk has set aside for it.
    reserved: u64,
}

impl Journal {
    /// Opens or creates the file and cuts a torn last line away. `slack`: bytes that are not worth to be saved.
    pub(super) fn open(path: &Path, slack: u64) -> Result<(Self, Replay), SpoolError> {
        let bytes = read(path)?;
        let replay = replay(path, &bytes)?;
        discard_new(path)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(SpoolError::io("open", path))?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            length: replay.good_bytes,
            base: replay.base_bytes,
            slack,
            reserved: 0,
        };
        if replay.torn_bytes > 0 {
            journal.cut_back()?;
        }
        journal.reserve();
        Ok((journal, replay))
    }

    /// Has the disk set room aside, as far as it has any and its file system can.
    fn reserve(&mut self) {
        if self.reserved.saturating_sub(self.length) >= RESERVE / 2 {
            return;
        }
        let bounds = i64::try_from(self.length).ok().zip(i64::try_from(RESERVE).ok());
        let Some((from, bytes)) = bounds else { return };
        match fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, from, bytes) {
            Ok(()) => self.reserved = self.length.saturating_add(RESERVE),
            Err(error) => tracing::debug!(%error, "no space is reserved for the journal"),
        }
    }

    /// Appends one line and waits until the disk has it. After an error the file is as before, so that a later
    /// entry does not stand behind half a line.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), SpoolError> {
        let written = self.write_line(entry);
        match written {
            Ok(bytes) => {
                self.length += bytes;
                self.reserve();
                Ok(())
            }
            Err(source) => {
                self.cut_back()?;
                Err(SpoolError::Io {
                    action: "append to",
                    path: self.path.clone(),
                    source,
                })
            }
        }
    }

    fn write_line(&mut self, entry: &Entry) -> io::Result<u64> {
        let bytes = write_line(&mut self.file, entry)?;
        self.file.sync_data()?;
        Ok(bytes)
    }

    /// More of it tells how the state came to be than what it is.
    pub(super) fn is_bloated(&self) -> bool {
        self.length > self.base.saturating_mul(2).saturating_add(self.slack)
    }

    /// Puts a journal that tells `state` in the place of this one. Whatever stops it, one of the two is there and whole.
    /// After an error this one stays in force and grows on before the next attempt.
    pub(super) fn compact(&mut self, state: &State) -> Result<(), SpoolError> {
        self.base = self.length;
        discard_new(&self.path)?;
        let new = new_path(&self.path);
        let make = || -> io::Result<(File, u64)> {
            let mut file = OpenOptions::new().append(true).create_new(true).open(&new)?;
            let bytes = write_line(&mut file, &Compaction::Compacted(state))?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            Ok((file, bytes))
        };
        let (file, bytes) = make().map_err(SpoolError::io("write", &new))?;
        (self.file, self.length, self.base) = (file, bytes, bytes);
        self.reserved = 0;
        self.reserve();
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    fn cut_back(&mut self) -> Result<(), SpoolError> {
        // What lies behind the new end is given back with it.
        self.reserved = 0;
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.sync_data())
            .map_err(SpoolError::io("cut back", &self.path))
    }
}

fn write_line(file: &mut File, line: &impl Serialize) -> io::Result<u64> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    file.write_all(&line)?;
    Ok(line.len() as u64)
}

fn new_path(journal: &Path) -> PathBuf {
    journal.with_extension(NEW)
}

fn discard_new(journal: &Path) -> Result<(), SpoolError> {
    let new = new_path(journal);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(SpoolError::io("remove", &new)),
    }
}

/// The journal's bytes; none when the file is not there.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SpoolError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(SpoolError::io("read", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<u8> {
        b"{\"opened\":{\"epoch\":1,\"at_ms\":5}}\n{\"uploaded\":{\"number\":3}}\n".to_vec()
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_measured() {
        for cut in 0..lines().len() {
            let bytes = &lines()[..cut];
            let replay = replay(Path::new("j"), bytes).unwrap();
            assert_eq!(replay.good_bytes + replay.torn_bytes, cut as u64);
            assert_eq!(
                replay.entries.len(),
                bytes.iter().filter(|byte| **byte == b'\n').count()
            );
        }
    }

    #[test]
    fn damage_before_the_last_line_is_an_error() {
        let mut bytes = lines();
        bytes[3] = b'\n';
        let error = replay(Path::new("j"), &bytes).unwrap_err();
        assert!(matches!(error, SpoolError::Damaged { line: 1, .. }), "{error}");
    }

    #[test]
    fn a_last_line_of_a_newer_version_is_not_cut_away() {
        let mut bytes = lines();
        bytes.extend_from_slice(b"{\"teleported\":{\"number\":3}}\n");
        let error = replay(Path::new("j"), &bytes).unwrap_err();
        assert!(matches!(error, SpoolError::Damaged { line: 3, .. }), "{error}");
        let torn = bytes.len() - 3;
        bytes.truncate(torn);
        bytes.extend_from_slice(b"\0\0\0\n");
        assert_eq!(replay(Path::new("j"), &bytes).unwrap().entries.len(), 2);
    }

    #[test]
    fn an_opened_journal_goes_on_behind_the_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut torn = lines();
        torn.extend_from_slice(b"{\"uploaded\":{\"num");
        std::fs::write(&path, &torn).unwrap();
        let (mut journal, replayed) = Journal::open(&path, COMPACT_ABOVE).unwrap();
        assert_eq!(replayed.entries.len(), 2);
        journal.append(&Entry::Discarded { number: 9 }).unwrap();
        let replayed = replay(&path, &std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(replayed.torn_bytes, 0);
        assert_eq!(replayed.entries.last(), Some(&Entry::Discarded { number: 9 }));
    }
}
