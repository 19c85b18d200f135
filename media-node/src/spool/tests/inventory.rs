use std::collections::BTreeMap;
use std::path::Path;

use protocol::{ConfirmedSlice, EndCause, Span, SpoolReport};

use super::check::check;
use super::crash::copy_dir;
use super::*;

/// What is left of a slice of the tests, whose frames last as many microseconds as they have bytes.
fn cut(_: &Path, after_us: i64) -> Remains {
    let bytes = after_us as u64 / FRAME * FRAME;
    let probed = (bytes > 0).then_some(Probed::new(bytes as i64, bytes));
    probed.into()
}

fn reopen(dir: &Path, epoch: u64) -> Spool {
    Spool::open(dir, Opening { epoch, at_ms: 9 }, FINISH).unwrap()
}

/// A second node's slice, from so many microseconds on.
fn foreign(uid: u8, start_us: i64) -> ConfirmedSlice {
    let like = slice(uid, 0);
    ConfirmedSlice {
        playlist: format!("{uid}.m3u8"),
        uid: like.playlist.uid,
        track: like.playlist.track,
        epoch: 7,
        name: format!("{uid}_{start_us}-n1.ts"),
        start_us,
        duration_us: 1_000_000,
        start_ms: 5_000,
        bytes: 3,
        discontinuity: true,
        tags: Vec::new(),
    }
}

/// Slices that are long enough to be cut: each lasts a second and has as many bytes as microseconds.
fn record_long(spool: &Spool, uid: u8, index: usize) -> Slice {
    let long = Slice {
        start_us: index as i64 * 1_000_000,
        duration_us: 1_000_000,
        ..slice(uid, index)
    };
    let mut file = spool.begin(&format!("{uid}.m3u8"), &long).unwrap();
    std::io::Write::write_all(&mut file, &vec![b'x'; 1_000_000]).unwrap();
    spool.commit(file, long.clone()).unwrap();
    long
}

fn names(told: &SpoolReport) -> Vec<&str> {
    told.confirmed.iter().map(|slice| slice.name.as_str()).collect()
}

fn due(spool: &Spool) -> Vec<(String, u64)> {
    spool
        .due_files()
        .into_iter()
        .map(|file| (file.name, file.bytes))
        .collect()
}

#[test]
fn slices_are_told_in_the_order_of_their_confirmation_whichever_process_tells() {
    for open in [open, open_short] {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        for index in 0..4 {
            record(&spool, 1, index, 20);
        }
        for number in [2, 0, 3] {
            confirm(&spool, number);
        }
        assert_eq!(names(&spool.told(0)), ["1_2.ts", "1_0.ts", "1_3.ts"]);
        drop(spool);
        let spool = reopen(dir.path(), 5);
        confirm(&spool, 1);
        record(&spool, 2, 4, 30);
        confirm(&spool, 4);
        let told = spool.told(2);
        assert_eq!(
            (told.spool, told.from, names(&told)),
            (1, 2, vec!["1_3.ts", "1_1.ts", "2_4.ts"])
        );
        let epochs: Vec<_> = told.confirmed.iter().map(|slice| slice.epoch).collect();
        assert_eq!((epochs, told.confirmed[2].playlist.as_str()), (vec![1, 1, 5], "2.m3u8"));
        let behind = spool.told(u64::MAX);
        assert_eq!((behind.from, behind.confirmed.len()), (5, 0));
    }
}

#[test]
fn a_report_carries_no_more_than_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let most = SpoolReport::MOST_CONFIRMED;
    for index in 0..most + 3 {
        record(&spool, 1, index, 10);
        confirm(&spool, index as u64);
    }
    assert_eq!(spool.told(1).confirmed.len(), most);
    assert_eq!(spool.told(most as u64).confirmed.len(), 3);
}

#[test]
fn learned_slices_stand_in_their_places_and_outlive_the_process() {
    for open in [open, open_short] {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        record_long(&spool, 1, 3);
        confirm(&spool, 0);
        spool.confirm_playlist(&spool.due_playlists(|_| true)[0]).unwrap();
        assert!(spool.due_playlists(|_| true).is_empty());
        spool.learn(0, vec![foreign(1, 5_000_000), foreign(2, 0)], 4).unwrap();
        // A page that does not follow what is known, and one that is known.
        spool.learn(5, vec![foreign(1, 0)], 6).unwrap();
        spool.learn(0, vec![foreign(1, 0)], 4).unwrap();
        spool.learn(4, vec![foreign(1, 0)], 5).unwrap();
        drop(spool);
        let spool = open(dir.path());
        assert_eq!(spool.learned_to(), 5);
        let due = spool.due_playlists(|_| true);
        let named = |place: usize| {
            due[place]
                .slices
                .iter()
                .map(|slice| slice.name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(due.len(), 2);
        assert_eq!(named(0), ["1_0-n1.ts", "1_3.ts", "1_5000000-n1.ts"]);
        assert_eq!((due[1].name.as_str(), named(1)), ("2.m3u8", vec!["2_0-n1.ts"]));
        assert!(due[0].slices.iter().all(|slice| slice.discontinuity));
        assert_eq!(spool.pending(), 2);
        for playlist in &due {
            spool.confirm_playlist(playlist).unwrap();
        }
        assert_eq!(spool.pending(), 0);
        let files = spool.files("");
        assert_eq!(
            (
                files[0].slices,
                files[0].uploaded_slices,
                files[0].duration_ms,
                files[0].start_ms
            ),
            (3, 3, 3_000, 1_003)
        );
        spool.finish(EndCause::Stopped).unwrap();
        assert!(spool.due_playlists(|_| true).iter().all(|playlist| playlist.ended));
        assert_eq!(
            spool.due_playlists(|_| true).len(),
            2,
            "playlists of others get their end too"
        );
    }
}

#[test]
fn under_another_lease_the_playlists_are_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    confirm(&spool, 0);
    spool.confirm_playlist(&spool.due_playlists(|_| true)[0]).unwrap();
    spool.release(&BTreeMap::new(), false, &cut).unwrap();
    spool.finish(EndCause::LeaseLost).unwrap();
    assert!(spool.is_done());
    drop(spool);
    let same = reopen(dir.path(), 1);
    assert!(same.is_done() && same.due_playlists(|_| true).is_empty());
    drop(same);
    let other = reopen(dir.path(), 2);
    assert_eq!(other.cause(), None);
    assert_eq!(other.due_playlists(|_| true).len(), 1);
    record(&other, 1, 1, 20);
    assert_eq!(other.started_ms(), 1_000);
}

#[test]
fn what_is_captured_under_a_lease_is_told_by_playlist() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record_long(&spool, 1, 2);
    drop(spool);
    let spool = reopen(dir.path(), 2);
    record_long(&spool, 1, 4);
    let _open = spool.begin("1.m3u8", &slice(1, 80_000)).unwrap();
    let _other = spool.begin("2.m3u8", &slice(2, 90_000)).unwrap();
    record_long(&spool, 3, 6);
    let span = |playlist: &str, from_ms, open| Span {
        playlist: playlist.to_owned(),
        from_ms,
        open,
    };
    assert_eq!(
        spool.spans(50_000),
        [
            span("1.m3u8", 54_000, true),
            span("2.m3u8", 59_000, true),
            span("3.m3u8", 56_000, false)
        ]
    );
}

#[test]
fn nothing_is_due_while_files_are_held_back() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    let travelling = spool.due_files().remove(0);
    spool.hold_back(true);
    assert!(spool.due_files().is_empty());
    spool.hold_back(false);
    // What is given up or cut while it travels is not confirmed as it was.
    spool
        .release(&BTreeMap::from([("1.m3u8".to_owned(), 0)]), false, &cut)
        .unwrap();
    spool.confirm_file(&travelling).unwrap();
    assert_eq!((spool.confirmed(), spool.pending(), due(&spool)), (0, 0, Vec::new()));
}

#[test]
fn a_successor_that_is_not_needed_gives_up_what_it_captured_beside_the_holder_only() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 1, 0, 20);
    drop(spool);
    let spool = reopen(dir.path(), 2);
    record(&spool, 1, 1, 20);
    spool.release(&BTreeMap::new(), true, &cut).unwrap();
    assert_eq!(due(&spool), [("1_0.ts".to_owned(), 20)]);
}

/// Four seconds of two playlists, of which another node has one from 2.4 s on. Its first slice is in the store.
fn before_release(dir: &Path) -> Spool {
    let spool = open(dir);
    for index in 0..4 {
        record_long(&spool, 1, index);
    }
    record_long(&spool, 2, 3);
    confirm(&spool, 0);
    spool
}

fn release(spool: &Spool) {
    spool
        .release(&BTreeMap::from([("1.m3u8".to_owned(), 2_400_000)]), false, &cut)
        .unwrap();
}

fn check_released(dir: &Path, spool: &Spool) {
    let wanted = [("1_1.ts", 1_000_000), ("1_2.ts", 400_000), ("2_3.ts", 1_000_000)];
    assert_eq!(due(spool), wanted.map(|(name, bytes)| (name.to_owned(), bytes)));
    assert_eq!(spool.slices(&key(1)).last().unwrap().duration_us, 400_000);
    for file in spool.due_files() {
        assert_eq!(
            std::fs::metadata(&file.path).unwrap().len(),
            file.bytes,
            "{}",
            file.name
        );
    }
    assert_eq!(bytes_on_disk(dir), 2_400_000);
    assert_eq!(spool.pending(), 3, "the playlists are the other node's");
}

#[test]
fn the_other_nodes_media_is_given_up_whatever_stops_it() {
    let root = tempfile::tempdir().unwrap();
    let live = root.path().join("live");
    let spool = before_release(&live);
    let before = root.path().join("before");
    copy_dir(&live, &before);
    let begin = std::fs::read(live.join(JOURNAL)).unwrap().len();
    release(&spool);
    check_released(&live, &spool);
    drop(spool);
    check_released(&live, &reopen(&live, 1));
    let journal = std::fs::read(live.join(JOURNAL)).unwrap();
    let lines = (begin..journal.len()).filter(|place| journal[*place] == b'\n');
    let ends: Vec<_> = lines.map(|place| place + 1).collect();
    assert!(ends.len() >= 3, "a cut, a slice that is given up, the release");
    for end in ends {
        // The journal is ahead of the files.
        let crashed = root.path().join(format!("at-{end}"));
        copy_dir(&before, &crashed);
        std::fs::write(crashed.join(JOURNAL), &journal[..end]).unwrap();
        let violations = check(&crashed)
            .unwrap()
            .into_iter()
            .filter(|finding| finding.is_violation());
        assert_eq!(violations.count(), 1, "no job is stored; else nothing is wrong");
        let spool = reopen(&crashed, 1);
        release(&spool);
        check_released(&crashed, &spool);
    }
}
