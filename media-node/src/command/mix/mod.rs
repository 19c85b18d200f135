//! `media-node mix`: mixes files into one, with the code that mixes a live channel.

mod files;
mod writer;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use protocol::{
    AudioProfile, Colour, CustomRegion, Fill, Layout, MixOutput, Scene, SecretUrl, StreamKind, StreamName, StreamTypes,
    Subscription, Tiles as StreamTiles,
};
use serde::Deserialize;

use super::args::EncoderArgs;
use crate::media::decode_image;
use crate::mix::{Change, Settings};
use crate::text::Fonts;
use files::{FileMix, FileUser};
use writer::Writer;

/// Mixes files as users of one channel.
#[derive(Args, Debug)]
pub(super) struct MixArgs {
    /// A user's file, as `[UID[/STREAM]=]FILE[@JOIN[-LEAVE]]`, times in seconds. Without a uid, the number of the input. STREAM is
    /// `screen` or `whiteboard`, for pictures beside those of the user's camera.
    #[arg(long = "input", required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// `out.ts`, or `out.mp4`.
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value = "640x360")]
    size: String,
    #[arg(long, default_value_t = 15)]
    fps: u32,
    /// The video's bitrate in kb/s.
    #[arg(long, default_value_t = 500)]
    bitrate: u32,
    #[arg(long, value_enum, default_value_t)]
    layout: LayoutName,
    /// The large user of the vertical layout, and of the one with a master.
    #[arg(long)]
    large: Option<String>,
    /// A region of the custom layout: `[UID]:X,Y,WIDTH,HEIGHT[,ALPHA[,crop|fit|stretch]]`, fractions of the canvas.
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

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LayoutName {
    #[default]
    Floating,
    BestFit,
    Vertical,
    Custom,
    Even,
    Master,
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

/// Mixes the files and prints what the mixer did.
pub(super) fn run(args: &MixArgs) -> Result<(), String> {
    let (settings, scene, users) = parse(args)?;
    let mut writer = Writer::new(&args.out)?;
    let mut changes = images(&scene, &settings.output)?;
    if let Some(path) = &args.changes {
        changes.extend(read_changes(path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    changes.extend(fonts(&scene, &changes));
    let mix = FileMix::open(&settings, scene, changes, users).map_err(|error| error.to_string())?;
    let counters = mix.run(|mixer, output| writer.write(mixer, output))?;
    writer.finish()?;
    println!(
        "{}",
        serde_json::to_string(&counters).map_err(|error| error.to_string())?
    );
    Ok(())
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
        in_order: false,
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
            large_speaker: false,
        },
        LayoutName::Even => Layout::Even { tiles: tiles() },
        LayoutName::Master => Layout::Master {
            large_uid: args.large.clone(),
            large_stream: None,
            tiles: tiles(),
        },
        LayoutName::Custom => Layout::Custom {
            regions: args.regions.iter().map(|text| region(text)).collect::<Result<_, _>>()?,
        },
    };
    let name = |path: &PathBuf| path.to_string_lossy().into_owned().into();
    let scene = Scene {
        version: 1,
        layout,
        background: colour(&args.background)?,
        background_image: args.background_image.as_ref().map(name),
        user_image: args.user_image.as_ref().map(name),
        user_images: Vec::new(),
        texts: Vec::new(),
    };
    let users = args
        .inputs
        .iter()
        .enumerate()
        .map(|(index, text)| user(index, text))
        .collect::<Result<_, _>>()?;
    Ok((args.encoder.options()?.settings(output, types, 0), scene, users))
}

/// The fonts, if any of the scenes has texts.
fn fonts(scene: &Scene, changes: &[(i64, Change)]) -> Option<(i64, Change)> {
    let later = changes
        .iter()
        .any(|(_, change)| matches!(change, Change::Scene(scene) if !scene.texts.is_empty()));
    (later || !scene.texts.is_empty()).then(|| (0, Change::Fonts(Fonts::of_machine())))
}

/// The scene's images, which are there from the start.
fn images(scene: &Scene, output: &MixOutput) -> Result<Vec<(i64, Change)>, String> {
    let paths = [&scene.background_image, &scene.user_image].into_iter().flatten();
    let read = |url: &SecretUrl| {
        let path = url.expose();
        let data = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let picture = decode_image(&data, output.width, output.height).map_err(|error| format!("{path}: {error}"))?;
        Ok((
            0,
            Change::Image {
                url: url.clone(),
                picture,
            },
        ))
    };
    paths.map(read).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimedChange {
    /// The time in seconds.
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

/// Every stream, screens first.
fn tiles() -> StreamTiles {
    StreamTiles {
        most: 16,
        fill: Fill::Fit,
        order: vec![StreamKind::Screen, StreamKind::Camera, StreamKind::Whiteboard],
    }
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
    let (uid, stream) = match uid.and_then(|uid| uid.split_once('/')) {
        Some((uid, name)) => (Some(uid), stream(name)?),
        None => (uid, StreamKind::Camera),
    };
    Ok(FileUser {
        uid: uid.map_or_else(|| (index + 1).to_string(), str::to_owned),
        stream,
        path: path.into(),
        join_us: (join * 1e6) as i64,
        leave_us: leave.map(|leave| (leave * 1e6) as i64),
    })
}

fn stream(name: &str) -> Result<StreamKind, String> {
    let found = StreamKind::ALL
        .into_iter()
        .find(|kind| StreamName::from(*kind).as_str() == name);
    found.ok_or_else(|| format!("--input: {name} is none of camera, screen and whiteboard"))
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
        stream: None,
        x: number(x)?,
        y: number(y)?,
        width: number(width)?,
        height: number(height)?,
        alpha: more.first().map_or(Ok(1.0), |alpha| number(alpha))?,
        fill: match more.get(1) {
            Some(&"fit") => Fill::Fit,
            Some(&"stretch") => Fill::Stretch,
            _ => Fill::Crop,
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

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{text} is not a number"))
}
