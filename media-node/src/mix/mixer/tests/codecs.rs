//! A user's pictures in one codec behind another.

use super::*;
use crate::media::Demuxer;
use crate::stream::{AccessUnit, Format};

/// Two seconds of a colour, in FFmpeg's words, coded by it with these options and kept in a file of this kind.
fn coded(colour: &str, extension: &str, coding: &str) -> (Format, Vec<AccessUnit>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coded").with_extension(extension);
    let source = format!("color=c={colour}:s=160x90:r=15:d=2");
    let status = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &source, "-g", "15"])
        .args(coding.split_whitespace())
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    let mut demuxer = Demuxer::open(&path).unwrap();
    let format = demuxer.formats()[0].1.clone();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap());
    (format, units.map(|(_, unit)| unit).collect())
}

#[test]
fn a_user_is_seen_whatever_the_pictures_are_coded_in() {
    crate::media::init().unwrap();
    let pieces = [
        (RED, coded("0xff0000", "mp4", "-pix_fmt yuv420p -c:v libx264 -bf 2")),
        (
            BLUE,
            coded(
                "0x0000ff",
                "mp4",
                "-pix_fmt yuv420p -c:v libx265 -x265-params log-level=none:bframes=3:pools=1",
            ),
        ),
        (GREEN, coded("0x00ff00", "webm", "-c:v libvpx -deadline realtime")),
        (
            YELLOW,
            coded(
                "0xffff00",
                "webm",
                "-pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8",
            ),
        ),
        (
            BLUE,
            coded(
                "0x0000ff",
                "mkv",
                "-pix_fmt yuv420p -c:v libsvtav1 -preset 12 -svtav1-params pred-struct=1",
            ),
        ),
        (
            RED,
            coded(
                "0xff0000",
                "mkv",
                "-c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 3",
            ),
        ),
        (WHITE, coded("0xffffff", "mp4", "-pix_fmt yuv420p -c:v libx264")),
    ];
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::BestFit), everybody()).unwrap();
    mixer.change(0, Change::Join { uid: "1".to_owned() });
    let mut output = Vec::new();
    for ((_, (format, units)), from_us) in pieces.iter().zip((0..).step_by(2_000_000)) {
        mixer.format("1", format);
        for unit in units {
            let unit = AccessUnit {
                pts_us: unit.pts_us + from_us,
                dts_us: unit.dts_us + from_us,
                ..unit.clone()
            };
            let now_us = unit.dts_us;
            mixer.unit("1", Track::Video, unit);
            mixer.advance(now_us, Shed::Nothing, |made| output.push(made)).unwrap();
        }
    }
    let end_us = pieces.len() as i64 * 2 * SECOND;
    mixer.finish(end_us, |made| output.push(made)).unwrap();
    let pictures = pictures(&output);
    for ((colour, _), from_us) in pieces.iter().zip((0..).step_by(2_000_000)) {
        for us in [from_us + 200_000, from_us + SECOND, from_us + 1_900_000] {
            let found = colour_at(at(&pictures, us), 0.5, 0.5);
            assert!(alike(found, *colour), "at {us} µs: {found:?}, not {colour:?}");
        }
    }
    assert_eq!(mixer.counters().units_undecodable, 0);
}
