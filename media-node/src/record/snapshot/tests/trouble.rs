//! Crashes, a full disk, damaged video, and a thread that does not keep up.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use protocol::{Fault, ProblemCode};

use super::super::thread::{PictureThread, Refused};
use super::*;
use crate::spool::{Finish, Lone, Opening, Remains, Spool, SpoolError};

#[test]
fn after_a_crash_the_intervals_go_on_and_nothing_is_taken_twice() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let finish = Finish {
            slice: &|_| Remains::Nothing,
            lone: &|_, _| Remains::Nothing,
        };
        Arc::new(Spool::open(dir.path(), Opening { epoch: 1, at_ms: 0 }, finish).unwrap())
    };
    let board = board();
    let spool = open();
    let mut first = taker(&spool, &board, 5 * SECOND_US);
    film()[..300].iter().for_each(|unit| first.unit(unit.clone()));
    drop((first, spool));
    // What was on its way comes again, as from a server that begins at a key frame.
    let spool = open();
    let mut second = taker(&spool, &board, 5 * SECOND_US);
    film()[225..].iter().for_each(|unit| second.unit(unit.clone()));
    second.end();
    let shown: Vec<_> = spool
        .due_files()
        .iter()
        .map(|due| number(&std::fs::read(&due.path).unwrap()))
        .collect();
    assert_eq!(shown, [0, 125, 250, 375, 500, 625, 750]);
    assert_eq!(spool.pictures().taken, 7);
    assert_eq!(board.lock().status(0).first_media_ms, Some(1_700_000_000_000));
}

#[test]
fn a_full_disk_is_told_once_and_costs_single_pictures() {
    let album = Arc::new(DirSink::new());
    *album.room.lock().unwrap() = 2;
    let board = board();
    let mut taker = taker(&album, &board, 5 * SECOND_US);
    film()[..500].iter().for_each(|unit| taker.unit(unit.clone()));
    *album.room.lock().unwrap() = 1;
    film()[500..].iter().for_each(|unit| taker.unit(unit.clone()));
    let instants: Vec<_> = shown(&album).iter().map(|(at_ms, _)| *at_ms).collect();
    assert_eq!(instants, [0, 5_000, 20_000]);
    let problems = board.lock().status(0).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].fault, problems[0].code.clone()),
        (Fault::Ours, ProblemCode::SpoolFailed)
    );
}

#[test]
fn damaged_video_costs_its_own_pictures_only() {
    let mut units = film()[..500].to_vec();
    for unit in &mut units[120..260] {
        // Slices of rubbish behind a slice's header.
        unit.data = [&[0, 0, 0, 1, if unit.keyframe { 0x65 } else { 0x41 }][..], &[0x5a; 40]]
            .concat()
            .into();
    }
    let album = Arc::new(DirSink::new());
    let board = board();
    let mut taker = taker(&album, &board, 5 * SECOND_US);
    units.iter().for_each(|unit| taker.unit(unit.clone()));
    taker.end();
    let taken = shown(&album);
    assert_eq!((taken[0], taken[taken.len() - 1]), ((0, 0), (15_000, 375)));
    let problems = board.lock().status(0).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0].fault, problems[0].code.clone()),
        (Fault::Destination, ProblemCode::SnapshotFailed)
    );
}

#[test]
fn a_thread_that_does_not_keep_up_holds_nobody_up() {
    /// Takes no picture before it is let.
    struct Stuck(Mutex<()>, DirSink);
    impl PictureSink for Stuck {
        fn keep(&self, picture: Lone, jpeg: &[u8]) -> Result<(), SpoolError> {
            drop(self.0.lock().unwrap());
            self.1.keep(picture, jpeg)
        }

        fn latest_us(&self, _: &str) -> Option<i64> {
            None
        }
    }
    let sink = Arc::new(Stuck(Mutex::new(()), DirSink::new()));
    let stuck = sink.0.lock().unwrap();
    let snapshots = Snapshots {
        interval_us: 5 * SECOND_US,
        alone: false,
        sink: sink.clone(),
        limit: PictureLimit::default(),
    };
    let mut pictures = PictureThread::start(subject(&board()), snapshots).unwrap();
    let sent: Vec<_> = film().iter().map(|unit| pictures.unit(unit)).collect();
    assert!(sent.iter().any(|sent| matches!(sent, Err(Refused::Behind))));
    // Behind a gap there is a key frame, or nothing.
    let gap = sent.iter().position(Result::is_err).unwrap();
    assert!((512..=514).contains(&gap), "{gap}");
    // As long as it has to work off what came before, a keyframe would be left out, too.
    assert!(!pictures.lacks_keyframe());
    drop(stuck);
    let began = Instant::now();
    while !pictures.lacks_keyframe() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not catch up");
        std::thread::yield_now();
    }
    let keyframe = &shifted(&film()[..1], 32 * SECOND_US)[0];
    assert!(pictures.unit(keyframe).is_ok() && !pictures.lacks_keyframe());
    pictures.finish().unwrap();
    let taken = shown(&sink.1);
    assert_regular(&taken[..5], 5 * SECOND_US, 20_480_000);
}
