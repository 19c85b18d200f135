//! `media-node mix`: mixes files into one, with the code that mixes a live channel.

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use protocol::{AudioProfile, Colour, CustomRegion, Fill, Layout, MixOutput, Scene, StreamTypes, Subscription};
use serde::Deserialize;

use crate::capture::{AccessUnit, Format};
use crate::container;
use crate::media::{Mp4Muxer, MuxedTrack, TsMuxer, TsUnit, VideoEncoderChoice, decode_image, move_index_to_front};
use crate::record::mix::files::{FileMix, FileUser};
use crate::record::mix::{Change, Mixer, Output, Settings};

/// Mixes files as users of one channel.
#[derive(Args, Debug)]
pub(super) struct MixArgs {
    /// A user's file, as `[UID=]FILE[@JOIN[-LEAVE]]`, times in seconds. Without a uid, the number of the input.
    #[arg(long = "input", required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// `out.ts`, or `out.mp4`.
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value = "640x360")]
    size: String,
    #[arg(long, default_value_t = 15)]
    fps: u32,
    /// In kb/s.
    #[arg(long, default_value_t = 500)]
    bitrate: u32,
    #[arg(long, value_enum, default_value_t)]
    layout: LayoutName,
    /// The large user of the vertical layout.
    #[arg(long)]
    large: Option<String>,
    /// A region of the custom layout: `[UID]:X,Y,WIDTH,HEIGHT[,ALPHA[,crop|fit]]`, fractions of the canvas.
    #[arg(long = "region")]
    regions: Vec<String>,
    /// A JPEG or BMP file behind all regions.
    #[arg(long, value_name = "FILE")]
    background_image: Option<PathBuf>,
    /// A JPEG or BMP file in the region of each user without video.
    #[arg(long, value_name = "FILE")]
    user_image: Option<PathBuf>,
    /// A file of JSON lines, each a scene or a subscription as the edge sends them, with its time in seconds:
    /// `{"at": 5, "scene": {"layout": {"type": "best_fit"}, "background": {"r": 0, "g": 0, "b": 0}}}`.
    #[arg(long, value_name = "FILE")]
    changes: Option<PathBuf>,
    /// `#RRGGBB`.
    #[arg(long, default_value = "#000000")]
    background: String,
    #[arg(long, value_enum, default_value_t)]
    audio: AudioName,
    /// Which tracks are mixed.
    #[arg(long, value_enum, default_value_t)]
    tracks: Tracks,
    #[command(flatten)]
    encoder: EncoderArgs,
}

/// The encoders of mixed recordings.
#[derive(Args, Clone, Debug)]
pub(super) struct EncoderArgs {
    /// FFmpeg's name of an H.264 encoder.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER", default_value = "libx264")]
    video_encoder: String,
    /// Options of the encoder in FFmpeg's words, `name=value` with colons between them. Default for libx264:
    /// `preset=veryfast`.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER_OPTIONS")]
    video_encoder_options: Option<String>,
    /// Threads of the video encoder; with two it works beside the decoders.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER_THREADS", default_value_t = 2)]
    video_encoder_threads: usize,
    /// Threads that decode and scale, for channels with several users.
    #[arg(long = "mix-threads", env = "TAPEDECK_MIX_THREADS", default_value_t = 2)]
    workers: usize,
    /// FFmpeg's name of an AAC encoder.
    #[arg(long, env = "TAPEDECK_AUDIO_ENCODER", default_value = "aac")]
    audio_encoder: String,
    /// How long to wait for late packets, in milliseconds.
    #[arg(long, env = "TAPEDECK_JITTER_MS", default_value_t = 500)]
    jitter_ms: u32,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LayoutName {
    #[default]
    Floating,
    BestFit,
    Vertical,
    Custom,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AudioName {
    #[default]
    Mono48,
    Mono128,
    Stereo192,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Tracks {
    Audio,
    Video,
    #[default]
    Both,
}

impl EncoderArgs {
    /// The settings of a mixer with these encoders.
    pub(super) fn settings(&self, output: MixOutput, types: StreamTypes, start_us: i64) -> Result<Settings, String> {
        let options = match &self.video_encoder_options {
            Some(options) => options
                .split(':')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect::<Result<_, _>>()?,
            None if self.video_encoder == "libx264" => VideoEncoderChoice::default().options,
            None => Vec::new(),
        };
        Ok(Settings {
            output,
            types,
            start_us,
            jitter_us: i64::from(self.jitter_ms) * 1000,
            video_encoder: VideoEncoderChoice {
                name: self.video_encoder.clone(),
                threads: self.video_encoder_threads,
                options,
            },
            audio_encoder: self.audio_encoder.clone(),
            workers: self.workers.max(1),
        })
    }
}

/// Mixes the files and prints what the mixer did.
pub(super) fn run(args: &MixArgs) -> Result<(), String> {
    let (settings, scene, users) = parse(args)?;
    let mut writer = Writer::new(&args.out)?;
    let mut changes = images(&scene)?;
    if let Some(path) = &args.changes {
        changes.extend(read_changes(path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let mix = FileMix::open(&settings, scene, changes, users).map_err(|error| error.to_string())?;
    let counters = mix.run(|mixer, output| writer.write(mixer, output))?;
    writer.finish()?;
    println!(
        "{}",
        serde_json::to_string(&counters).map_err(|error| error.to_string())?
    );
    Ok(())
}

/// Creates the file when the formats of all its tracks are known.
struct Writer {
    path: PathBuf,
    mp4: bool,
    file: Option<OutputFile>,
    audio_track: usize,
    waiting: Vec<Output>,
}

enum OutputFile {
    Ts(TsMuxer, BufWriter<File>),
    Mp4(Mp4Muxer),
}

impl OutputFile {
    fn write(&mut self, track: usize, unit: &AccessUnit) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Ts(muxer, file) => {
                let (pts, dts) = (container::to_ticks(unit.pts_us), container::to_ticks(unit.dts_us));
                let unit = TsUnit {
                    track,
                    pts,
                    dts,
                    data: &unit.data,
                    keyframe: unit.keyframe,
                };
                file.write_all(&muxer.write(unit)?)?;
            }
            Self::Mp4(muxer) => muxer.write(track, unit)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Ts(mut muxer, mut file) => {
                file.write_all(&muxer.flush()?)?;
                file.flush()?;
            }
            Self::Mp4(muxer) => muxer.finish()?,
        }
        Ok(())
    }
}

impl Writer {
    fn new(path: &Path) -> Result<Self, String> {
        let mp4 = match path.extension().and_then(|extension| extension.to_str()) {
            Some("ts") => false,
            Some("mp4") => true,
            _ => return Err("--out must end in .ts or .mp4".to_owned()),
        };
        Ok(Self {
            path: path.to_owned(),
            mp4,
            file: None,
            audio_track: 0,
            waiting: Vec::new(),
        })
    }

    fn write(&mut self, mixer: &Mixer, output: Output) -> Result<(), String> {
        self.waiting.push(output);
        if self.file.is_none() {
            let Some(tracks) = mixer.tracks() else { return Ok(()) };
            self.audio_track = tracks.len() - 1;
            self.file = Some(self.create(&tracks)?);
        }
        for output in std::mem::take(&mut self.waiting) {
            let track = if matches!(output, Output::Video(_)) {
                0
            } else {
                self.audio_track
            };
            let written = self
                .file
                .as_mut()
                .map_or(Ok(()), |file| file.write(track, output.unit()));
            written.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn create(&self, tracks: &[MuxedTrack]) -> Result<OutputFile, String> {
        if self.mp4 {
            let muxer = Mp4Muxer::create(&self.partial(), tracks, 0).map_err(|error| self.failed(error))?;
            return Ok(OutputFile::Mp4(muxer));
        }
        let formats: Vec<Format> = tracks.iter().map(|track| track.format.clone()).collect();
        let muxer = TsMuxer::new(&formats).map_err(|error| self.failed(error))?;
        let file = File::create(&self.path).map_err(|error| self.failed(error))?;
        Ok(OutputFile::Ts(muxer, BufWriter::new(file)))
    }

    /// Where an MP4 recording stands until it is finished.
    fn partial(&self) -> PathBuf {
        self.path.with_extension("mp4.part")
    }

    fn finish(mut self) -> Result<(), String> {
        let file = self.file.take().ok_or_else(|| self.failed("nothing could be mixed"))?;
        file.finish().map_err(|error| self.failed(error))?;
        if self.mp4 {
            move_index_to_front(&self.partial(), &self.path).map_err(|error| self.failed(error))?;
            std::fs::remove_file(self.partial()).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn failed(&self, error: impl Display) -> String {
        format!("{}: {error}", self.path.display())
    }
}

fn parse(args: &MixArgs) -> Result<(Settings, Scene, Vec<FileUser>), String> {
    let (width, height) = args.size.split_once('x').ok_or("--size must be WIDTHxHEIGHT")?;
    let output = MixOutput {
        width: number(width)?,
        height: number(height)?,
        fps: args.fps,
        bitrate_kbps: args.bitrate,
        audio: match args.audio {
            AudioName::Mono48 => AudioProfile::Mono48,
            AudioName::Mono128 => AudioProfile::Mono128,
            AudioName::Stereo192 => AudioProfile::Stereo192,
        },
    };
    let types = match args.tracks {
        Tracks::Audio => StreamTypes::Audio,
        Tracks::Video => StreamTypes::Video,
        Tracks::Both => StreamTypes::Both,
    };
    let layout = match args.layout {
        LayoutName::Floating => Layout::Floating,
        LayoutName::BestFit => Layout::BestFit,
        LayoutName::Vertical => Layout::Vertical {
            large_uid: args.large.clone(),
        },
        LayoutName::Custom => Layout::Custom {
            regions: args.regions.iter().map(|text| region(text)).collect::<Result<_, _>>()?,
        },
    };
    let name = |path: &PathBuf| path.to_string_lossy().into_owned();
    let scene = Scene {
        version: 1,
        layout,
        background: colour(&args.background)?,
        background_image: args.background_image.as_ref().map(name),
        user_image: args.user_image.as_ref().map(name),
        user_images: Vec::new(),
    };
    let users = args
        .inputs
        .iter()
        .enumerate()
        .map(|(index, text)| user(index, text))
        .collect::<Result<_, _>>()?;
    Ok((args.encoder.settings(output, types, 0)?, scene, users))
}

/// The scene's images, which are there from the start.
fn images(scene: &Scene) -> Result<Vec<(i64, Change)>, String> {
    let paths = [&scene.background_image, &scene.user_image].into_iter().flatten();
    let read = |path: &String| {
        let data = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let picture = decode_image(&data).map_err(|error| format!("{path}: {error}"))?;
        Ok((
            0,
            Change::Image {
                url: path.clone(),
                picture,
            },
        ))
    };
    paths.map(read).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimedChange {
    /// In seconds.
    at: f64,
    scene: Option<Scene>,
    subscription: Option<Subscription>,
}

fn read_changes(path: &Path) -> Result<Vec<(i64, Change)>, Box<dyn Error>> {
    let mut changes = Vec::new();
    for line in std::fs::read_to_string(path)?
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        let TimedChange {
            at,
            scene,
            subscription,
        } = serde_json::from_str(line)?;
        let at_us = (at * 1e6) as i64;
        changes.extend(scene.map(|scene| (at_us, Change::Scene(scene))));
        changes.extend(subscription.map(|subscription| (at_us, Change::Subscription(subscription))));
    }
    Ok(changes)
}

fn user(index: usize, text: &str) -> Result<FileUser, String> {
    let (uid, rest) = text
        .split_once('=')
        .map_or((None, text), |(uid, rest)| (Some(uid), rest));
    let (path, times) = rest
        .split_once('@')
        .map_or((rest, None), |(path, times)| (path, Some(times)));
    let (join, leave) = match times.map(|times| times.split_once('-').unwrap_or((times, ""))) {
        Some((join, "")) => (number::<f64>(join)?, None),
        Some((join, leave)) => (number(join)?, Some(number::<f64>(leave)?)),
        None => (0.0, None),
    };
    Ok(FileUser {
        uid: uid.map_or_else(|| (index + 1).to_string(), str::to_owned),
        path: path.into(),
        join_us: (join * 1e6) as i64,
        leave_us: leave.map(|leave| (leave * 1e6) as i64),
    })
}

fn region(text: &str) -> Result<CustomRegion, String> {
    let (uid, rest) = text
        .split_once(':')
        .ok_or_else(|| format!("--region {text}: no colon behind the uid"))?;
    let parts: Vec<&str> = rest.split(',').collect();
    let [x, y, width, height, more @ ..] = parts.as_slice() else {
        return Err(format!("--region {text}: needs x, y, width and height"));
    };
    Ok(CustomRegion {
        uid: (!uid.is_empty()).then(|| uid.to_owned()),
        x: number(x)?,
        y: number(y)?,
        width: number(width)?,
        height: number(height)?,
        alpha: more.first().map_or(Ok(1.0), |alpha| number(alpha))?,
        fill: if more.get(1) == Some(&"fit") {
            Fill::Fit
        } else {
            Fill::Crop
        },
    })
}

fn colour(text: &str) -> Result<Colour, String> {
    let bad = || format!("--background {text}: not #RRGGBB");
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6)
        .ok_or_else(bad)?;
    let value = u32::from_str_radix(digits, 16).map_err(|_| bad())?;
    let [_, r, g, b] = value.to_be_bytes();
    Ok(Colour { r, g, b })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("encoder option {text}: no value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{text} is not a number"))
}
