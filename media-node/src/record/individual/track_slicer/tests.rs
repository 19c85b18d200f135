use std::sync::Arc;

use protocol::TrackKind;

use super::super::pictures::PictureCoding;
use super::super::transcode::TranscodeError;
use super::{TrackError, TrackSlicer};
use crate::container::to_ticks;
use crate::mix::testing::loudness;
use crate::record::slicer::Slicer;
use crate::record::testing::{
    Coded, DirSink, audio, coded_he_aac, coded_in_matroska, coded_mpeg, coded_opus, coded_pictures, complaints,
    file_names, packets, shifted, video,
};
use crate::spool::{PlaylistKey, Slice};
use crate::stream::{AccessUnit, Clock, Format};

const SECOND: i64 = 1_000_000;
const AAC_FRAME: f64 = 1024.0 * 90_000.0 / 48_000.0;

fn opus(seconds: u32) -> Coded {
    crate::media::init().unwrap();
    coded_opus(
        &format!("sine=frequency=440:sample_rate=48000:duration={seconds}"),
        &["-ac", "2"],
    )
}

fn sound(sink: &Arc<DirSink>) -> TrackSlicer<DirSink> {
    track(sink, TrackKind::Audio)
}

fn track(sink: &Arc<DirSink>, track: TrackKind) -> TrackSlicer<DirSink> {
    let key = PlaylistKey { uid: "1".into(), track };
    let names = file_names().user("1", track);
    let slicer = Slicer::new(sink.clone(), Clock::new(1_700_000_000_000), names, key);
    TrackSlicer::new(slicer, PictureCoding::default())
}

fn take(sound: &mut TrackSlicer<DirSink>, units: &[AccessUnit]) {
    for unit in units {
        sound.unit(unit).unwrap();
    }
}

/// All slices decode without a complaint. Times of their frames, in ticks.
fn frames(sink: &DirSink, slices: &[Slice]) -> Vec<i64> {
    assert_eq!(complaints(&sink.playlist(slices)), "");
    slices
        .iter()
        .flat_map(|slice| packets(&sink.path(slice)))
        .map(|packet| packet.pts)
        .collect()
}

fn whole(frames: &[i64]) -> bool {
    frames
        .windows(2)
        .all(|pair| ((pair[1] - pair[0]) as f64 - AAC_FRAME).abs() <= 2.0)
}

#[test]
fn opus_is_recorded_as_aac_in_slices_that_join() {
    let (sink, coded) = (Arc::new(DirSink::new()), opus(33));
    let mut sound = sound(&sink);
    sound.format(coded.format.clone()).unwrap();
    take(&mut sound, &shifted(&coded.units, 5 * SECOND));
    sound.interrupt(0).unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    assert_eq!(slices.iter().filter(|slice| slice.discontinuity).count(), 1);
    let frames = frames(&sink, &slices);
    assert!(whole(&frames));
    let sent = to_ticks(coded.units[0].pts_us + 5 * SECOND);
    assert!(
        ((sent - frames[0]) as f64 - AAC_FRAME).abs() <= 2.0,
        "the run-up is in front"
    );
    let end = to_ticks(coded.units.last().unwrap().pts_us + 5 * SECOND + 20_000);
    let beyond = frames.last().unwrap() + AAC_FRAME as i64 - end;
    assert!((-2..=AAC_FRAME as i64).contains(&beyond), "{beyond}");
}

/// The tone of a slice, decoded to 48 kHz: how loud it is beside all that is not it, and how many seconds it lasts.
fn heard(path: &std::path::Path, pitch: f32) -> (f32, f64) {
    let raw = ["-ac", "1", "-ar", "48000", "-f", "f32le", "-"];
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(raw)
        .output();
    let bytes = output.unwrap().stdout;
    let samples: Vec<f32> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    (loudness(middle, pitch), samples.len() as f64 / 48_000.0)
}

#[test]
fn he_aac_is_copied_with_its_rate_its_channels_and_its_length() {
    crate::media::init().unwrap();
    let explicit: &[u8] = &[0x2b, 0x11, 0x88, 0x00];
    let (implicit, mono): (&[u8], &[u8]) = (&[0x13, 0x10], &[0xeb, 0x09, 0x88, 0x00]);
    for (name, config, channels) in [
        ("he-aac.aac", explicit, 2),
        ("he-aac.aac", implicit, 2),
        ("hev2-aac.aac", mono, 1),
        ("hev2-aac.aac", &[0x13, 0x08], 1),
    ] {
        let (sink, coded) = (Arc::new(DirSink::new()), coded_he_aac(name, config, channels));
        let mut sound = sound(&sink);
        sound.format(coded.format.clone()).unwrap();
        take(&mut sound, &shifted(&coded.units, 5 * SECOND));
        sound.interrupt(0).unwrap();
        let [slice] = &sink.slices()[..] else {
            panic!("{:?}", sink.slices())
        };
        assert_eq!(complaints(&sink.playlist(std::slice::from_ref(slice))), "", "{name}");
        assert!(
            (slice.duration_us - 3_840_000).abs() < 1_000,
            "{name}: {}",
            slice.duration_us
        );
        let (tone, seconds) = heard(&sink.path(slice), 3_000.0);
        assert!(tone > 0.1 && (seconds - 3.84).abs() < 0.001, "{name}: {tone} {seconds}");
    }
}

#[test]
fn mp3_is_copied_and_what_no_container_carries_is_not() {
    crate::media::init().unwrap();
    let tone = "sine=frequency=440:sample_rate=44100:duration=20";
    for (options, codec) in [
        (&["-c:a", "libmp3lame", "-b:a", "96k"][..], "mp3"),
        (&["-c:a", "mp2", "-b:a", "128k"], "aac"),
    ] {
        let (sink, coded) = (Arc::new(DirSink::new()), coded_mpeg(tone, options));
        let mut sound = sound(&sink);
        sound.format(coded.format.clone()).unwrap();
        take(&mut sound, &coded.units);
        sound.interrupt(0).unwrap();
        let slices = sink.slices();
        assert_eq!(slices.len(), 2, "{codec}");
        assert_eq!(complaints(&sink.playlist(&slices)), "", "{codec}");
        let length_us: i64 = slices.iter().map(|slice| slice.duration_us).sum();
        assert!((length_us - 20_000_000).abs() < 60_000, "{codec}: {length_us}");
        for slice in &slices {
            let probe = std::process::Command::new("ffprobe")
                .args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"])
                .arg(sink.path(slice))
                .output();
            assert_eq!(
                String::from_utf8_lossy(&probe.unwrap().stdout).lines().next(),
                Some(codec)
            );
            let (tone, seconds) = heard(&sink.path(slice), 440.0);
            let told = slice.duration_us as f64 / 1e6;
            assert!(
                tone > 0.05 && (seconds - told).abs() < 0.06,
                "{codec}: {tone}, {seconds} of {told}"
            );
        }
    }
}

#[test]
fn aac_that_adts_cannot_describe_becomes_plain_aac() {
    crate::media::init().unwrap();
    // Four channels, which only a program configuration can tell.
    let tone = "sine=frequency=440:sample_rate=48000:duration=5,aformat=channel_layouts=quad";
    let (sink, coded) = (Arc::new(DirSink::new()), coded_in_matroska(tone, &["-c:a", "aac"]));
    let mut sound = sound(&sink);
    assert!(matches!(&coded.format, Format::Aac(aac) if aac.channels == 4));
    sound.format(coded.format.clone()).unwrap();
    take(&mut sound, &shifted(&coded.units, 5 * SECOND));
    sound.interrupt(0).unwrap();
    let slices = sink.slices();
    assert!(whole(&frames(&sink, &slices)));
    let (tone, _) = heard(&sink.path(&slices[0]), 440.0);
    assert!(tone > 0.05, "{tone}");
}

#[test]
fn a_pause_is_filled_and_a_longer_one_is_not() {
    let (sink, coded) = (Arc::new(DirSink::new()), opus(3));
    let mut sound = sound(&sink);
    sound.format(coded.format.clone()).unwrap();
    take(&mut sound, &coded.units);
    // Eight seconds of silence, then eleven.
    take(&mut sound, &shifted(&coded.units, 11 * SECOND));
    sound.tick(20 * SECOND).unwrap();
    assert_eq!(sink.slices().len(), 0, "one slice, and it is open");
    take(&mut sound, &shifted(&coded.units, 25 * SECOND));
    sound.interrupt(0).unwrap();
    let slices = sink.slices();
    assert_eq!(
        slices.iter().map(|slice| slice.discontinuity).collect::<Vec<_>>(),
        [true, true]
    );
    let frames = frames(&sink, &slices);
    let break_at = frames.windows(2).position(|pair| pair[1] - pair[0] > 90_000).unwrap();
    assert!(whole(&frames[..=break_at]) && whole(&frames[break_at + 1..]));
    assert!(frames[break_at] - frames[0] > 13 * 90_000);
    assert!((frames[break_at + 1] - to_ticks(25 * SECOND)).abs() < 3 * 90_000 / 100);
}

#[test]
fn what_fell_silent_is_written_in_time() {
    let (sink, coded) = (Arc::new(DirSink::new()), opus(3));
    let mut sound = sound(&sink);
    sound.format(coded.format.clone()).unwrap();
    take(&mut sound, &coded.units);
    sound.tick(14 * SECOND).unwrap();
    sound.tick(19 * SECOND).unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 1);
    assert!(slices[0].duration_us >= 3 * SECOND, "{}", slices[0].duration_us);
}

#[test]
fn a_stream_that_comes_back_goes_on_where_time_is() {
    let (sink, coded) = (Arc::new(DirSink::new()), opus(3));
    let mut sound = sound(&sink);
    for piece in 0..3 {
        sound.format(coded.format.clone()).unwrap();
        // The run-up of a piece lies where the one before still sounds.
        take(&mut sound, &shifted(&coded.units, piece * (3 * SECOND + 8_000)));
        if piece == 1 {
            sound.interrupt(0).unwrap();
        }
    }
    sound.interrupt(0).unwrap();
    let frames = frames(&sink, &sink.slices());
    assert!(
        frames.windows(2).all(|pair| pair[1] - pair[0] >= AAC_FRAME as i64 - 1),
        "no time is used twice"
    );
    assert!(
        frames.windows(2).all(|pair| pair[1] - pair[0] <= 2 * AAC_FRAME as i64),
        "none is left out"
    );
}

#[test]
fn codecs_may_change() {
    let (sink, coded, aac) = (Arc::new(DirSink::new()), opus(3), audio());
    let mut sound = sound(&sink);
    sound.format(aac.format.clone()).unwrap();
    take(&mut sound, &aac.units[..100]);
    sound.format(coded.format.clone()).unwrap();
    take(&mut sound, &shifted(&coded.units, 10 * SECOND));
    sound.format(aac.format.clone()).unwrap();
    take(&mut sound, &shifted(&aac.units[..100], 20 * SECOND));
    sound.interrupt(0).unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    let frames = frames(&sink, &slices);
    let opus_frames = coded.units.len() * 960 / 1024 + 1;
    assert!(
        (200 + opus_frames..=202 + opus_frames).contains(&frames.len()),
        "{}",
        frames.len()
    );
}

#[test]
fn without_an_encoder_opus_is_not_recorded_and_aac_is() {
    let (sink, coded, aac) = (Arc::new(DirSink::new()), opus(1), audio());
    let mut sound = sound(&sink).with_encoder("no_such_encoder");
    sound.format(coded.format.clone()).unwrap();
    let told = sound.unit(&coded.units[0]);
    assert!(
        matches!(told, Err(TrackError::Transcode(TranscodeError::Encode(_)))),
        "{told:?}"
    );
    sound.interrupt(0).unwrap();
    assert_eq!(sink.slices().len(), 0);
    let Format::Aac(_) = aac.format else { panic!("AAC") };
    sound.format(aac.format.clone()).unwrap();
    take(&mut sound, &aac.units[..10]);
    sound.interrupt(0).unwrap();
    assert_eq!(sink.slices().len(), 1);
}

#[test]
fn motion_jpeg_is_recorded_as_h264_each_picture_at_its_time() {
    let coded = coded_pictures("matroska", &["-c:v", "mjpeg", "-huffman", "default", "-q:v", "5"], 34);
    let sink = Arc::new(DirSink::new());
    let mut pictures = track(&sink, TrackKind::Video);
    pictures.format(coded.format.clone()).unwrap();
    take(&mut pictures, &shifted(&coded.units, 5 * SECOND));
    pictures.interrupt(0).unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    assert!(slices.iter().all(|slice| slice.name.ends_with(".ts")));
    let sent: Vec<_> = coded
        .units
        .iter()
        .map(|unit| to_ticks(unit.pts_us + 5 * SECOND))
        .collect();
    assert_eq!(frames(&sink, &slices), sent);
    assert!(slices.iter().all(|slice| packets(&sink.path(slice))[0].keyframe));
}

#[test]
fn a_few_pictures_of_motion_jpeg_are_recorded_too() {
    let coded = coded_pictures("matroska", &["-c:v", "mjpeg", "-huffman", "default", "-q:v", "5"], 1);
    let sink = Arc::new(DirSink::new());
    let mut pictures = track(&sink, TrackKind::Video);
    pictures.format(coded.format.clone()).unwrap();
    take(&mut pictures, &coded.units[..3]);
    // Another codec follows before the encoder has given anything.
    pictures.format(video().format.clone()).unwrap();
    take(&mut pictures, &shifted(&video().units[..50], SECOND));
    pictures.interrupt(0).unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 2);
    assert_eq!(frames(&sink, &slices).len(), 53);
}
