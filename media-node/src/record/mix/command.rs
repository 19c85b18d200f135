//! `media-node mix`: mixes files into one, with the code that mixes a live channel.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use protocol::{AudioProfile, Colour, CustomRegion, Fill, Layout, MixOutput, Scene, StreamTypes};

use super::files::{FileMix, FileUser, FilesError};
use super::{Counters, Mixer, Output, Settings};
use crate::media::{Container, Muxer, VideoEncoderChoice, move_index_to_front};

/// Mixes files as users of one channel.
#[derive(Args, Debug)]
pub struct MixArgs {
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
pub struct EncoderArgs {
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

#[derive(Debug, thiserror::Error)]
pub enum MixCommandError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Mix(#[from] FilesError),
}

impl EncoderArgs {
    /// The settings of a mixer with these encoders.
    pub fn settings(&self, output: MixOutput, types: StreamTypes, start_us: i64) -> Result<Settings, String> {
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

/// Mixes the files.
pub fn run(args: &MixArgs) -> Result<Counters, MixCommandError> {
    let (settings, scene, users) = parse(args).map_err(MixCommandError::Usage)?;
    let container = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("ts") => Container::MpegTs,
        Some("mp4") => Container::FragmentedMp4,
        _ => return Err(MixCommandError::Usage("--out must end in .ts or .mp4".to_owned())),
    };
    let mut writer = Writer {
        container,
        path: args.out.clone(),
        muxer: None,
        audio_track: 0,
        waiting: Vec::new(),
    };
    if container == Container::FragmentedMp4 {
        writer.path.set_extension("mp4.part");
    }
    let mix = FileMix::open(&settings, BTreeMap::from([(0, scene)]), users)?;
    let counters = mix.run(|mixer, output| writer.write(mixer, output))?;
    writer.finish(&args.out)?;
    Ok(counters)
}

/// Creates the file when the formats of all its tracks are known.
struct Writer {
    container: Container,
    path: PathBuf,
    muxer: Option<Muxer>,
    audio_track: usize,
    waiting: Vec<Output>,
}

impl Writer {
    fn write(&mut self, mixer: &Mixer, output: Output) -> Result<(), FilesError> {
        if self.muxer.is_none() {
            let Some(tracks) = mixer.tracks() else {
                self.waiting.push(output);
                return Ok(());
            };
            self.audio_track = tracks.len() - 1;
            self.muxer = Some(self.media(Muxer::create(&self.path, self.container, &tracks))?);
        }
        for output in std::mem::take(&mut self.waiting).into_iter().chain([output]) {
            let track = if matches!(output, Output::Video(_)) {
                0
            } else {
                self.audio_track
            };
            let written = self
                .muxer
                .as_mut()
                .map_or(Ok(()), |muxer| muxer.write(track, output.unit()));
            self.media(written)?;
        }
        Ok(())
    }

    fn finish(mut self, to: &std::path::Path) -> Result<(), FilesError> {
        let finished = self.muxer.take().map_or(Ok(()), Muxer::finish);
        self.media(finished)?;
        if self.container == Container::FragmentedMp4 {
            self.media(move_index_to_front(&self.path, to))?;
            std::fs::remove_file(&self.path).ok();
        }
        Ok(())
    }

    fn media<T>(&self, result: Result<T, crate::media::MediaError>) -> Result<T, FilesError> {
        result.map_err(|source| FilesError::Output {
            path: self.path.clone(),
            source,
        })
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
    let scene = Scene {
        layout,
        background: colour(&args.background)?,
        ..Scene::default()
    };
    let users = args
        .inputs
        .iter()
        .enumerate()
        .map(|(index, text)| user(index, text))
        .collect::<Result<_, _>>()?;
    Ok((args.encoder.settings(output, types, 0)?, scene, users))
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
