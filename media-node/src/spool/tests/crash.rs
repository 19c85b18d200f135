//! Crashes, simulated at every step: after each operation the directory is copied as a stop inside that operation would
//! leave it, with the journal cut at any byte of the operation's own lines, and opened again.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use protocol::FileKind;

use super::super::check::{Finding, check};
use super::*;

pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record {
        uid: u8,
        bytes: usize,
    },
    Abandon {
        uid: u8,
        bytes: usize,
    },
    Discard {
        uid: u8,
    },
    RecordLone {
        kind: LoneKind,
        bytes: usize,
    },
    AbandonLone {
        kind: LoneKind,
        bytes: usize,
    },
    DiscardLone {
        kind: LoneKind,
    },
    Confirm {
        which: usize,
    },
    Publish {
        which: usize,
    },
    BackUp {
        which: usize,
    },
    /// Carries out whatever the backup has to do.
    TendBackup,
    Move {
        which: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![Just(LoneKind::Mp4), Just(LoneKind::Picture)];
    prop_oneof![
        3 => (kind(), 1..60_usize).prop_map(|(kind, bytes)| Step::RecordLone { kind, bytes }),
        1 => (kind(), 0..60_usize).prop_map(|(kind, bytes)| Step::AbandonLone { kind, bytes }),
        1 => kind().prop_map(|kind| Step::DiscardLone { kind }),
        4 => (0..3_u8, 1..60_usize).prop_map(|(uid, bytes)| Step::Record { uid, bytes }),
        1 => (0..3_u8, 0..60_usize).prop_map(|(uid, bytes)| Step::Abandon { uid, bytes }),
        1 => (0..3_u8).prop_map(|uid| Step::Discard { uid }),
        6 => (0..8_usize).prop_map(|which| Step::Confirm { which }),
        2 => (0..3_usize).prop_map(|which| Step::Publish { which }),
        3 => (0..8_usize).prop_map(|which| Step::BackUp { which }),
        2 => Just(Step::TendBackup),
        2 => (0..8_usize).prop_map(|which| Step::Move { which }),
    ]
}

/// What the spool has promised, and what the store has got from it.
#[derive(Clone, Default)]
struct Promises {
    committed: Vec<Slice>,
    lone: Vec<Lone>,
    in_store: BTreeSet<String>,
    /// Files and playlists.
    in_backup: BTreeSet<String>,
}

impl Promises {
    fn carry_out(&mut self, spool: &Spool, step: Step, index: usize) {
        match step {
            Step::Record { uid, bytes } => self.committed.push(record(spool, uid, index, bytes)),
            Step::Abandon { uid, bytes } => {
                let mut file = spool.begin(&format!("{uid}.m3u8"), &slice(uid, index)).unwrap();
                file.write_all(&vec![b'x'; bytes]).unwrap();
            }
            Step::Discard { uid } => {
                let file = spool.begin(&format!("{uid}.m3u8"), &slice(uid, index)).unwrap();
                spool.discard(file).unwrap();
            }
            Step::RecordLone { kind, bytes } => self.lone.push(record_lone(spool, lone(kind, index), bytes)),
            Step::AbandonLone { kind, bytes } => drop(write_lone(spool, &lone(kind, index), bytes)),
            Step::DiscardLone { kind } => spool.discard_lone(write_lone(spool, &lone(kind, index), 1)).unwrap(),
            Step::Confirm { which } => {
                let due = spool.due_files();
                if let Some(file) = due.get(which % due.len().max(1)) {
                    self.in_store.insert(file.name.clone());
                    spool.confirm_file(file).unwrap();
                }
            }
            Step::Publish { which } => {
                let due = spool.due_playlists(|_| true);
                if let Some(playlist) = due.get(which % due.len().max(1)) {
                    for slice in &playlist.slices {
                        assert!(
                            self.in_store.contains(&slice.name),
                            "{} is named but not up",
                            slice.name
                        );
                    }
                    spool.confirm_playlist(playlist).unwrap();
                }
            }
            Step::BackUp { which } => {
                let due = spool.due_files();
                if let Some(file) = due.get(which % due.len().max(1)) {
                    self.in_backup.insert(file.name.clone());
                    spool.confirm_backup(file).unwrap();
                }
            }
            Step::Move { which } => {
                let due = spool.movable();
                if let Some(file) = due.get(which % due.len().max(1)) {
                    assert!(self.in_backup.contains(&file.name), "{file:?} is not in the backup");
                    self.in_store.insert(file.name.clone());
                    spool.confirm_move(file.number).unwrap();
                }
            }
            Step::TendBackup => self.tend_backup(spool),
        }
    }

    fn tend_backup(&mut self, spool: &Spool) {
        if let Some(copy) = spool.due_copies().first() {
            for slice in &copy.playlist.slices {
                assert!(self.in_backup.contains(&slice.name), "{} is named there", slice.name);
            }
            self.in_backup.insert(copy.playlist.name.clone());
            spool.confirm_copy(copy).unwrap();
        } else if let Some(name) = spool.retractable().first() {
            assert!(self.in_backup.remove(name), "{name} is not there");
            spool.confirm_retraction(name.clone()).unwrap();
        } else if let Some(file) = spool.clearable().first() {
            assert!(self.in_store.contains(&file.name), "{file:?} would be nowhere");
            assert!(self.in_backup.remove(&file.name), "{file:?} is not there");
            spool.confirm_clearance(file.number).unwrap();
        }
    }

    /// Every committed file is known as it was, and on disk unless the store has it.
    fn verify(&self, dir: &Path, spool: &Spool) {
        for promised in &self.committed {
            let found = spool
                .slices(&promised.playlist)
                .into_iter()
                .find(|slice| slice.name == promised.name);
            assert_eq!(found.as_ref(), Some(promised));
        }
        let due = spool.due_files();
        for due in &due {
            assert_eq!(std::fs::metadata(&due.path).unwrap().len(), due.bytes, "{}", due.name);
        }
        for playlist in spool.due_playlists(|_| true) {
            for slice in playlist.slices {
                assert!(
                    self.in_store.contains(&slice.name),
                    "{} would be named but is not up",
                    slice.name
                );
            }
        }
        let slices = self.committed.iter().map(|slice| (&slice.name, slice.bytes));
        for (name, bytes) in slices.chain(self.lone.iter().map(|lone| (&lone.name, lone.bytes))) {
            let due = due.iter().any(|due| due.name == *name && due.bytes == bytes);
            let elsewhere = self.in_store.contains(name) || self.in_backup.contains(name);
            assert!(due || elsewhere, "{name} is nowhere");
        }
        let files = spool.files("");
        for mp4 in self.lone.iter().filter(|lone| lone.kind == LoneKind::Mp4) {
            let file = files.iter().find(|file| file.name == mp4.name).unwrap();
            assert_eq!((file.kind, file.slices, file.bytes), (FileKind::Mp4, 1, mp4.bytes));
        }
        let pictures = spool.pictures();
        let is_picture = |content| content == Content::Lone(LoneKind::Picture);
        let held = spool.movable().iter().filter(|held| is_picture(held.content)).count();
        let waiting = due.iter().filter(|due| is_picture(due.content)).count();
        assert_eq!(pictures.taken - pictures.uploaded, (waiting + held) as u64);
        let findings = check(dir).unwrap();
        assert!(
            findings
                .iter()
                .all(|finding| matches!(finding, Finding::Holds { .. } | Finding::Violation(_)))
        );
        // The tests store no job; that is all there is to complain about.
        assert_eq!(
            findings.iter().filter(|finding| finding.is_violation()).count(),
            1,
            "{findings:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn no_stop_at_any_byte_loses_a_committed_slice(
        steps in prop::collection::vec(step(), 1..14),
        cuts in prop::collection::vec(0.0..=1.0_f64, 14),
        short: bool,
    ) {
        let open = if short { open_short } else { open };
        let root = tempfile::tempdir().unwrap();
        let live = root.path().join("live");
        let spool = open(&live);
        let mut promises = Promises::default();
        for (index, (step, cut)) in steps.into_iter().zip(cuts).enumerate() {
            let before = root.path().join(format!("before-{index}"));
            let after = root.path().join(format!("after-{index}"));
            copy_dir(&live, &before);
            let length_before = journal_length(&live);
            let mut kept = promises.clone();
            promises.carry_out(&spool, step, index);
            kept.in_store.clone_from(&promises.in_store);
            kept.in_backup.extend(promises.in_backup.iter().cloned());
            if short {
                // The lines of one step do not stand apart: all of them are there.
                copy_dir(&live, &after);
                let reopened = open(&after);
                promises.verify(&after, &reopened);
                continue;
            }
            let grown = journal_length(&live) - length_before;
            let length = length_before + (grown as f64 * cut) as u64;
            // A confirmation writes the journal before it removes the file; all else changes files first.
            let crashed = if matches!(step, Step::Confirm { .. } | Step::BackUp { .. }) {
                std::fs::copy(live.join(JOURNAL), before.join(JOURNAL)).unwrap();
                before
            } else {
                copy_dir(&live, &after);
                after
            };
            let journal = std::fs::OpenOptions::new().write(true).open(crashed.join(JOURNAL)).unwrap();
            // The line that begins a file is on disk before the file is made.
            let begun = first_line_end(&crashed, length_before);
            let makes_file = matches!(
                step,
                Step::Record { .. } | Step::Abandon { .. } | Step::RecordLone { .. } | Step::AbandonLone { .. }
            );
            journal.set_len(if makes_file { length.max(begun) } else { length }).unwrap();
            std::fs::write(crashed.join("journal.new"), b"{\"compacted\":{\"playl").unwrap();
            let reopened = open(&crashed);
            kept.verify(&crashed, &reopened);
            drop(reopened);
            kept.verify(&crashed, &open(&crashed));
        }
        drop(spool);
        promises.verify(&live, &open(&live));
        // Whether the journal is told line by line or as a whole makes no difference.
        let copy = root.path().join("copy");
        copy_dir(&live, &copy);
        for _ in 0..2 {
            let (one, other) = (super::open(&live), open_short(&copy));
            prop_assert_eq!(&one.lock().state, &other.lock().state);
        }
    }
}

fn first_line_end(dir: &Path, from: u64) -> u64 {
    let bytes = std::fs::read(dir.join(JOURNAL)).unwrap();
    let rest = &bytes[from as usize..];
    from + rest
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end as u64 + 1)
}
