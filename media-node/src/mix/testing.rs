//! Users for the tests: coded pictures of plain colours and coded tones, and what is seen and heard in the output.

use std::f32::consts::TAU;

use protocol::{
    AudioProfile, Layout, MixOutput, Scene, Selection, StreamKind, StreamTypes, Subscription, VideoQuality,
};

use super::audio::RATE;
use super::layout::Rect;
use super::paint;
pub use super::paint::{BLACK, Yuv};
use super::{Change, Mixer, Output, Settings, Shed};
use crate::media::{
    AudioCodec, AudioDecoder, AudioEncoder, Coded, Demuxer, MuxedTrack, Picture, VideoDecoder, VideoEncoder,
    VideoEncoderChoice, VideoTarget,
};
use crate::stream::{AacFormat, AccessUnit, Format, PictureLimit, Track, VideoCodec};

pub const RED: Yuv = Yuv([81, 90, 240]);
pub const GREEN: Yuv = Yuv([145, 54, 34]);
pub const BLUE: Yuv = Yuv([41, 240, 110]);
pub const WHITE: Yuv = Yuv([235, 128, 128]);
pub const YELLOW: Yuv = Yuv([210, 16, 146]);

pub fn plain(width: u32, height: u32, colour: Yuv) -> Picture {
    let mut picture = Picture::new(width, height).unwrap();
    let whole = Rect {
        x: 0,
        y: 0,
        width,
        height,
    };
    paint::fill(&mut picture, whole, whole, colour, 256);
    picture
}

/// Units at their times, as they would be captured.
pub type Timed = Vec<(Track, AccessUnit)>;

/// Pictures of 160×90 at `fps`, each of the colour that `colour` gives for its time in microseconds.
pub fn video(from_us: i64, to_us: i64, fps: u32, colour: impl Fn(i64) -> Yuv) -> Timed {
    crate::media::init().unwrap();
    let choice = VideoEncoderChoice {
        options: vec![("preset".into(), "ultrafast".into()), ("crf".into(), "20".into())],
        ..VideoEncoderChoice::default()
    };
    let target = VideoTarget {
        width: 160,
        height: 90,
        fps,
        bitrate: 300_000,
        gop: fps,
    };
    let mut encoder = VideoEncoder::new(&choice, &target).unwrap();
    let mut units = Vec::new();
    let time = |frame: i64| from_us + frame * 1_000_000 / i64::from(fps);
    let mut push = |coded: Coded| {
        let unit = AccessUnit {
            pts_us: time(coded.pts),
            dts_us: time(coded.dts),
            data: coded.data.into(),
            keyframe: coded.keyframe,
        };
        units.push((Track::Video, unit));
    };
    for frame in (0..).take_while(|frame| time(*frame) < to_us) {
        let picture = plain(160, 90, colour(time(frame)));
        encoder
            .encode(&picture, frame, frame % i64::from(fps) == 0, &mut push)
            .unwrap();
    }
    encoder.finish(&mut push).unwrap();
    units
}

/// A mono tone at 48 kHz, as loud as `level` says for each time in microseconds.
pub fn tone(from_us: i64, to_us: i64, frequency: f32, level: impl Fn(i64) -> f32) -> Timed {
    crate::media::init().unwrap();
    let mut encoder = AudioEncoder::new("aac", RATE, 1, 64_000).unwrap();
    let mut units = Vec::new();
    let time = |sample: i64| from_us + sample * 1_000_000 / i64::from(RATE);
    let mut push = |coded: Coded| {
        let pts_us = time(coded.pts);
        units.push((
            Track::Audio,
            AccessUnit {
                pts_us,
                dts_us: pts_us,
                data: coded.data.into(),
                keyframe: true,
            },
        ));
    };
    for first in (0..)
        .step_by(AudioEncoder::FRAME)
        .take_while(|first| time(*first) < to_us)
    {
        let phase = |sample: i64| (sample as f64 * f64::from(frequency) / f64::from(RATE)).fract() as f32;
        let wave = |sample: i64| (phase(sample) * TAU).sin() * level(time(sample));
        let samples = (first..).take(AudioEncoder::FRAME).map(wave).collect();
        encoder.encode(&[samples], first, &mut push).unwrap();
    }
    encoder.finish(&mut push).unwrap();
    units
}

pub fn aac_format() -> Format {
    let encoder = AudioEncoder::new("aac", RATE, 1, 64_000).unwrap();
    Format::Aac(AacFormat {
        config: encoder.config().into(),
        sample_rate: RATE,
        channels: 1,
        frame_length: 1024,
    })
}

pub fn settings(width: u32, height: u32, fps: u32) -> Settings {
    crate::media::init().unwrap();
    Settings {
        output: MixOutput {
            width,
            height,
            fps,
            bitrate_kbps: 1000,
            audio: AudioProfile::Mono128,
            in_order: false,
        },
        types: StreamTypes::Both,
        start_us: 0,
        epoch_ms: 0,
        jitter_us: 500_000,
        video_encoder: VideoEncoderChoice {
            options: vec![("preset".into(), "ultrafast".into())],
            ..VideoEncoderChoice::default()
        },
        audio_encoder: "aac".to_owned(),
        workers: 1,
        picture_limit: PictureLimit::default(),
        mp3: false,
        split: None,
    }
}

pub fn everybody() -> Subscription {
    Subscription {
        version: 0,
        types: StreamTypes::Both,
        audio: Selection::All,
        video: Selection::All,
        quality: VideoQuality::High,
    }
}

pub fn scene(layout: Layout) -> Scene {
    Scene {
        layout,
        ..Scene::default()
    }
}

/// What the mixer is told in a test, in any order.
#[derive(Default)]
pub struct Script {
    pub changes: Vec<(i64, Change)>,
    pub units: Vec<(String, Track, AccessUnit)>,
    /// Of streams that may have places of their own.
    pub streams: Vec<(String, StreamKind, AccessUnit)>,
    pub shed: Shed,
}

impl Script {
    pub fn join(&mut self, at_us: i64, uid: &str) {
        self.changes.push((at_us, Change::Join { uid: uid.to_owned() }));
    }

    pub fn leave(&mut self, at_us: i64, uid: &str) {
        self.changes.push((at_us, Change::Leave { uid: uid.to_owned() }));
    }

    pub fn send(&mut self, uid: &str, units: Timed) {
        self.units
            .extend(units.into_iter().map(|(track, unit)| (uid.to_owned(), track, unit)));
    }

    /// Which streams the user publishes from a time on.
    pub fn publish(&mut self, at_us: i64, uid: &str, streams: &[StreamKind]) {
        let (uid, streams) = (uid.to_owned(), streams.iter().copied().collect());
        self.changes.push((at_us, Change::Streams { uid, streams }));
    }

    pub fn send_stream(&mut self, uid: &str, stream: StreamKind, units: Timed) {
        let units = units.into_iter().map(|(_, unit)| (uid.to_owned(), stream, unit));
        self.streams.extend(units);
    }

    /// Feeds everything in the order of decoding times, `step_us` of media at a time.
    pub fn play(mut self, mixer: &mut Mixer, end_us: i64, step_us: i64) -> Vec<Output> {
        let format = aac_format();
        for (uid, ..) in &self.units {
            mixer.format(uid, &format);
        }
        for (at_us, change) in self.changes {
            mixer.change(at_us, change);
        }
        self.units.sort_by_key(|(.., unit)| unit.dts_us);
        let mut units = self.units.into_iter().peekable();
        self.streams.sort_by_key(|(.., unit)| unit.dts_us);
        let mut streams = self.streams.into_iter().peekable();
        let mut output = Vec::new();
        for now_us in (0..end_us).step_by(step_us as usize) {
            while let Some((uid, track, unit)) = units.next_if(|(.., unit)| unit.dts_us <= now_us) {
                mixer.unit(&uid, track, unit);
            }
            while let Some((uid, stream, unit)) = streams.next_if(|(.., unit)| unit.dts_us <= now_us) {
                mixer.stream_unit(&uid, stream, unit);
            }
            mixer.advance(now_us, self.shed, |made| output.push(made)).unwrap();
        }
        for (uid, track, unit) in units {
            mixer.unit(&uid, track, unit);
        }
        for (uid, stream, unit) in streams {
            mixer.stream_unit(&uid, stream, unit);
        }
        mixer.finish(end_us, |made| output.push(made)).unwrap();
        output
    }
}

/// The pictures of a recording with their times.
pub fn pictures(output: &[Output]) -> Vec<(i64, Picture)> {
    let mut decoder = VideoDecoder::new(VideoCodec::H264, PictureLimit::default()).unwrap();
    let mut pictures = Vec::new();
    for made in output {
        if let Output::Video(unit) = made {
            let mut keep = |picture, pts_us| pictures.push((pts_us, picture));
            decoder.decode(&unit.data, unit.pts_us, unit.dts_us, &mut keep).unwrap();
        }
    }
    decoder
        .finish(|picture, pts_us| pictures.push((pts_us, picture)))
        .unwrap();
    pictures
}

/// The first channel's samples of a recording, from its start.
pub fn samples(tracks: &[MuxedTrack], output: &[Output]) -> Vec<f32> {
    let Some(Format::Aac(aac)) = tracks.iter().map(|track| track.format.clone()).next_back() else {
        panic!()
    };
    let mut decoder = AudioDecoder::new(&AudioCodec::Aac {
        config: aac.config.to_vec(),
    })
    .unwrap();
    let mut samples = Vec::new();
    for made in output {
        if let Output::Audio(unit) = made
            && let Some(sound) = decoder.decode(&unit.data).unwrap()
        {
            samples.extend_from_slice(sound.planar().unwrap().0);
        }
    }
    samples
}

/// The colour of a picture at a fraction of its size.
pub fn colour_at(picture: &Picture, x: f64, y: f64) -> Yuv {
    let sample = |index: usize| {
        let (width, height) = picture.plane_size(index);
        picture.plane(index).row((y * height as f64) as usize)[(x * width as f64) as usize]
    };
    Yuv([sample(0), sample(1), sample(2)])
}

pub fn alike(found: Yuv, expected: Yuv) -> bool {
    found
        .0
        .iter()
        .zip(expected.0)
        .all(|(found, expected)| found.abs_diff(expected) <= 8)
}

/// How loud a frequency is: the amplitude of its part in the samples (Goertzel's algorithm).
pub fn loudness(samples: &[f32], frequency: f32) -> f32 {
    let step = 2.0 * (TAU * frequency / RATE as f32).cos();
    let (last, before) = samples.iter().fold((0.0, 0.0), |(last, before), sample| {
        (sample + step * last - before, last)
    });
    2.0 * (last * last + before * before - step * last * before).max(0.0).sqrt() / samples.len().max(1) as f32
}

/// A tone as 48 kHz stereo Opus, by the ffmpeg program.
pub fn opus(seconds: u32, frequency: u32) -> Timed {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tone.mkv");
    let source = format!("sine=f={frequency}:r=48000:d={seconds},aformat=channel_layouts=stereo,volume=4");
    let status = std::process::Command::new("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-f", "lavfi", "-i", &source, "-c:a", "libopus",
        ])
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    let mut demuxer = Demuxer::open(&path).unwrap();
    std::iter::from_fn(|| demuxer.next_unit().unwrap()).collect()
}

/// A stream of numbers that look random and are the same each time (xorshift).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
