//! Crashes, simulated at every step: after each operation the directory is copied as a stop inside that operation would
//! leave it, with the journal cut at any byte of the operation's own lines, and opened again.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use protocol::{FileKind, TrackKind};

use super::backlog::Backlog;
use super::check::{Finding, check};
use super::*;

const OPENING: Opening = Opening { epoch: 1, at_ms: 1_000 };
/// The test's frame: a slice is whole frames of so many bytes, each of which lasts as many microseconds.
pub(super) const FRAME: u64 = 10;

fn probe(path: &Path) -> Option<Probed> {
    let whole = std::fs::metadata(path).unwrap().len() / FRAME * FRAME;
    (whole > 0).then_some(Probed {
        duration_us: whole as i64,
        bytes: whole,
    })
}

/// Files of their own are kept in whole frames as slices are.
pub(super) const FINISH: Finish<'_> = Finish {
    slice: &probe,
    lone: &|_, cut| probe(cut.path),
};

pub(super) fn open(dir: &Path) -> Spool {
    Spool::open(dir, OPENING, FINISH).unwrap()
}

/// The same, and the journal is made shorter at every opportunity.
pub(super) fn open_short(dir: &Path) -> Spool {
    Spool::open_compacting(dir, OPENING, FINISH, 0).unwrap()
}

pub(super) fn key(uid: u8) -> PlaylistKey {
    PlaylistKey {
        uid: uid.to_string(),
        track: TrackKind::Audio,
    }
}

pub(super) fn slice(uid: u8, index: usize) -> Slice {
    Slice {
        playlist: key(uid),
        name: format!("{uid}_{index}.ts"),
        start_us: index as i64 * 100,
        duration_us: 100,
        start_ms: 1_000 + index as u64,
        bytes: 0,
        discontinuity: false,
        tags: vec![format!("#EXT-X-AGORA-TEST:{index}")],
    }
}

pub(super) fn record(spool: &Spool, uid: u8, index: usize, bytes: usize) -> Slice {
    let slice = slice(uid, index);
    let mut file = spool.begin(&format!("{uid}.m3u8"), &slice).unwrap();
    file.write_all(&vec![b'x'; bytes]).unwrap();
    spool.commit(file, slice.clone()).unwrap();
    Slice {
        bytes: bytes as u64,
        ..slice
    }
}

fn lone(kind: LoneKind, index: usize) -> Lone {
    Lone {
        kind,
        uid: "7".to_owned(),
        track: TrackKind::Video,
        name: format!("{index}.{}", Content::Lone(kind).extension()),
        start_us: index as i64 * 100,
        duration_us: 0,
        start_ms: 1_000 + index as u64,
        bytes: 0,
    }
}

fn write_lone(spool: &Spool, lone: &Lone, bytes: usize) -> LoneFile {
    let mut file = spool.begin_lone(lone).unwrap();
    file.write_all(&vec![b'x'; bytes]).unwrap();
    file
}

fn record_lone(spool: &Spool, lone: Lone, bytes: usize) -> Lone {
    spool
        .commit_lone(write_lone(spool, &lone, bytes), lone.clone())
        .unwrap();
    Lone {
        bytes: bytes as u64,
        ..lone
    }
}

pub(super) fn confirm(spool: &Spool, number: u64) {
    let due = spool.due_files();
    let file = due.iter().find(|file| file.number == number).unwrap();
    spool.confirm_file(file).unwrap();
}

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

fn journal_length(dir: &Path) -> u64 {
    std::fs::metadata(dir.join(JOURNAL)).unwrap().len()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record { uid: u8, bytes: usize },
    Abandon { uid: u8, bytes: usize },
    Discard { uid: u8 },
    RecordLone { kind: LoneKind, bytes: usize },
    AbandonLone { kind: LoneKind, bytes: usize },
    DiscardLone { kind: LoneKind },
    Confirm { which: usize },
    Publish { which: usize },
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
    ]
}

/// What the spool has promised, and what the store has got from it.
#[derive(Clone, Default)]
struct Promises {
    committed: Vec<Slice>,
    lone: Vec<Lone>,
    in_store: BTreeSet<String>,
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
                let due = spool.due_playlists();
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
        for playlist in spool.due_playlists() {
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
            assert!(due || self.in_store.contains(name), "{name} is nowhere");
        }
        let files = spool.files("");
        for mp4 in self.lone.iter().filter(|lone| lone.kind == LoneKind::Mp4) {
            let file = files.iter().find(|file| file.name == mp4.name).unwrap();
            assert_eq!((file.kind, file.slices, file.bytes), (FileKind::Mp4, 1, mp4.bytes));
        }
        let pictures = spool.pictures();
        let waiting = due.iter().filter(|due| due.content == Content::Lone(LoneKind::Picture));
        assert_eq!(pictures.taken - pictures.uploaded, waiting.count() as u64);
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
            let crashed = if matches!(step, Step::Confirm { .. }) {
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
            let (one, other) = (super::tests::open(&live), open_short(&copy));
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

#[test]
fn a_slice_that_was_being_written_is_finished_up_to_its_last_frame() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    let mut file = spool.begin("1.m3u8", &slice(1, 1)).unwrap();
    file.write_all(&[b'y'; 37]).unwrap();
    drop((file, spool));
    let spool = open(dir.path());
    let slices = spool.slices(&key(1));
    assert_eq!(slices.len(), 2);
    assert_eq!(
        (slices[1].duration_us, slices[1].bytes, slices[1].tags.len()),
        (30, 30, 1)
    );
    assert_eq!(spool.due_files()[1].bytes, 30);
    assert_eq!((spool.incarnation(), spool.started_ms()), (2, 1_000));
}

#[test]
fn only_one_process_holds_a_spool() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(
        Spool::open(dir.path(), OPENING, FINISH),
        Err(SpoolError::InUse(_))
    ));
    drop(first);
    open(dir.path());
}

#[test]
fn a_recording_is_done_when_its_sealed_playlists_are_up() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    assert_eq!(spool.pending(), 2);
    confirm(&spool, 0);
    spool.confirm_playlist(&spool.due_playlists()[0]).unwrap();
    assert_eq!(spool.pending(), 0);
    spool.finish(EndCause::Idle).unwrap();
    spool.finish(EndCause::Stopped).unwrap();
    assert_eq!(
        (spool.cause(), spool.pending(), spool.is_done()),
        (Some(EndCause::Idle), 1, false)
    );
    assert!(matches!(spool.begin("1.m3u8", &slice(1, 1)), Err(SpoolError::Finished)));
    let due = spool.due_playlists();
    assert!(due[0].ended);
    spool.confirm_playlist(&due[0]).unwrap();
    assert!(spool.is_done());
    let files = spool.files("a/b");
    assert_eq!(
        (files[0].name.as_str(), files[0].slices, files[0].uploaded_slices),
        ("a/b/1.m3u8", 1, 1)
    );
}

#[test]
fn a_playlist_is_known_from_the_beginning_of_its_first_slice() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let known = || -> Vec<_> {
        let files = spool.files("a").into_iter();
        files.map(|file| (file.name, file.slices, file.start_ms)).collect()
    };
    let file = spool.begin("1.m3u8", &slice(1, 0)).unwrap();
    assert_eq!(known(), [("a/1.m3u8".to_owned(), 0, slice(1, 0).start_ms)]);
    spool.discard(file).unwrap();
    assert_eq!(known(), []);
    record(&spool, 1, 1, 20);
    let _open = spool.begin("1.m3u8", &slice(1, 2)).unwrap();
    assert_eq!(known(), [("a/1.m3u8".to_owned(), 1, slice(1, 1).start_ms)]);
}

#[test]
fn a_playlist_waits_for_the_slice_that_is_missing_in_its_middle() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for index in 0..3 {
        record(&spool, 1, index, 20);
    }
    confirm(&spool, 2);
    assert!(spool.due_playlists().is_empty());
    confirm(&spool, 0);
    assert_eq!(spool.due_playlists()[0].slices.len(), 1);
    confirm(&spool, 1);
    assert_eq!(spool.due_playlists()[0].slices.len(), 3);
}

#[test]
fn after_a_lost_lease_playlists_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    spool.finish(EndCause::LeaseLost).unwrap();
    confirm(&spool, 0);
    assert!(spool.due_playlists().is_empty());
    assert!(spool.is_done());
}

#[test]
fn a_slice_that_something_else_removed_is_told_and_leaves_a_discontinuity() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    record(&spool, 1, 1, 20);
    let lost = spool.due_files()[0].path.clone();
    drop(spool);
    std::fs::remove_file(lost).unwrap();
    let findings = check(dir.path()).unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.is_violation() && finding.to_string().contains("1_0.ts"))
    );
    let slices = open(dir.path()).slices(&key(1));
    assert_eq!(slices.len(), 1);
    assert!(slices[0].discontinuity);
}

#[test]
fn a_lone_file_that_was_being_written_is_finished_in_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let mp4 = write_lone(&spool, &lone(LoneKind::Mp4, 0), 37);
    std::fs::write(mp4.scratch_path(), b"half of another version").unwrap();
    let picture = write_lone(&spool, &lone(LoneKind::Picture, 1), 8);
    drop((mp4, picture, spool));
    // An MP4 file gets another form; a picture is given up.
    let finish = Finish {
        slice: &probe,
        lone: &|lone, cut| match lone.kind {
            LoneKind::Mp4 => {
                assert!(!cut.scratch.exists());
                std::fs::write(cut.scratch, [b'z'; 50]).unwrap();
                std::fs::rename(cut.scratch, cut.path).unwrap();
                std::fs::write(cut.scratch, b"rubbish").unwrap();
                Some(Probed {
                    duration_us: 3_000,
                    bytes: 50,
                })
            }
            LoneKind::Picture => None,
        },
    };
    let spool = Spool::open(dir.path(), OPENING, finish).unwrap();
    let due = spool.due_files();
    assert_eq!(
        (due.len(), due[0].content, due[0].bytes),
        (1, Content::Lone(LoneKind::Mp4), 50)
    );
    assert_eq!(std::fs::read(&due[0].path).unwrap(), [b'z'; 50]);
    let files = spool.files("a");
    assert_eq!((files[0].name.as_str(), files[0].duration_ms), ("a/0.mp4", 3));
    assert_eq!(spool.pictures().taken, 0);
    assert_eq!(std::fs::read_dir(dir.path().join(SLICES)).unwrap().count(), 1);
}

#[test]
fn an_mp4_file_is_known_from_its_beginning_and_may_be_replaced_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let file = write_lone(&spool, &lone(LoneKind::Mp4, 0), 37);
    let known = || {
        let files = spool.files("").into_iter();
        let told: Vec<_> = files
            .map(|file| (file.name, file.slices, file.bytes, file.uploaded_slices))
            .collect();
        told
    };
    assert_eq!(known(), [("0.mp4".to_owned(), 0, 0, 0)]);
    std::fs::write(file.scratch_path(), [b'z'; 50]).unwrap();
    std::fs::rename(file.scratch_path(), file.path()).unwrap();
    spool.commit_lone(file, lone(LoneKind::Mp4, 0)).unwrap();
    assert_eq!(known(), [("0.mp4".to_owned(), 1, 50, 0)]);
    assert_eq!(spool.pending(), 1);
    confirm(&spool, 0);
    assert_eq!(known(), [("0.mp4".to_owned(), 1, 50, 1)]);
    spool.finish(EndCause::Stopped).unwrap();
    assert!(spool.is_done());
    assert!(matches!(
        spool.begin_lone(&lone(LoneKind::Mp4, 1)),
        Err(SpoolError::Finished)
    ));
}

#[test]
fn pictures_of_days_neither_fill_the_journal_nor_the_memory() {
    const PICTURES: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open_compacting(dir.path(), OPENING, FINISH, 4096).unwrap();
    record(&spool, 1, 0, 20);
    let mut longest = 0;
    for index in 1..=PICTURES {
        record_lone(&spool, lone(LoneKind::Picture, index), 10);
        confirm(&spool, index as u64);
        longest = longest.max(journal_length(dir.path()));
    }
    let state_length = serde_json::to_vec(&spool.lock().state).unwrap().len() as u64;
    assert!(
        longest < 4096 + 3 * state_length,
        "{longest} bytes, and the state has {state_length}"
    );
    let before = spool.pictures();
    drop(spool);
    let spool = open(dir.path());
    let pictures = spool.pictures();
    assert_eq!(pictures, before);
    assert_eq!((pictures.taken, pictures.uploaded), (300, 300));
    assert_eq!(pictures.latest_us("7"), Some(PICTURES as i64 * 100));
    assert_eq!(pictures.last.as_deref(), Some("300.jpg"));
    assert_eq!(pictures.first_ms, Some(1_001));
    assert_eq!(spool.pending(), 2);
}

#[test]
fn names_that_would_leave_the_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for name in ["", "a/b", "..", "a\nb", &"x".repeat(MAX_NAME_BYTES + 1)] {
        let opening = Slice {
            name: name.to_owned(),
            ..slice(1, 0)
        };
        assert!(
            matches!(spool.begin("1.m3u8", &opening), Err(SpoolError::BadName { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn no_secret_of_a_job_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let job: protocol::Job = serde_json::from_value(serde_json::json!({
        "sid": "0".repeat(32), "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "individual",
        "source": {"type": "static", "streams": {"7": "rtsp://me:hunter2@camera"}},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
            "secret_key": "hunter2", "session_token": "hunter2", "prefix": ""},
    }))
    .unwrap();
    store_job(dir.path(), &job).unwrap();
    let text = std::fs::read_to_string(dir.path().join("job.json")).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let kept = load_job(dir.path()).unwrap();
    assert_eq!((kept.sid, kept.storage.bucket), (job.sid, job.storage.bucket));
}

#[test]
fn the_backlog_is_what_the_store_does_not_have() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    assert_eq!(spool.backlog(), Backlog::default());
    record(&spool, 1, 5, 100);
    record(&spool, 1, 6, 20);
    record_lone(&spool, lone(LoneKind::Mp4, 7), 3);
    let growing = write_lone(&spool, &lone(LoneKind::Mp4, 1), 4_000);
    assert_eq!(
        spool.backlog(),
        Backlog {
            bytes: 4_123,
            since_ms: Some(1_005)
        }
    );
    confirm(&spool, 0);
    assert_eq!(
        spool.backlog(),
        Backlog {
            bytes: 4_023,
            since_ms: Some(1_006)
        }
    );
    assert_eq!(bytes_on_disk(dir.path()), 4_023);
    spool.discard_lone(growing).unwrap();
    assert_eq!(spool.backlog().bytes, 23);
}
