use std::path::Path;

use protocol::{FileKind, Layout};

use super::super::testing::open_spool;
use super::*;
use crate::mix::testing::{RED, Script, everybody, scene, settings, tone, video};
use crate::mix::{Mixer, Output};
use crate::record::status::Board;
use crate::record::testing::{complaints, file_names};

const SECOND: i64 = 1_000_000;

fn files(spool: &Arc<Spool>, seconds: i64) -> Mp4Files {
    let limits = Limits {
        duration_us: seconds * SECOND,
        ..Limits::default()
    };
    let board = SharedBoard::new(Board::new(0, None));
    let names = file_names().mix();
    Mp4Files::new(spool.clone(), names, TrackKind::Both, limits, Clock::new(0), board)
}

/// Ten seconds of one user.
fn mix() -> (Vec<MuxedTrack>, Vec<Output>) {
    let mut script = Script::default();
    script.join(0, "1");
    script.send("1", video(0, 10 * SECOND, 15, |_| RED));
    script.send("1", tone(0, 10 * SECOND, 440.0, |_| 0.1));
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, 10 * SECOND, 20_000);
    (mixer.tracks().unwrap(), output)
}

fn write(files: &mut Mp4Files, output: &[Output]) {
    for made in output {
        match made {
            Output::Video(unit) => files.unit(0, unit),
            Output::Audio(unit) => files.unit(1, unit),
        }
    }
}

/// Name and duration in milliseconds of each complete file; all of them decode without a complaint.
fn complete(spool: &Spool) -> Vec<(String, u64)> {
    for due in spool.due_files() {
        assert_eq!(complaints(&due.path), "", "{}", due.name);
        let data = std::fs::read(&due.path).unwrap();
        let place = |name: &[u8]| data.windows(4).position(|window| window == name);
        assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none());
    }
    spool
        .files("")
        .into_iter()
        .map(|file| {
            assert_eq!((file.kind, file.uid.as_str(), file.slices), (FileKind::Mp4, "0", 1));
            (file.name, file.duration_ms)
        })
        .collect()
}

fn names(found: &[(String, u64)]) -> Vec<&str> {
    found.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn files_are_split_at_key_frames_and_counted_over_mixes_and_processes() {
    let (tracks, output) = mix();
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, 3);
    written.begin(tracks.clone());
    write(&mut written, &output);
    written.end();
    let found = complete(&spool);
    assert_eq!(names(&found), ["51d_room_0.mp4", "51d_room_1.mp4", "51d_room_2.mp4"]);
    for ((_, duration_ms), expected) in found.iter().zip([4_000, 4_000, 2_000]) {
        assert!(duration_ms.abs_diff(expected) < 100, "{found:?}");
    }
    drop(spool);
    let spool = open_spool(dir.path());
    let mut next = files(&spool, 100);
    next.begin(tracks.clone());
    write(&mut next, &output[..output.len() / 2]);
    next.end();
    assert_eq!(names(&complete(&spool)).last(), Some(&"51d_room_3.mp4"));
}

/// The same mix so much later.
fn later(output: &[Output], by_us: i64) -> Vec<Output> {
    let mut output = output.to_vec();
    for made in &mut output {
        let (Output::Video(unit) | Output::Audio(unit)) = made;
        unit.pts_us += by_us;
        unit.dts_us += by_us;
    }
    output
}

#[test]
fn a_pause_leaves_no_hole() {
    let (tracks, output) = mix();
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, 100);
    for part in 0..3 {
        written.begin(tracks.clone());
        write(&mut written, &later(&output, part * 3_600 * SECOND));
        written.pause();
    }
    written.end();
    let found = complete(&spool);
    assert_eq!(names(&found), ["51d_room_0.mp4"]);
    assert!(found[0].1.abs_diff(30_000) < 100, "{found:?}");
}

#[test]
fn a_file_that_grows_full_behind_a_pause_is_split_as_any_other() {
    let (tracks, output) = mix();
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, 12);
    for part in 0..2 {
        written.begin(tracks.clone());
        write(&mut written, &later(&output, part * 60 * SECOND));
        written.pause();
    }
    written.end();
    let found = complete(&spool);
    assert_eq!(names(&found), ["51d_room_0.mp4", "51d_room_1.mp4"]);
    assert!((found[0].1 + found[1].1).abs_diff(20_000) < 200, "{found:?}");
}

#[test]
fn what_has_other_tracks_behind_a_pause_has_another_file() {
    let (tracks, output) = mix();
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, 100);
    written.begin(tracks.clone());
    write(&mut written, &output);
    written.pause();
    let mut other = tracks;
    other[1].duration_us += 1;
    written.begin(other);
    write(&mut written, &later(&output, 60 * SECOND));
    written.end();
    assert_eq!(names(&complete(&spool)), ["51d_room_0.mp4", "51d_room_1.mp4"]);
}

#[test]
fn a_file_that_a_crash_cut_off_is_finished_by_the_next_process() {
    let (tracks, output) = mix();
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut cut = files(&spool, 100);
    cut.begin(tracks.clone());
    write(&mut cut, &output);
    // As SIGKILL leaves it: nothing is flushed or closed.
    std::mem::forget(cut);
    let after = tempfile::tempdir().unwrap();
    copy(dir.path(), after.path());
    let spool = open_spool(after.path());
    let found = complete(&spool);
    assert_eq!(names(&found), ["51d_room_0.mp4"]);
    assert!((9_000..=10_100).contains(&found[0].1), "{found:?}");
    let mut next = files(&spool, 100);
    next.begin(tracks);
    write(&mut next, &output);
    next.end();
    assert_eq!(names(&complete(&spool)), ["51d_room_0.mp4", "51d_room_1.mp4"]);
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
