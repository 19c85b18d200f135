//! Whole files of a mix, in each format.

use std::path::Path;
use std::sync::Arc;

use protocol::{FileFormat, FileKind, Layout, StreamName, TrackKind};

use super::super::feeder::{Made, Wishes};
use super::super::outputs::{Outputs, Wanted};
use super::super::testing::{Script as Happenings, Step, open_spool, spec, wishes};
use crate::media::MuxedTrack;
use crate::mix::testing::{RED, Script, everybody, scene, settings, tone, video};
use crate::mix::{Mixer, Output, Settings, Split, mp3_track};
use crate::record::files::{Keeper, Limits};
use crate::record::mixed::feeder::Feeder;
use crate::record::status::{Board, SharedBoard};
use crate::record::testing::{complaints, file_names};
use crate::spool::Spool;
use crate::stream::Clock;

const SECOND: i64 = 1_000_000;
const ALL: [FileFormat; 3] = [FileFormat::Mp4, FileFormat::M4a, FileFormat::Mp3];

/// Writes whole files and nothing else.
fn files(spool: &Arc<Spool>, formats: &[FileFormat], seconds: i64) -> Outputs<Spool> {
    let (clock, board) = (Clock::new(0), SharedBoard::new(Board::new(0, None)));
    let wanted = Wanted {
        keeper: Keeper::new(spool.clone(), clock, board.clone()),
        formats: formats.to_vec(),
        limits: Limits {
            duration_us: seconds * SECOND,
            ..Limits::default()
        },
        mp3: mp3_track(settings(320, 180, 15).output.audio),
    };
    Outputs::new(None, clock, board, file_names().mix(), TrackKind::Both, Some(wanted))
}

/// Ten seconds of one user.
fn mix(split: Option<Split>) -> (Vec<MuxedTrack>, Vec<Output>) {
    let mut script = Script::default();
    script.join(0, "1");
    script.send("1", video(0, 10 * SECOND, 15, |_| RED));
    script.send("1", tone(0, 10 * SECOND, 440.0, |_| 0.1));
    let settings = Settings {
        mp3: true,
        split,
        ..settings(320, 180, 15)
    };
    let mut mixer = Mixer::new(&settings, scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, 10 * SECOND, 20_000);
    (mixer.tracks().unwrap(), output)
}

fn write(files: &mut Outputs<Spool>, tracks: &[MuxedTrack], output: &[Output]) {
    files.take(Made::Begin(tracks.to_vec()));
    output.iter().for_each(|made| files.take(Made::Unit(made.clone())));
}

/// Name and duration in milliseconds of each complete file of a kind; all of them decode without a complaint, and their digests
/// are right.
fn complete(spool: &Spool, kind: FileKind) -> Vec<(String, u64)> {
    let due = spool.due_files();
    let files = spool.files("").into_iter().filter(|file| file.kind == kind);
    files
        .map(|file| {
            let path = &due.iter().find(|due| due.name == file.name).unwrap().path;
            assert_eq!(complaints(path), "", "{}", file.name);
            let data = std::fs::read(path).unwrap();
            let place = |name: &[u8]| data.windows(4).position(|window| window == name);
            match kind {
                FileKind::Mp3 => assert_eq!(place(b"Info"), Some(21)),
                _ => assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none()),
            }
            assert_eq!(place(b"M4A "), (kind == FileKind::M4a).then_some(8));
            assert_eq!((file.uid.as_str(), file.slices), ("0", 1));
            assert_eq!(file.md5, Some(md5(&data)));
            (file.name, file.duration_ms)
        })
        .collect()
}

fn md5(data: &[u8]) -> String {
    use ::md5::{Digest as _, Md5};
    hex::encode(Md5::digest(data))
}

fn names(found: &[(String, u64)]) -> Vec<&str> {
    found.iter().map(|(name, _)| name.as_str()).collect()
}

fn kind_of(format: FileFormat) -> (FileKind, &'static str) {
    match format {
        FileFormat::Mp4 => (FileKind::Mp4, "mp4"),
        FileFormat::M4a => (FileKind::M4a, "m4a"),
        FileFormat::Mp3 => (FileKind::Mp3, "mp3"),
    }
}

/// The same mix so much later.
fn later(output: &[Output], by_us: i64) -> Vec<Output> {
    let mut output = output.to_vec();
    for made in &mut output {
        let (Output::Video(unit) | Output::Audio(unit) | Output::Mp3(unit)) = made;
        unit.pts_us += by_us;
        unit.dts_us += by_us;
    }
    output
}

#[test]
fn files_are_split_within_a_frame_and_counted_over_mixes_and_processes() {
    let split = Split {
        every_us: 3 * SECOND,
        done_us: 0,
    };
    let (tracks, output) = mix(Some(split));
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, &ALL, 3);
    write(&mut written, &tracks, &output);
    written.end();
    for (kind, extension) in ALL.map(kind_of) {
        let found = complete(&spool, kind);
        let expected = [0, 1, 2, 3].map(|number| format!("51d_room_{number}.{extension}"));
        assert_eq!(names(&found), expected);
        for ((_, duration_ms), expected) in found.iter().zip([3_000, 3_000, 3_000, 1_000]) {
            assert!(duration_ms.abs_diff(expected) <= 67, "{found:?}");
        }
        let all_ms: u64 = found.iter().map(|(_, duration_ms)| duration_ms).sum();
        assert!(all_ms.abs_diff(10_000) <= 67, "{found:?}");
    }
    drop(spool);
    let spool = open_spool(dir.path());
    let mut next = files(&spool, &ALL, 100);
    write(&mut next, &tracks, &output[..output.len() / 2]);
    next.end();
    assert_eq!(names(&complete(&spool, FileKind::Mp4)).last(), Some(&"51d_room_4.mp4"));
    assert_eq!(names(&complete(&spool, FileKind::Mp3)).last(), Some(&"51d_room_4.mp3"));
}

#[test]
fn without_a_split_files_end_at_the_next_key_frame() {
    let (tracks, output) = mix(None);
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, &[FileFormat::Mp4], 3);
    write(&mut written, &tracks, &output);
    written.end();
    let found = complete(&spool, FileKind::Mp4);
    for ((_, duration_ms), expected) in found.iter().zip([4_000, 4_000, 2_000]) {
        assert!(duration_ms.abs_diff(expected) < 100, "{found:?}");
    }
}

#[test]
fn a_pause_leaves_no_hole() {
    let (tracks, output) = mix(None);
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, &ALL, 100);
    for part in 0..3 {
        write(&mut written, &tracks, &later(&output, part * 3_600 * SECOND));
        written.take(Made::Pause);
    }
    written.end();
    for (kind, extension) in ALL.map(kind_of) {
        let found = complete(&spool, kind);
        assert_eq!(names(&found), [format!("51d_room_0.{extension}")]);
        assert!(found[0].1.abs_diff(30_000) < 100, "{found:?}");
    }
}

/// As the feeder makes it: it knows how much of a file there is when a pause begins.
#[test]
fn a_file_that_grows_full_behind_a_pause_is_split_as_any_other() {
    let mut spec = spec();
    (spec.mp3, spec.split_us) = (true, Some(3 * SECOND));
    let mut happenings = Happenings::default();
    let pauses = |paused| {
        Step::Wish(Wishes {
            paused,
            ..wishes(&["1"])
        })
    };
    happenings.stream("1", StreamName::Camera, video(0, 12 * SECOND, 15, |_| RED));
    happenings.stream("1", StreamName::Audio, tone(0, 12 * SECOND, 440.0, |_| 0.1));
    happenings.at(0, pauses(false));
    happenings.at(4 * SECOND, pauses(true));
    happenings.at(8 * SECOND, pauses(false));
    let mut feeder = Feeder::new(spec, wishes(&["1"]), i64::MIN);
    let made = happenings.play(&mut feeder, 12 * SECOND);
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, &ALL, 3);
    made.into_iter().for_each(|made| written.take(made));
    written.end();
    for (kind, _) in ALL.map(kind_of) {
        let found = complete(&spool, kind);
        let (last, whole) = found.split_last().unwrap();
        assert_eq!(whole.len(), 2, "{found:?}");
        for (_, duration_ms) in whole {
            assert!(duration_ms.abs_diff(3_000) <= 100, "{found:?}");
        }
        assert!((1_000..2_200).contains(&last.1), "{found:?}");
    }
}

#[test]
fn what_has_other_tracks_behind_a_pause_has_another_file() {
    let (tracks, output) = mix(None);
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut written = files(&spool, &[FileFormat::Mp4], 100);
    write(&mut written, &tracks, &output);
    written.take(Made::Pause);
    let mut other = tracks;
    other[1].duration_us += 1;
    write(&mut written, &other, &later(&output, 60 * SECOND));
    written.end();
    let found = complete(&spool, FileKind::Mp4);
    assert_eq!(names(&found), ["51d_room_0.mp4", "51d_room_1.mp4"]);
}

#[test]
fn files_that_a_crash_cut_off_are_finished_by_the_next_process() {
    let (tracks, output) = mix(None);
    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let mut cut = files(&spool, &ALL, 100);
    write(&mut cut, &tracks, &output);
    cut.take(Made::Pause);
    // As SIGKILL leaves it: nothing is flushed or closed.
    std::mem::forget(cut);
    let after = tempfile::tempdir().unwrap();
    copy(dir.path(), after.path());
    let spool = open_spool(after.path());
    for (kind, extension) in ALL.map(kind_of) {
        let found = complete(&spool, kind);
        assert_eq!(names(&found), [format!("51d_room_0.{extension}")]);
        assert!((9_000..=10_100).contains(&found[0].1), "{found:?}");
    }
    assert!(spool.lone_end_us("0").is_some_and(|end_us| end_us > 9 * SECOND));
    let mut next = files(&spool, &ALL, 100);
    write(&mut next, &tracks, &output);
    next.end();
    for (kind, extension) in ALL.map(kind_of) {
        let expected = [0, 1].map(|number| format!("51d_room_{number}.{extension}"));
        assert_eq!(names(&complete(&spool, kind)), expected);
    }
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
