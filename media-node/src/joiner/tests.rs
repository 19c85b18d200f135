//! Files that are joined by a program that stands in for the real one, or by the work itself.

use std::path::Path;

use protocol::{Fault, JoiningPart, RefusalCode};

use super::work::make;
use super::*;
use crate::errand::testing::{program, storage};
use crate::media::testing::grey_file;
use crate::media::{Demuxer, FileForm};
use crate::mix::MixOptions;
use crate::stream::Track;

fn joining(sid: &str) -> Joining {
    Joining {
        sid: sid.into(),
        stores: vec![storage()],
        parts: vec![JoiningPart {
            store: 0,
            key: "p/1.mp4".into(),
            bytes: 10,
        }],
        to: storage(),
        name: "j.mp4".into(),
        wait_ms: 60_000,
    }
}

/// A joiner whose program is this script.
fn joiner(dir: &Path, script: &str) -> Joiner {
    Joiner::new(Config {
        program: program(dir, script),
        arguments: vec!["--more".into()],
        dir: dir.join("joining"),
        reserve_bytes: 0,
        memory: Memory::of_processes(MEMORY_BYTES).into(),
    })
}

const MEMORY_BYTES: u64 = 1 << 30;
const DONE: &str = r#"{"done":{"bytes":7,"duration_ms":8,"md5":"m"}}"#;

#[tokio::test]
async fn a_process_is_asked_once_and_its_answer_told_to_whoever_asks_again() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        r#"echo "$@" >> {0}/asked; grep -q '"sid":"s1"' && echo '{DONE}'"#,
        dir.path().display()
    );
    let joiner = joiner(dir.path(), &script);
    for _ in 0..2 {
        let Ok(Joined::Done(file)) = joiner.join(joining("s1"), Making::Joined).await else {
            panic!("it is done");
        };
        assert_eq!((file.bytes, file.duration_ms, &*file.md5), (7, 8, "m"));
    }
    let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
    let expected = format!(
        "join --dir {}/joining/s1 --more --memory-limit {MEMORY_BYTES}\n",
        dir.path().display()
    );
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_process_that_dies_has_failed_and_may_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let joiner = joiner(dir.path(), "kill -9 $$");
    for _ in 0..2 {
        let Ok(Joined::Failed(refusal)) = joiner.join(joining("s1"), Making::Joined).await else {
            panic!("it has failed");
        };
        assert_eq!(refusal.fault, Fault::Ours);
    }
}

#[tokio::test]
async fn what_takes_long_is_asked_about_again_and_only_some_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    std::process::Command::new("mkfifo")
        .arg(dir.path().join("gate"))
        .status()
        .unwrap();
    let script = format!(
        "head -n 1 > /dev/null; cat {0}/gate > /dev/null; echo '{DONE}'",
        dir.path().display()
    );
    let joiner = joiner(dir.path(), &script);
    let brief = |sid| Joining {
        wait_ms: 10,
        ..joining(sid)
    };
    assert_eq!(joiner.join(brief("s1"), Making::Joined).await, Ok(Joined::Runs));
    assert_eq!(joiner.join(brief("s2"), Making::Imported).await, Ok(Joined::Runs));
    let refusal = joiner.join(brief("s3"), Making::Joined).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoCapacity);
    assert_eq!(joiner.join(brief("s1"), Making::Joined).await, Ok(Joined::Runs));
    // Each of the two reads to the end of what somebody writes there.
    let gate = dir.path().join("gate");
    let opened = tokio::task::spawn_blocking(move || std::fs::write(gate, "go"));
    assert!(matches!(
        joiner.join(joining("s1"), Making::Joined).await,
        Ok(Joined::Done(_) | Joined::Runs)
    ));
    opened.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let joiner = joiner(dir.path(), "exit 1");
    let part = |store, bytes| JoiningPart {
        store,
        key: "k".into(),
        bytes,
    };
    let with = |parts: Vec<JoiningPart>| Joining { parts, ..joining("s") };
    for wrong in [
        joining("../s"),
        joining(""),
        with(Vec::new()),
        with(vec![part(0, 1); Joining::MOST_PARTS + 1]),
        with(vec![part(1, 1)]),
        with(vec![part(0, Joining::MOST_BYTES), part(0, 1)]),
    ] {
        assert_eq!(
            joiner.join(wrong, Making::Joined).await.unwrap_err().code,
            RefusalCode::BadJob
        );
    }
    let large = joiner
        .join(with(vec![part(0, Joining::MOST_BYTES)]), Making::Joined)
        .await;
    // Whatever this disk has: it is begun and fails, or there is no room.
    assert!(!matches!(large, Ok(Joined::Done(_) | Joined::Runs)), "{large:?}");
}

/// The files of grey pictures of these widths, made one.
fn made(dir: &Path, widths: &[u32]) -> Result<(protocol::JoinedFile, FileForm), Refusal> {
    let files = widths.iter().enumerate().map(|(number, width)| {
        let path = grey_file(dir, &format!("{number}.mp4"), *width);
        let bytes = std::fs::metadata(&path).unwrap().len();
        (path, bytes)
    });
    let to = dir.join("joined.mp4");
    let file = make(files.collect(), &to, &MixOptions::default())?;
    Ok((file, FileForm::read(&to).unwrap()))
}

#[test]
fn files_of_other_sizes_are_coded_anew_and_nothing_of_their_time_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (alone, of_one) = made(dir.path(), &[64]).unwrap();
    let (file, form) = made(dir.path(), &[64, 128, 64]).unwrap();
    // The largest picture, in the height that all have.
    assert_eq!((form.picture, form.channels), (Some((128, 36)), of_one.channels));
    assert_eq!(form.fps.round(), of_one.fps.round());
    let whole_ms = 3 * alone.duration_ms;
    assert!(file.duration_ms.abs_diff(whole_ms) < 200, "{file:?}, of {alone:?} each");
    let mut demuxer = Demuxer::open(&dir.path().join("joined.mp4")).unwrap();
    let mut times = [Vec::new(), Vec::new()];
    while let Some((track, unit)) = demuxer.next_unit().unwrap() {
        times[usize::from(track == Track::Audio)].push(unit.pts_us);
    }
    for times in &mut times {
        times.sort_unstable();
        let widest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(widest < 100_000, "a hole of {widest} µs");
    }
    assert!(
        !dir.path().join("0.mp4").exists(),
        "a part is removed when it is done with"
    );
}

#[test]
fn files_that_are_coded_alike_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (_, alone) = made(dir.path(), &[64]).unwrap();
    let (_, both) = made(dir.path(), &[64, 64]).unwrap();
    assert!(both.fits(&alone));
}

#[test]
fn what_is_no_media_cannot_be_joined_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (grey_file(dir.path(), "good.mp4", 64), dir.path().join("bad.mp4"));
    std::fs::write(&bad, "text").unwrap();
    let files = vec![(good, 1_000), (bad, 4)];
    let refusal = make(files, &dir.path().join("joined.mp4"), &MixOptions::default()).unwrap_err();
    assert_eq!(refusal.fault, Fault::Caller);
    assert!(refusal.reason.contains("file 2"), "{}", refusal.reason);
}

#[tokio::test]
async fn a_file_that_came_in_pieces_is_imported_by_the_same_program_and_may_have_many() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        r#"echo "$@" >> {0}/asked; read -r question; echo '{DONE}'"#,
        dir.path().display()
    );
    let joiner = joiner(dir.path(), &script);
    let pieces = |count| Joining {
        parts: vec![
            JoiningPart {
                store: 0,
                key: "p/pieces/00000".into(),
                bytes: 1,
            };
            count
        ],
        ..joining("s1")
    };
    let imported = joiner.join(pieces(Joining::MOST_PIECES), Making::Imported).await;
    assert!(matches!(imported, Ok(Joined::Done(_))), "{imported:?}");
    let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
    let expected = format!(
        "join --dir {}/joining/s1 --import --more --memory-limit {MEMORY_BYTES}\n",
        dir.path().display()
    );
    assert_eq!(asked, expected);
    for (making, count) in [
        (Making::Imported, Joining::MOST_PIECES + 1),
        (Making::Joined, Joining::MOST_PARTS + 1),
    ] {
        let sid = format!("{making:?}");
        let refused = joiner.join(Joining { sid, ..pieces(count) }, making).await;
        assert_eq!(refused.unwrap_err().code, RefusalCode::BadJob);
    }
}
