//! Files as strangers send them.

use std::path::PathBuf;

use super::*;
use crate::media::testing::{coded_grey_and_silence, encoder, grey_and_silence, skipped, times};
use crate::media::{Mp4Muxer, TsMuxer, TsUnit};
use crate::stream::Track;

/// Six seconds of grey and silence in MP4, without B-frames.
fn file(dir: &Path) -> PathBuf {
    let (tracks, units) = coded_grey_and_silence(64, &VideoEncoderChoice::default().in_order());
    let path = dir.join("made.mp4");
    let mut muxer = Mp4Muxer::create(&path, &tracks, 0).unwrap();
    units
        .iter()
        .for_each(|(track, unit)| muxer.write(*track, unit).unwrap());
    muxer.finish().unwrap();
    path
}

fn converted(from: &Path, dir: &Path) -> Result<PathBuf, MediaError> {
    let to = dir.join("out.mp4");
    convert(from, &dir.join("work"), &to, &VideoEncoderChoice::default()).map(|()| to)
}

/// First and last times of a track, and how many units it has.
fn summary(path: &Path, wanted: Track) -> (i64, i64, usize) {
    let times = times(path, wanted);
    (times[0], times[times.len() - 1], times.len())
}

#[test]
fn a_file_that_is_what_is_wanted_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let from = file(dir.path());
    let to = converted(&from, dir.path()).unwrap();
    assert!(!dir.path().join("work").exists(), "nothing was encoded");
    for track in [Track::Video, Track::Audio] {
        assert_eq!(summary(&to, track), summary(&from, track));
    }
}

#[test]
fn what_is_in_another_container_becomes_mp4_of_the_same_length() {
    if encoder("libx264").is_none() {
        return skipped("this FFmpeg has no libx264");
    }
    let dir = tempfile::tempdir().unwrap();
    let (tracks, units) = grey_and_silence(64);
    let formats: Vec<_> = tracks.iter().map(|track| track.format.clone()).collect();
    let mut muxer = TsMuxer::new(&formats).unwrap();
    let mut bytes = Vec::new();
    for (track, unit) in &units {
        let ticks = |us: i64| us * 9 / 100 + 900_000;
        let unit = TsUnit {
            track: *track,
            pts: ticks(unit.pts_us),
            dts: ticks(unit.dts_us),
            data: &unit.data,
            keyframe: unit.keyframe,
        };
        bytes.extend(muxer.write(unit).unwrap());
    }
    bytes.extend(muxer.flush().unwrap());
    let from = dir.path().join("in.ts");
    std::fs::write(&from, bytes).unwrap();
    // As an AVI would: neither is copied, since the tracks of a transport stream may change.
    let mut input = open(&from).unwrap();
    assert!(input.streams().count() == 2, "{}", input.nb_streams());
    let choice = VideoEncoderChoice::default();
    let (work, to) = (dir.path().join("work"), dir.path().join("out.mp4"));
    input = open(&from).unwrap();
    Converter::new(input, &choice).unwrap().run(&work).unwrap();
    move_index_to_front(&work, &to, Mp4Brand::Mp4).unwrap();
    let (first, last, pictures) = summary(&to, Track::Video);
    let (_, wanted, _) = summary(&file(dir.path()), Track::Video);
    assert!(
        first.abs() < 40_000 && (last - wanted).abs() < 70_000,
        "{first} to {last}"
    );
    assert!(pictures >= 85, "{pictures}");
    let (first, last, _) = summary(&to, Track::Audio);
    assert!(
        first.abs() < 40_000 && (last - wanted).abs() < 200_000,
        "{first} to {last}"
    );
    // It is what is wanted from now on.
    assert!(is_wanted(&open(&to).unwrap()));
}

#[test]
fn what_is_no_media_and_what_names_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = file(dir.path());
    let name = other.display();
    for (name, content) in [
        ("text.txt", "hello".to_owned()),
        ("empty", String::new()),
        (
            "list.m3u8",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{name}\n#EXT-X-ENDLIST\n"),
        ),
        ("concat.txt", format!("ffconcat version 1.0\nfile '{name}'\n")),
        (
            "call.sdp",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\n".to_owned(),
        ),
        ("page.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert!(converted(&path, dir.path()).is_err(), "{name}");
    }
}

#[test]
fn a_file_that_breaks_off_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let from = file(dir.path());
    let bytes = std::fs::read(&from).unwrap();
    std::fs::write(&from, &bytes[..bytes.len() / 2]).unwrap();
    let to = converted(&from, dir.path()).unwrap();
    let (_, last, _) = summary(&to, Track::Video);
    assert!(last > 1_000_000, "{last}");
}
