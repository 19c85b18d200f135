//! What a backup store takes over and gives back.

use protocol::BackedUp;

use super::*;

/// The backup takes the oldest file that waits.
fn back_up(spool: &Spool) {
    spool.confirm_backup(&spool.due_files()[0]).unwrap();
}

fn copies(spool: &Spool) -> Vec<(String, Vec<String>, bool)> {
    let due = spool.due_copies().into_iter().map(|copy| copy.playlist);
    due.map(|playlist| {
        let names = playlist.slices.into_iter().map(|slice| slice.name);
        (playlist.name, names.collect(), playlist.ended)
    })
    .collect()
}

fn published(spool: &Spool) -> Vec<usize> {
    let due = spool.due_playlists(|_| true);
    due.iter()
        .for_each(|playlist| spool.confirm_playlist(playlist).unwrap());
    due.iter().map(|playlist| playlist.slices.len()).collect()
}

#[test]
fn a_backup_takes_over_and_gives_back_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for index in 0..3 {
        record(&spool, 1, index, 10);
    }
    confirm(&spool, 0);
    assert_eq!((published(&spool), spool.backed_up()), (vec![1], None));
    back_up(&spool);
    let waits = |complete| Some(BackedUp { files: 1, complete });
    assert_eq!(spool.backed_up(), waits(false));
    assert_eq!((spool.due_files().len(), spool.pending()), (1, 3));
    assert_eq!(bytes_on_disk(dir.path()), 10, "what the backup has need not be here");
    assert_eq!(
        copies(&spool),
        [("1.m3u8".to_owned(), vec!["1_1.ts".to_owned()], false)]
    );
    spool.confirm_copy(&spool.due_copies()[0]).unwrap();
    assert!(copies(&spool).is_empty());
    drop(spool);

    let spool = open(dir.path());
    assert_eq!(spool.backed_up(), waits(false));
    // The newest slice goes to the customer's store, which is back: its playlist waits for the one in the backup.
    confirm(&spool, 2);
    assert!(spool.due_playlists(|_| true).is_empty());
    assert_eq!(spool.backed_up(), waits(true));
    assert!(spool.retractable().is_empty() && spool.clearable().is_empty());
    let movable = spool.movable();
    assert_eq!((movable.len(), movable[0].number), (1, 1));
    spool.confirm_move(1).unwrap();
    assert!(spool.movable().is_empty() && spool.retractable().is_empty());
    assert_eq!(published(&spool), [3]);
    assert!(spool.clearable().is_empty(), "a playlist in the backup names it");
    assert_eq!(spool.retractable(), ["1.m3u8"]);
    spool.confirm_retraction("1.m3u8".to_owned()).unwrap();
    assert_eq!(spool.clearable(), movable);
    spool.finish(EndCause::Stopped).unwrap();
    assert_eq!(published(&spool), [3]);
    assert!(spool.is_done() && !spool.is_backup_clear());
    spool.confirm_clearance(1).unwrap();
    assert!(spool.is_backup_clear());
    assert_eq!(spool.backed_up(), None);
}

#[test]
fn a_playlist_in_the_backup_tells_of_holes_and_of_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for index in 0..4 {
        record(&spool, 1, index, 10);
    }
    back_up(&spool);
    // The store takes one in the middle of its outage.
    confirm(&spool, 1);
    back_up(&spool);
    let due = spool.due_copies();
    let slices = &due[0].playlist.slices;
    let told: Vec<_> = slices
        .iter()
        .map(|slice| (slice.name.as_str(), slice.discontinuity))
        .collect();
    assert_eq!(told, [("1_0.ts", true), ("1_2.ts", true)]);
    spool.confirm_copy(&due[0]).unwrap();
    spool.finish(EndCause::Stopped).unwrap();
    assert!(copies(&spool).is_empty(), "the last slice is on the disk alone");
    back_up(&spool);
    let names = ["1_0.ts", "1_2.ts", "1_3.ts"].map(str::to_owned).to_vec();
    assert_eq!(copies(&spool), [("1.m3u8".to_owned(), names, true)]);
    spool.confirm_copy(&spool.due_copies()[0]).unwrap();
    assert_eq!(
        spool.backed_up(),
        Some(BackedUp {
            files: 3,
            complete: true
        })
    );
}

#[test]
fn pictures_and_mp4_files_go_to_the_backup_too() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record_lone(&spool, lone(LoneKind::Picture, 0), 5);
    record_lone(&spool, lone(LoneKind::Mp4, 1), 5);
    back_up(&spool);
    back_up(&spool);
    assert!(spool.due_copies().is_empty());
    for file in spool.movable() {
        spool.confirm_move(file.number).unwrap();
    }
    assert_eq!(spool.clearable().len(), 2);
    drop(spool);
    let spool = open(dir.path());
    for file in spool.clearable() {
        spool.confirm_clearance(file.number).unwrap();
    }
    assert!(spool.is_backup_clear());
}

#[test]
fn what_a_dead_backup_keeps_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 10);
    back_up(&spool);
    spool.confirm_move(0).unwrap();
    spool.leave_backup().unwrap();
    assert!(spool.is_backup_clear());
    drop(spool);
    assert!(open(dir.path()).is_backup_clear());
}
