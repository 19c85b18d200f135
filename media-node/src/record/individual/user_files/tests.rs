//! A user's whole files, as ffmpeg sees them.

use protocol::FileKind;

use super::*;
use crate::media::Demuxer;
use crate::record::status::{Board, SharedBoard};
use crate::record::testing::{Coded, audio, coded_opus, coded_pictures, complaints, file_names, open_spool, video};
use crate::spool::Spool;
use crate::stream::Clock;

const SECOND: i64 = 1_000_000;
const ALL: [FileFormat; 3] = [FileFormat::Mp4, FileFormat::M4a, FileFormat::Mp3];

/// Name and duration in milliseconds of a file, and of an MP4 file when its units are shown.
type Found = (String, u64, Vec<(Track, i64)>);

/// A user whose picture and sound go into files.
struct User {
    _dir: tempfile::TempDir,
    spool: Arc<Spool>,
    keeper: Arc<Keeper>,
    files: UserFiles,
}

impl User {
    fn new(formats: &[FileFormat], seconds: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool = open_spool(dir.path());
        let board = SharedBoard::new(Board::new(0, None));
        let keeper = Keeper::new(spool.clone(), Clock::new(0), board);
        let wanted = Wanted {
            keeper: keeper.clone(),
            formats: formats.to_vec(),
            limits: Limits {
                duration_us: seconds * SECOND,
                ..Limits::default()
            },
        };
        let files = UserFiles::new(&wanted, &file_names(), "7");
        Self {
            _dir: dir,
            spool,
            keeper,
            files,
        }
    }

    /// Sends what lies between two times, sound so much later than the picture that is shown with it.
    fn send(&mut self, picture: Option<&Coded>, sound: Option<&Coded>, from_s: i64, to_s: i64, late_us: i64) {
        let mut units: Vec<(i64, Track, &AccessUnit)> = Vec::new();
        let begins = |unit: &&AccessUnit| unit.keyframe && unit.pts_us >= from_s * SECOND;
        let goes_on = |unit: &&AccessUnit| unit.dts_us < to_s * SECOND;
        if let Some(picture) = picture {
            self.files
                .take(Track::Video, vec![Tapped::Format(picture.format.clone())]);
            units.extend(
                picture
                    .units
                    .iter()
                    .skip_while(|unit| !begins(unit))
                    .take_while(goes_on)
                    .map(|unit| (unit.dts_us, Track::Video, unit)),
            );
        }
        if let Some(sound) = sound {
            if matches!(sound.format, Format::Aac(_)) {
                self.files
                    .take(Track::Audio, vec![Tapped::Format(sound.format.clone())]);
            }
            self.files.sent_format(&sound.format).unwrap();
            units.extend(
                sound
                    .units
                    .iter()
                    .skip_while(|unit| !begins(unit))
                    .take_while(goes_on)
                    .map(|unit| (unit.dts_us + late_us, Track::Audio, unit)),
            );
        }
        units.sort_by_key(|(at_us, ..)| *at_us);
        for (_, track, unit) in units {
            self.files.take(track, vec![Tapped::Unit(unit.clone())]);
            if track == Track::Audio {
                self.files.sent(unit).unwrap();
            }
        }
    }

    /// The files of a kind, all of which decode cleanly.
    fn end(mut self, kind: FileKind) -> Vec<Found> {
        for track in [Track::Audio, Track::Video] {
            self.files.interrupt(track).unwrap();
        }
        self.keeper.end();
        let due = self.spool.due_files();
        let files = self.spool.files("").into_iter().filter(|file| file.kind == kind);
        files
            .map(|file| {
                let path = &due.iter().find(|due| due.name == file.name).unwrap().path;
                assert_eq!(complaints(path), "", "{}", file.name);
                assert_eq!((file.uid.as_str(), file.md5.is_some()), ("7", true));
                let units = match kind {
                    FileKind::Mp4 => times(path),
                    _ => Vec::new(),
                };
                (file.name, file.duration_ms, units)
            })
            .collect()
    }
}

fn times(path: &std::path::Path) -> Vec<(Track, i64)> {
    let mut demuxer = Demuxer::open(path).unwrap();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap());
    units.map(|(track, unit)| (track, unit.pts_us)).collect()
}

#[test]
fn picture_and_sound_are_in_one_file_however_late_the_sound_comes() {
    let mut user = User::new(&[FileFormat::Mp4], 10);
    user.send(Some(video()), Some(audio()), 0, 25, 400_000);
    let found = user.end(FileKind::Mp4);
    let names: Vec<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = [0, 1, 2].map(|number| format!("51d_room__uid_s_7__uid_e_av_{number}.mp4"));
    assert_eq!(names, expected);
    // Pictures are sent before others that are shown earlier: the last file has some of those alone.
    for ((name, duration_ms, units), (expected_ms, off_ms)) in
        found.iter().zip([(10_000, 60), (10_000, 60), (5_000, 150)])
    {
        assert!(duration_ms.abs_diff(expected_ms) <= off_ms, "{name}: {duration_ms} ms");
        let first_us = |wanted| {
            let of_track = units.iter().filter(|(track, _)| *track == wanted);
            of_track.map(|(_, pts_us)| *pts_us).min().unwrap()
        };
        let apart_us = first_us(Track::Video) - first_us(Track::Audio);
        assert!(apart_us.abs() < 50_000, "{name}: {apart_us} us");
    }
}

#[test]
fn sound_alone_is_in_files_of_its_own_from_whatever_it_is_sent_as() {
    let opus = coded_opus("sine=frequency=440:sample_rate=48000:duration=20", &["-c:a", "libopus"]);
    for sound in [audio(), &opus] {
        for (format, kind, extension) in [
            (FileFormat::M4a, FileKind::M4a, "m4a"),
            (FileFormat::Mp3, FileKind::Mp3, "mp3"),
        ] {
            let mut user = User::new(&[format], 6);
            user.send(None, Some(sound), 0, 15, 0);
            let found = user.end(kind);
            let names: Vec<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
            let expected = [0, 1, 2].map(|number| format!("51d_room__uid_s_7__uid_e_audio_{number}.{extension}"));
            assert_eq!(names, expected);
            let all_ms: u64 = found.iter().map(|(_, duration_ms, _)| duration_ms).sum();
            assert!(all_ms.abs_diff(15_000) < 60, "{all_ms} ms as {extension}");
            assert!(found[0].1.abs_diff(6_000) < 30, "{} ms", found[0].1);
        }
    }
}

#[test]
fn a_file_ends_with_a_format_and_with_the_user() {
    let mut user = User::new(&ALL, 100);
    user.send(None, Some(audio()), 0, 3, 0);
    user.send(Some(video()), Some(audio()), 4, 8, 0);
    for track in [Track::Audio, Track::Video] {
        user.files.interrupt(track).unwrap();
    }
    user.send(Some(video()), Some(audio()), 20, 24, 0);
    let found = user.end(FileKind::Mp4);
    let lengths: Vec<_> = found
        .iter()
        .map(|(_, duration_ms, _)| duration_ms / 100 * 100)
        .collect();
    assert_eq!(lengths.len(), 3, "{lengths:?}");
    let tracks = |number: usize| {
        let units = &found[number].2;
        [Track::Video, Track::Audio].map(|wanted| units.iter().any(|(track, _)| *track == wanted))
    };
    assert_eq!(
        [tracks(0), tracks(1), tracks(2)],
        [[false, true], [true, true], [true, true]]
    );
}

#[test]
fn pictures_that_mp4_does_not_carry_leave_the_sound() {
    let vp8 = coded_pictures("webm", &["-c:v", "libvpx", "-g", "25"], 4);
    let mut user = User::new(&[FileFormat::Mp4], 100);
    assert!(user.files.leaves_out(&vp8.format) && !user.files.leaves_out(&video().format));
    user.send(Some(&vp8), Some(audio()), 0, 4, 0);
    let found = user.end(FileKind::Mp4);
    assert_eq!(found.len(), 1);
    assert!(found[0].2.iter().all(|(track, _)| *track == Track::Audio));
}
