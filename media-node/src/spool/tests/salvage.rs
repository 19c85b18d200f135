//! What is told of a spool whose journal is damaged.

use super::kept::{lines, media, recorded, write_lines};
use super::*;

fn damaged(at: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let mut damaged = lines(dir.path());
    "\u{0}?".clone_into(&mut damaged[at]);
    write_lines(dir.path(), &damaged);
    dir
}

fn lines_of_a_recording() -> usize {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    lines(dir.path()).len()
}

#[test]
fn whichever_line_cannot_be_read_every_file_is_found_and_every_slice_has_its_place() {
    for at in 0..lines_of_a_recording() {
        let dir = damaged(at);
        let work = tempfile::tempdir().unwrap();
        let mut salvage = salvage(dir.path()).unwrap();
        assert_eq!(salvage.unreadable.len(), 1);
        assert!(
            salvage.unreadable[0].contains(&format!("line {}", at + 1)),
            "{:?}",
            salvage.unreadable
        );
        salvage.finish(work.path(), FINISH).unwrap();
        let on_disk = salvage.files.iter().filter(|file| file.path.is_some());
        for file in on_disk.clone() {
            let bytes = std::fs::metadata(file.path.as_ref().unwrap()).unwrap().len();
            assert_eq!(file.bytes, Some(bytes), "{at}: {file:?}");
        }
        assert_eq!(on_disk.count(), media(dir.path()).values().sum::<usize>(), "{at}");
        let playlists: Vec<_> = salvage.playlists().collect();
        let [playlist] = &playlists[..] else {
            panic!("{at}: {playlists:?}")
        };
        assert_eq!(playlist.name(), "1.m3u8", "{at}");
        let slices = playlist.playable(|_| true);
        let told: Vec<_> = slices
            .iter()
            .map(|slice| (slice.name.as_str(), slice.start_us))
            .collect();
        assert_eq!(told, [("1_0.ts", 0), ("1_1.ts", 100), ("1_2.ts", 200)], "{at}");
        assert!(slices.iter().all(|slice| slice.duration_us > 0), "{at}: {slices:?}");
        salvage.remove().unwrap();
        assert!(!dir.path().exists());
    }
}

#[test]
fn a_slice_that_is_nowhere_leaves_a_discontinuity() {
    let dir = damaged(0);
    let salvage = salvage(dir.path()).unwrap();
    let slices = salvage.playlists().next().unwrap().playable(|name| name != "1_1.ts");
    let told: Vec<_> = slices
        .iter()
        .map(|slice| (slice.name.as_str(), slice.discontinuity))
        .collect();
    assert_eq!(told, [("1_0.ts", false), ("1_2.ts", true)]);
}

#[test]
fn reading_changes_nothing_and_what_came_meanwhile_is_not_removed() {
    let dir = damaged(2);
    let before = (lines(dir.path()), media(dir.path()));
    let salvage = salvage(dir.path()).unwrap();
    assert!(matches!(super::super::salvage(dir.path()), Err(SpoolError::InUse(_))));
    assert_eq!((lines(dir.path()), media(dir.path())), before);
    std::fs::write(dir.path().join(SLICES).join("00000007.ts"), b"late").unwrap();
    assert!(matches!(salvage.remove(), Err(RemovalError::Needed(_))));
    assert!(dir.path().join(SLICES).join("00000007.ts").exists());
}

#[test]
fn without_a_journal_each_file_is_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    std::fs::remove_file(dir.path().join(JOURNAL)).unwrap();
    let salvage = salvage(dir.path()).unwrap();
    assert!(salvage.playlists().next().is_none() && salvage.unreadable.len() == 1);
    assert_eq!(salvage.files.len(), 3);
    assert!(
        salvage.files.iter().all(|file| file.name.contains("-rescued-0000000")),
        "{:?}",
        salvage.files
    );
}
