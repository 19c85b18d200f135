use std::collections::BTreeMap;
use std::process::Command;

use super::*;
use crate::media::{Crop, Demuxer};
use crate::stream::{Format, Quarters};

/// A moving picture, ten a second, that is refreshed part by part in ten pictures: after the first there is no IDR picture.
fn refreshed() -> Vec<AccessUnit> {
    crate::media::init().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refreshed.mkv");
    let status = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=10:d=6",
        ])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-tune",
            "zerolatency",
            "-pix_fmt",
            "yuv420p",
        ])
        .args(["-x264-params", "intra-refresh=1:keyint=10:threads=1"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    let mut demuxer = Demuxer::open(&path).unwrap();
    let [(_, Format::H264(format))] = demuxer.formats() else {
        panic!("one track of H.264")
    };
    let sets = format.annex_b();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap());
    // As they are captured: each picture that can be entered has its parameter sets.
    let with_sets = units.map(|(_, unit)| match unit.keyframe {
        true => AccessUnit {
            data: [&sets[..], &unit.data[..]].concat().into(),
            ..unit
        },
        false => unit,
    });
    with_sets.collect()
}

/// Each picture by its time, decoded from a stream that lacks nothing.
fn whole(units: &[AccessUnit]) -> BTreeMap<i64, Picture> {
    let mut pictures = BTreeMap::new();
    let mut decoder = VideoDecoder::new(VideoCodec::H264, PictureLimit::default()).unwrap();
    let mut keep = |picture, pts_us| drop(pictures.insert(pts_us, picture));
    for unit in units {
        decoder.decode(&unit.data, unit.pts_us, unit.dts_us, &mut keep).unwrap();
    }
    decoder.finish(&mut keep).unwrap();
    pictures
}

#[test]
fn what_was_damaged_is_not_seen_while_it_is_refreshed() {
    let units = refreshed();
    let whole = whole(&units);
    let keys: Vec<usize> = (1..units.len()).filter(|number| units[*number].keyframe).collect();
    assert_eq!((units.len(), keys.len()), (60, 5));
    let (mut track, mut counters) = (VideoTrack::new(PictureLimit::default()), Counters::default());
    let mut seen = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        // What lies between a loss and the next picture that can be entered does not come.
        if (keys[1] + 5..keys[2]).contains(&number) {
            continue;
        }
        if number == keys[2] {
            track.lost();
        }
        track.push(unit.clone(), &mut counters);
        track.advance(unit.pts_us, &mut counters);
        let shown = track.shown().unwrap();
        assert!(
            shown.picture.same_content(&whole[&shown.pts_us]),
            "{number}: a smeared picture"
        );
        seen.push(shown.pts_us);
    }
    assert_eq!(counters.units_undecodable, 0);
    let after = units[keys[3] + 1].pts_us;
    assert!(seen.contains(&after), "it is seen again once all of it is refreshed");
    assert!(seen.last() > Some(&units[50].pts_us));
}

/// So many pictures of VP8 whose upper half is white, the first of them a keyframe.
fn half_white(seconds: u32) -> Vec<AccessUnit> {
    crate::media::init().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("half.mkv");
    let picture = format!("color=black:s=64x32:r=10:d={seconds},drawbox=h=16:c=white:t=fill");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &picture])
        .args(["-c:v", "libvpx", "-g", "10", "-b:v", "100k"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    let mut demuxer = Demuxer::open(&path).unwrap();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap());
    units.map(|(_, unit)| unit).collect()
}

#[test]
fn pictures_are_turned_as_their_sender_says_beside_them() {
    let (mut track, mut counters) = (VideoTrack::new(PictureLimit::default()), Counters::default());
    let coding = |number| Coding {
        codec: VideoCodec::Vp8,
        quarters: Quarters::new(number),
    };
    for (number, unit) in half_white(4).into_iter().enumerate() {
        if number % 10 == 0 {
            track.set_coding(coding((number / 10) as u8));
        }
        track.push(unit, &mut counters);
    }
    // Where the white half is once the picture stands upright.
    let white = [(0.5, 0.25), (0.75, 0.5), (0.5, 0.75), (0.25, 0.5)];
    let mut scaler = crate::media::Scaler::default();
    for (quarters, white) in white.into_iter().enumerate() {
        track.advance(quarters as i64 * 1_000_000 + 500_000, &mut counters);
        let shown = &track.shown().unwrap().picture;
        let (width, height) = shown.upright_size();
        assert_eq!((width, height), if quarters % 2 == 0 { (64, 32) } else { (32, 64) });
        let mut upright = Picture::new(width, height).unwrap();
        let whole = Crop {
            x: 0,
            y: 0,
            width,
            height,
        };
        scaler.scale(shown, whole, &mut upright).unwrap();
        let luma = |(x, y): (f64, f64)| {
            upright.plane(0).row((y * f64::from(height)) as usize)[(x * f64::from(width)) as usize]
        };
        let black = (1.0 - white.0, 1.0 - white.1);
        assert!(luma(white) > 200, "{quarters}: {}", luma(white));
        assert!(luma(black) < 50, "{quarters}: {}", luma(black));
    }
}

#[test]
fn decoding_that_goes_on_in_the_middle_lacks_a_keyframe_until_one_comes() {
    let (mut track, mut counters) = (VideoTrack::new(PictureLimit::default()), Counters::default());
    track.set_coding(VideoCodec::Vp8.into());
    let units = half_white(3);
    let push = |track: &mut VideoTrack, numbers: std::ops::Range<usize>, counters: &mut Counters| {
        units[numbers]
            .iter()
            .for_each(|unit| track.push(unit.clone(), counters));
    };
    push(&mut track, 0..15, &mut counters);
    // A machine that does not keep up decodes keyframes only.
    track.jump(1_200_000, &mut counters);
    assert!(!track.lacks_keyframe(), "it wants no others for now");
    track.advance(1_400_000, &mut counters);
    assert!(track.lacks_keyframe());
    push(&mut track, 15..20, &mut counters);
    track.advance(1_900_000, &mut counters);
    assert!(track.lacks_keyframe());
    assert_eq!(track.shown().unwrap().pts_us, 1_000_000);
    push(&mut track, 20..21, &mut counters);
    assert!(!track.lacks_keyframe());
    track.advance(2_000_000, &mut counters);
    assert_eq!(track.shown().unwrap().pts_us, 2_000_000);
}
