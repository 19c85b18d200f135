//! What is never removed: whatever the journal does not tell to be elsewhere or unwanted.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::super::check::check;
use super::super::condition::{Condition, condition};
use super::*;

/// Three slices and a picture, of which the store has the first slice.
pub(super) fn recorded(dir: &Path) {
    let spool = open(dir);
    for index in 0..3 {
        record(&spool, 1, index, 20 + 10 * index);
    }
    record_lone(&spool, lone(LoneKind::Picture, 3), 50);
    confirm(&spool, 0);
}

/// Every file with media below a directory, by its content's length: files may move, but not go.
pub(super) fn media(dir: &Path) -> BTreeMap<u64, usize> {
    let mut lengths = BTreeMap::new();
    for folder in [dir.join(SLICES), dir.join(ASIDE)] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            *lengths.entry(entry.metadata().unwrap().len()).or_default() += 1;
        }
    }
    lengths
}

pub(super) fn lines(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join(JOURNAL)).unwrap();
    text.lines().map(str::to_owned).collect()
}

pub(super) fn write_lines(dir: &Path, lines: &[String]) {
    std::fs::write(dir.join(JOURNAL), lines.join("\n") + "\n").unwrap();
}

fn is_needed(dir: &Path) -> bool {
    matches!(remove(dir), Err(RemovalError::Needed(_)))
}

#[test]
fn a_journal_that_cannot_be_read_is_not_taken_for_one_that_never_began() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let (whole, files) = (lines(dir.path()), media(dir.path()));
    assert_eq!(condition(dir.path()), Condition::Begun);
    let newer = r#"{"teleported":{"number":2}}"#;
    let garbage = "\u{0}\u{0}\u{0}";
    for (at, line) in [(2, garbage), (2, newer), (whole.len(), newer), (0, garbage)] {
        let mut damaged = whole.clone();
        if at < whole.len() {
            line.clone_into(&mut damaged[at]);
        } else {
            damaged.push(line.to_owned());
        }
        write_lines(dir.path(), &damaged);
        assert!(matches!(condition(dir.path()), Condition::Damaged(_)), "{line} at {at}");
        assert!(Spool::open(dir.path(), OPENING, FINISH).is_err(), "{line} at {at}");
        assert!(is_needed(dir.path()), "{line} at {at}");
        assert_eq!(media(dir.path()), files, "{line} at {at}");
        assert_eq!(lines(dir.path()), damaged, "the journal stays as it was found");
    }
}

#[test]
fn media_without_a_journal_is_neither_removed_nor_gone_on_with() {
    for journal in [None, Some(&[0_u8; 4096][..])] {
        let dir = tempfile::tempdir().unwrap();
        recorded(dir.path());
        let files = media(dir.path());
        std::fs::remove_file(dir.path().join(JOURNAL)).unwrap();
        if let Some(bytes) = journal {
            std::fs::write(dir.path().join(JOURNAL), bytes).unwrap();
        }
        assert!(matches!(condition(dir.path()), Condition::Damaged(_)));
        let opened = Spool::open(dir.path(), OPENING, FINISH);
        assert!(matches!(opened, Err(SpoolError::NoJournal(_))), "{opened:?}");
        assert!(is_needed(dir.path()));
        assert_eq!(media(dir.path()), files);
        assert!(
            check(dir.path())
                .unwrap()
                .iter()
                .any(super::super::check::Finding::is_violation)
        );
    }
}

#[test]
fn a_journal_that_the_disk_does_not_give_is_not_taken_for_one_that_never_began() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let files = media(dir.path());
    std::fs::remove_file(dir.path().join(JOURNAL)).unwrap();
    // What is no file cannot be read as one.
    std::fs::create_dir(dir.path().join(JOURNAL)).unwrap();
    assert!(matches!(condition(dir.path()), Condition::Unreadable(_)));
    assert!(matches!(remove(dir.path()), Err(RemovalError::Failed(_))));
    assert_eq!(media(dir.path()), files);
}

#[test]
fn what_the_journal_does_not_account_for_is_kept_aside_until_the_end_and_longer() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let slices = dir.path().join(SLICES);
    std::fs::write(slices.join("00000099.ts"), [b'?'; 11]).unwrap();
    std::fs::write(slices.join("00000001.ts"), [b'!'; 13]).unwrap();
    let spool = open(dir.path());
    assert_eq!(spool.slices(&key(1)).len(), 2, "the changed one is not named");
    let aside = dir.path().join(ASIDE);
    assert_eq!(std::fs::read(aside.join("00000099.ts")).unwrap(), [b'?'; 11]);
    assert_eq!(std::fs::read(aside.join("00000001.ts")).unwrap(), [b'!'; 13]);
    spool.finish(EndCause::Stopped).unwrap();
    for file in spool.due_files() {
        spool.confirm_file(&file).unwrap();
    }
    for playlist in spool.due_playlists(|_| true) {
        spool.confirm_playlist(&playlist).unwrap();
    }
    assert!(spool.is_done());
    drop(spool);
    assert!(is_needed(dir.path()));
    std::fs::remove_dir_all(aside).unwrap();
    remove(dir.path()).unwrap();
    assert!(!dir.path().exists());
}

#[test]
fn what_was_being_written_is_kept_when_it_cannot_be_read_at_the_moment() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let mut file = spool.begin("1.m3u8", &slice(1, 0)).unwrap();
    file.write_all(&[b'y'; 37]).unwrap();
    let mp4 = write_lone(&spool, &lone(LoneKind::Mp4, 1), 50);
    drop((file, mp4, spool));
    let unreadable = Finish {
        slice: &|_| Remains::Unreadable,
        lone: &|_, _| Remains::Unreadable,
    };
    let spool = Spool::open(dir.path(), OPENING, unreadable).unwrap();
    assert_eq!(spool.pending(), 0);
    assert_eq!(media(dir.path()), BTreeMap::from([(37, 1), (50, 1)]));
    drop(spool);
    assert!(is_needed(dir.path()));
}

#[test]
fn the_end_of_a_slice_that_cannot_be_read_is_not_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let long = Slice {
        duration_us: 1_000_000,
        ..slice(1, 0)
    };
    let mut file = spool.begin("1.m3u8", &long).unwrap();
    file.write_all(&[b'x'; 30]).unwrap();
    spool.commit(file, long).unwrap();
    let cuts = BTreeMap::from([("1.m3u8".to_owned(), 400_000)]);
    spool.release(&cuts, false, &|_, _| Remains::Unreadable).unwrap();
    let due = spool.due_files();
    assert_eq!(due.iter().map(|file| file.bytes).collect::<Vec<_>>(), [30]);
}

#[test]
fn a_spool_that_a_process_works_on_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    assert!(matches!(
        remove(dir.path()),
        Err(RemovalError::Failed(SpoolError::InUse(_)))
    ));
    drop(spool);
    remove(dir.path()).unwrap();
    remove(dir.path()).unwrap();
}

#[test]
fn spools_of_one_name_are_set_aside_beside_each_other() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("sid");
    for why in ["first", "second"] {
        recorded(&dir);
        let files = media(&dir);
        let target = set_aside(&dir, why).unwrap();
        assert!(!dir.exists());
        assert_eq!(media(&target), files);
    }
    let whys: Vec<_> = list_set_aside(root.path())
        .unwrap()
        .into_iter()
        .map(|kept| kept.why)
        .collect();
    assert_eq!(whys, ["first", "second"]);
    let found = check_all(root.path()).unwrap();
    assert_eq!(
        found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["aside/sid", "aside/sid-2"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_line_that_becomes_unreadable_costs_a_file(
        at in 0..14_usize,
        damage in prop_oneof![Just(""), Just("{}"), Just("\u{0}\u{0}"), Just("{\"uploaded\":{\"numb")],
        takes_part: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        recorded(dir.path());
        let files = media(dir.path());
        let mut damaged = lines(dir.path());
        let at = at % damaged.len();
        damaged[at] = if takes_part { damaged[at][..damaged[at].len() / 2].to_owned() } else { damage.to_owned() };
        write_lines(dir.path(), &damaged);
        // It is opened where only the last step is missing.
        drop(Spool::open(dir.path(), OPENING, FINISH));
        let _ = remove(dir.path());
        let kept = media(dir.path());
        for (length, count) in files {
            prop_assert!(kept.get(&length) >= Some(&count), "a file of {} bytes has gone", length);
        }
    }
}
