//! Images and media made by hand, and what a test says where the machine lacks what it needs.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{
    AudioEncoder, Coded, Demuxer, Mp4Brand, Mp4Muxer, MuxedTrack, Picture, VideoEncoder, VideoEncoderChoice,
    VideoTarget, move_index_to_front,
};
use crate::stream::{AacFormat, AccessUnit, Format, H264Format, Track, annexb};

/// A BMP image of 24 bits, all of one colour (blue, green, red).
pub fn bmp(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let row = (width as usize * 3).next_multiple_of(4);
    let mut data = b"BM".to_vec();
    for field in [
        54 + (row as u32 * height),
        0,
        54,
        40,
        width,
        height,
        1 | 24 << 16,
        0,
        0,
        0,
        0,
        0,
        0,
    ] {
        data.extend_from_slice(&field.to_le_bytes());
    }
    for _ in 0..height {
        let mut line = colour.repeat(width as usize);
        line.resize(row, 0);
        data.extend(line);
    }
    data
}

/// Says that the test that calls proves nothing on this machine. It goes past the test harness, which hides what a test
/// that passes prints.
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    writeln!(std::io::stderr(), "skipped: {reason} ({test})").unwrap();
}

/// An encoder of FFmpeg by its name; where FFmpeg was built without it, the test is [skipped].
pub fn encoder(name: &str) -> Option<ffmpeg_next::Codec> {
    super::init().unwrap();
    let codec = ffmpeg_next::encoder::find_by_name(name);
    if codec.is_none() {
        skipped(&format!("FFmpeg has no {name} encoder"));
    }
    codec
}

/// Of the pictures of [`grey_and_silence`].
pub const FPS: i64 = 15;
const SECONDS: i64 = 6;

/// Six seconds of grey pictures with reordering, `width` pixels wide, and silence, in the order of decoding times.
pub fn grey_and_silence(width: u32) -> (Vec<MuxedTrack>, Vec<(usize, AccessUnit)>) {
    coded_grey_and_silence(width, &VideoEncoderChoice::default())
}

/// As [`grey_and_silence`], by another encoder.
pub fn coded_grey_and_silence(width: u32, choice: &VideoEncoderChoice) -> (Vec<MuxedTrack>, Vec<(usize, AccessUnit)>) {
    super::init().unwrap();
    let target = VideoTarget {
        width,
        height: 36,
        fps: FPS as u32,
        bitrate: 50_000,
        gop: 30,
    };
    let mut video = VideoEncoder::new(choice, &target).unwrap();
    let mut audio = AudioEncoder::new("aac", 48_000, 1, 48_000).unwrap();
    let mut units = Vec::new();
    let unit = |coded: Coded, rate: i64| AccessUnit {
        pts_us: coded.pts * 1_000_000 / rate,
        dts_us: coded.dts * 1_000_000 / rate,
        data: coded.data.into(),
        keyframe: coded.keyframe,
    };
    for frame in 0..FPS * SECONDS {
        let mut picture = Picture::new(width, 36).unwrap();
        (0..3).for_each(|index| picture.plane_mut(index).data.fill((frame * 7 % 200) as u8 + 20));
        video
            .encode(&picture, frame, frame % 30 == 0, |coded| {
                units.push((0, unit(coded, FPS)))
            })
            .unwrap();
    }
    video.finish(|coded| units.push((0, unit(coded, FPS)))).unwrap();
    for block in 0..SECONDS * 48_000 / 1024 {
        let silence = [vec![0.0; AudioEncoder::FRAME]];
        audio
            .encode(&silence, block * 1024, |coded| units.push((1, unit(coded, 48_000))))
            .unwrap();
    }
    units.retain(|(track, unit)| *track == 0 || unit.pts_us >= 0);
    units.sort_by_key(|(_, unit)| unit.dts_us);
    let (sps, pps) = units
        .iter()
        .find_map(|(_, unit)| annexb::parameter_sets(&unit.data))
        .map(|(sps, pps)| (sps.to_vec().into(), pps.to_vec().into()))
        .unwrap();
    let h264 = Format::H264(H264Format {
        sps,
        pps,
        width,
        height: 36,
        reorder_depth: 2,
    });
    let config = audio.config().into();
    let aac = Format::Aac(AacFormat {
        config,
        sample_rate: 48_000,
        channels: 1,
        frame_length: 1024,
    });
    let tracks = [(h264, 66_667), (aac, 21_333)];
    (
        tracks
            .map(|(format, duration_us)| MuxedTrack { format, duration_us })
            .to_vec(),
        units,
    )
}

/// A finished file of MP4 with that.
pub fn grey_file(dir: &Path, name: &str, width: u32) -> PathBuf {
    let (tracks, units) = grey_and_silence(width);
    let (made, path) = (dir.join("made.mp4"), dir.join(name));
    let mut muxer = Mp4Muxer::create(&made, &tracks, 0).unwrap();
    units
        .iter()
        .for_each(|(track, unit)| muxer.write(*track, unit).unwrap());
    muxer.finish().unwrap();
    move_index_to_front(&made, &path, Mp4Brand::Mp4).unwrap();
    path
}

/// Presentation times of a file's track in microseconds, in order.
pub fn times(path: &Path, wanted: Track) -> Vec<i64> {
    let mut demuxer = Demuxer::open(path).unwrap();
    let mut times = Vec::new();
    while let Some((track, unit)) = demuxer.next_unit().unwrap() {
        if track == wanted {
            times.push(unit.pts_us);
        }
    }
    times.sort_unstable();
    times
}
