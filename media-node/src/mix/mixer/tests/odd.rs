//! Pictures that are not 4:2:0 of 8 bits, progressive, upright, of square pixels and of one size: as libx264 makes them.

use std::process::Command;

use super::*;
use crate::media::Demuxer;

/// A picture whose quarters are red and green above, blue and yellow below, with a white field in the middle, half as wide and
/// half as high.
fn quarters(width: u32, height: u32, fps: u32, seconds: u32) -> String {
    let quarter = |x: &str, y: &str, colour: &str| format!("drawbox=x={x}:y={y}:w=iw/2:h=ih/2:c={colour}:t=fill");
    format!(
        "color=c=0xff0000:s={width}x{height}:r={fps}:d={seconds},format=yuv444p,{},{},{},{}",
        quarter("iw/2", "0", "0x00ff00"),
        quarter("0", "ih/2", "0x0000ff"),
        quarter("iw/2", "ih/2", "0xffff00"),
        quarter("iw/4", "ih/4", "0xffffff"),
    )
}

/// What FFmpeg makes of a source with these options of libx264, beginning at a time.
fn coded(source: &str, options: &str, from_us: i64) -> Timed {
    crate::media::init().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd.mkv");
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", source])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-crf",
            "12",
        ])
        .args(options.split_whitespace())
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut demuxer = Demuxer::open(&path).unwrap();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap());
    let shifted = units.map(|(track, unit)| {
        let unit = AccessUnit {
            pts_us: unit.pts_us + from_us,
            dts_us: unit.dts_us + from_us,
            ..unit
        };
        (track, unit)
    });
    shifted.collect()
}

/// The pictures of a mix of one user, 320×180 at 15 a second.
fn mixed(units: Timed, end_us: i64) -> (Vec<(i64, Picture)>, Counters) {
    let mut script = Script::default();
    script.join(0, "1");
    script.send("1", units);
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, end_us, 20_000);
    (pictures(&output), *mixer.counters())
}

/// The field in the middle and the quarters are where they belong.
fn assert_upright(picture: &Picture, what: &str) {
    for (x, y, expected) in [
        (0.05, 0.05, RED),
        (0.95, 0.05, GREEN),
        (0.05, 0.95, BLUE),
        (0.95, 0.95, YELLOW),
        (0.5, 0.5, WHITE),
        // On both sides of the field's edges.
        (0.22, 0.45, RED),
        (0.28, 0.45, WHITE),
        (0.72, 0.45, WHITE),
        (0.78, 0.45, GREEN),
        (0.45, 0.21, RED),
        (0.45, 0.29, WHITE),
        (0.45, 0.71, WHITE),
        (0.45, 0.79, BLUE),
    ] {
        let found = colour_at(picture, x, y);
        assert!(
            alike(found, expected),
            "{what}: {found:?} and not {expected:?} at {x}, {y}"
        );
    }
}

#[test]
fn odd_pictures_are_shown_upright_in_proportion_and_in_their_colours() {
    let plain = quarters(640, 360, 15, 1);
    let with = |filter: &str| format!("{plain},{filter}");
    let tagged = "-colorspace bt709 -color_primaries bt709 -color_trc bt709";
    for (what, source, options) in [
        ("plain", plain.clone(), "-pix_fmt yuv420p"),
        ("an odd size", quarters(853, 479, 15, 1), "-pix_fmt yuv444p"),
        ("4:2:2", plain.clone(), "-pix_fmt yuv422p"),
        ("4:4:4", plain.clone(), "-pix_fmt yuv444p"),
        ("10 bits", plain.clone(), "-pix_fmt yuv420p10le"),
        ("4:2:2 of 10 bits", plain.clone(), "-pix_fmt yuv422p10le"),
        ("4:4:4 of 10 bits", plain.clone(), "-pix_fmt yuv444p10le"),
        ("full range", with("format=yuvj420p"), "-pix_fmt yuvj420p"),
        (
            "full range, small",
            with("scale=160:90,format=yuvj420p"),
            "-pix_fmt yuvj420p",
        ),
        ("full range of 4:4:4", with("format=yuvj444p"), "-pix_fmt yuvj444p"),
        (
            "full range of 10 bits",
            with("scale=out_range=full,format=yuv420p10le"),
            "-color_range pc -pix_fmt yuv420p10le",
        ),
        (
            "BT.709",
            with("scale=out_color_matrix=bt709"),
            &format!("-pix_fmt yuv420p {tagged}"),
        ),
        (
            "BT.709, small",
            with("scale=160:90:out_color_matrix=bt709"),
            &format!("-pix_fmt yuv420p {tagged}"),
        ),
        (
            "BT.709 in full range of 10 bits",
            with("scale=out_color_matrix=bt709:out_range=full,format=yuv420p10le"),
            &format!("-color_range pc -pix_fmt yuv420p10le {tagged}"),
        ),
        ("RGB", plain.clone(), "-c:v libx264rgb -pix_fmt bgr24"),
        ("interlaced", plain.clone(), "-pix_fmt yuv420p -flags +ildct+ilme"),
        ("wide pixels", with("scale=720:576,setsar=64/45"), "-pix_fmt yuv420p"),
        ("narrow pixels", with("scale=1920:360,setsar=1/3"), "-pix_fmt yuv420p"),
        (
            "a quarter to the right",
            with("transpose=1"),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=90",
        ),
        (
            "a quarter to the left",
            with("transpose=2"),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=270",
        ),
        (
            "upside down",
            with("hflip,vflip"),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=180",
        ),
        (
            "mirrored",
            with("hflip"),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:flip=horizontal",
        ),
        (
            "turned, and of wide pixels",
            with("scale=576:720,setsar=20/9,transpose=1"),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=90",
        ),
        (
            "a quarter to the right in 4:2:2 of full range",
            with("format=yuvj422p,transpose=1"),
            "-pix_fmt yuvj422p -bsf:v h264_metadata=display_orientation=insert:rotate=90",
        ),
    ] {
        let (pictures, counters) = mixed(coded(&source, options, 0), SECOND);
        assert_eq!(
            (counters.units_undecodable, counters.pictures_unusable),
            (0, 0),
            "{what}"
        );
        assert_eq!(pictures.len(), 15, "{what}");
        for (_, picture) in &pictures[2..] {
            assert_upright(picture, what);
        }
    }
}

#[test]
fn pictures_stay_turned_behind_key_frames_that_do_not_say_so_but_not_in_another_size() {
    let plain = quarters(640, 360, 15, 1);
    let mut units = coded(
        &format!("{plain},transpose=1"),
        "-g 5 -pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=90",
        0,
    );
    units.extend(coded(&plain, "-pix_fmt yuv420p", SECOND));
    let (pictures, _) = mixed(units, 2 * SECOND);
    assert_eq!(pictures.len(), 30);
    for (at_us, picture) in &pictures[2..] {
        assert_upright(picture, &format!("at {at_us}"));
    }
}

#[test]
fn what_is_interlaced_is_shown_without_combs() {
    // The fields are of two moments: the first is black, the second white.
    let combed = "color=c=black:s=640x360:r=15:d=1,format=yuv420p,geq=lum='if(mod(Y\\,2)\\,235\\,16)':cb=128:cr=128";
    let (pictures, _) = mixed(coded(combed, "-pix_fmt yuv420p -flags +ildct+ilme -top 1", 0), SECOND);
    for (_, picture) in &pictures[2..] {
        let found = colour_at(picture, 0.4, 0.4);
        assert!(alike(found, BLACK) || alike(found, WHITE), "{found:?}");
    }
}

#[test]
fn sizes_and_profiles_may_change_on_the_way() {
    let mut units = Timed::new();
    for (number, (source, options)) in [
        (quarters(640, 360, 15, 1), "-pix_fmt yuv420p -profile:v baseline"),
        (quarters(1280, 720, 15, 1), "-pix_fmt yuv420p -bf 2 -profile:v high"),
        (quarters(160, 90, 15, 1), "-pix_fmt yuv444p"),
        (quarters(853, 479, 15, 1), "-pix_fmt yuv444p10le"),
        (quarters(320, 180, 15, 1), "-pix_fmt yuv420p"),
    ]
    .into_iter()
    .enumerate()
    {
        units.extend(coded(&source, options, number as i64 * SECOND));
    }
    let (pictures, counters) = mixed(units, 5 * SECOND);
    assert_eq!((counters.units_undecodable, counters.pictures_unusable), (0, 0));
    assert_eq!(pictures.len(), 75);
    for (at_us, picture) in &pictures[2..] {
        assert_upright(picture, &format!("at {at_us}"));
    }
}

#[test]
fn any_number_of_pictures_a_second_is_shown() {
    for (fps, seconds) in [(1, 4), (7, 2), (60, 1), (120, 1)] {
        let units = coded(&quarters(320, 180, fps, seconds), "-pix_fmt yuv420p", 0);
        let end_us = i64::from(seconds) * SECOND;
        let (pictures, counters) = mixed(units, end_us);
        assert_eq!(pictures.len() as u32, seconds * 15, "{fps} a second");
        assert_eq!(counters.units_undecodable, 0, "{fps} a second");
        for (_, picture) in &pictures[2..] {
            assert_upright(picture, &format!("{fps} a second"));
        }
    }
}

#[test]
fn key_frames_thirty_seconds_apart_are_enough() {
    let units = coded(&quarters(160, 90, 10, 40), "-g 300 -pix_fmt yuv420p", 0);
    assert_eq!(units.iter().filter(|(_, unit)| unit.keyframe).count(), 2);
    let (pictures, counters) = mixed(units, 40 * SECOND);
    assert_eq!((counters.units_undecodable, counters.video_units_dropped), (0, 0));
    for (at_us, picture) in pictures[2..].iter().step_by(15) {
        assert_upright(picture, &format!("at {at_us}"));
    }
}
