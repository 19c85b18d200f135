//! Individual copies of pictures that are not 4:2:0 of 8 bits, progressive, upright, of square pixels and of one size.

use super::*;
use crate::record::testing::coded_source;

/// Of libx264, a key frame each two seconds unless they say something else.
const USUAL: &str =
    "-c:v libx264 -preset ultrafast -threads 1 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced*2)";

/// Pictures of a moving pattern, so many a second, for 20 seconds.
fn pattern(size: &str, fps: u32) -> String {
    format!("testsrc2=size={size}:rate={fps}:duration=20")
}

fn coded(source: &str, options: &str) -> Coded {
    let coding: Vec<&str> = USUAL.split(' ').chain(options.split_whitespace()).collect();
    coded_source("mp4", source, &coding)
}

#[test]
fn copies_of_odd_pictures_are_decoded_from_the_beginning_of_each_slice() {
    let small = pattern("160x96", 10);
    for (what, source, options) in [
        ("an odd size", pattern("853x479", 5), "-pix_fmt yuv444p"),
        ("4:2:2", small.clone(), "-pix_fmt yuv422p"),
        ("4:4:4 of 10 bits", small.clone(), "-pix_fmt yuv444p10le"),
        ("10 bits with B-frames", small.clone(), "-pix_fmt yuv420p10le -bf 2"),
        ("full range", small.clone(), "-pix_fmt yuvj420p"),
        (
            "interlaced",
            small.clone(),
            "-pix_fmt yuv420p -flags +ildct+ilme -top 1",
        ),
        ("wide pixels", format!("{small},setsar=64/45"), "-pix_fmt yuv420p"),
        (
            "turned by metadata",
            small.clone(),
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=90",
        ),
        ("one picture a second", pattern("160x90", 1), "-pix_fmt yuv420p"),
        ("120 pictures a second", pattern("160x90", 120), "-pix_fmt yuv420p"),
    ] {
        let coded = coded(&source, options);
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, TrackKind::Video);
        feed(&mut slicer, &coded.format, &coded.units);
        slicer.interrupt().unwrap();
        let slices = sink.slices();
        assert_eq!(slices.len(), 2, "{what}");
        assert!(!slices[1].discontinuity, "{what}");
        for path in slices
            .iter()
            .map(|slice| sink.path(slice))
            .chain([sink.playlist(&slices)])
        {
            assert_eq!(complaints(&path), "", "{what}: {path:?}");
        }
        let units: usize = slices.iter().map(|slice| units_in(&sink.path(slice))).sum();
        assert_eq!(units, coded.units.len(), "{what}");
    }
}

#[test]
fn sizes_and_profiles_may_change_on_the_way_and_each_slice_is_decoded() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    let (mut at_us, mut units) = (0, 0);
    for (size, options) in [
        ("320x180", "-pix_fmt yuv420p -profile:v baseline"),
        ("640x360", "-pix_fmt yuv420p -bf 2 -profile:v high"),
        ("853x479", "-pix_fmt yuv444p10le"),
        ("160x90", "-pix_fmt yuv422p"),
    ] {
        let coded = coded(&format!("testsrc2=size={size}:rate=10:duration=3"), options);
        // What is decoded first is shown later where pictures are reordered.
        feed(&mut slicer, &coded.format, &shifted(&coded.units, at_us + 200_000));
        units += coded.units.len();
        at_us += 3_400_000;
    }
    slicer.interrupt().unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 4);
    assert!(slices.iter().all(|slice| slice.discontinuity));
    for slice in &slices {
        assert_eq!(complaints(&sink.path(slice)), "", "{}", slice.name);
    }
    let written: usize = slices.iter().map(|slice| units_in(&sink.path(slice))).sum();
    assert_eq!(written, units);
}

#[test]
fn key_frames_thirty_seconds_apart_begin_the_slices() {
    let source = "testsrc2=size=160x90:rate=5:duration=70";
    let coding = "-c:v libx264 -preset ultrafast -threads 1 -sc_threshold 0 -g 150 -pix_fmt yuv420p";
    let coded = coded_source("mp4", source, &coding.split(' ').collect::<Vec<_>>());
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &coded.format, &coded.units);
    slicer.interrupt().unwrap();
    assert_eq!(check_playlist(&sink, TrackKind::Video, 18_000), coded.units.len());
    let lengths: Vec<i64> = sink
        .slices()
        .iter()
        .map(|slice| slice.duration_us / 1_000_000)
        .collect();
    assert_eq!(lengths, [30, 30, 10]);
}
