//! Files that are not coded alike, coded anew into one: each is the only user of a mix for as long as it lasts. The picture is as
//! large as the largest of them, and each is whole in it. One file that a customer has sent needs no mix:
//! [`crate::media::convert()`] makes MP4 of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::{
    AudioProfile, CustomRegion, Fill, Layout, MixOutput, Scene, Selection, StreamKind, StreamTypes, Subscription,
    VideoQuality,
};

use crate::media::{Demuxer, FileForm, MediaError, Mp4Brand, Mp4Muxer, move_index_to_front};
use crate::mix::{Change, MixError, MixOptions, Mixer, Output, Shed};

/// The largest picture, in any orientation.
const LONGEST_SIDE: f64 = 1920.0;
const MOST_PIXELS: f64 = 1920.0 * 1080.0;
const MOST_FPS: f64 = 60.0;
/// Of the bits a second that the files have on average: what is coded twice needs more to look the same.
const RATE: f64 = 1.25;
const KBPS: (f64, f64) = (64.0, 20_000.0);
/// What is made has at most so much more than the files, as the disk's room is reckoned.
const MOST_GROWTH: (u64, u64) = (3, 2);
const SLACK_BYTES: u64 = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub(super) enum RecodeError {
    #[error("file {number} cannot be read: {source}")]
    Part { number: usize, source: MediaError },
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error("{0}")]
    File(#[from] MediaError),
    #[error("what is made grows beyond {0} bytes")]
    Large(u64),
    #[error("there is nothing in the files")]
    Empty,
}

/// A file that is played, and how it is coded.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) form: FileForm,
}

/// Makes the file at `to`, with its index in front. The parts are removed as they are done with.
pub(super) fn recode(parts: &[Part], to: &Path, options: &MixOptions) -> Result<(), RecodeError> {
    let (output, types) = target(parts).ok_or(RecodeError::Empty)?;
    let settings = options.settings(output, types, 0);
    let everybody = Subscription {
        version: 0,
        types,
        audio: Selection::All,
        video: Selection::All,
        quality: VideoQuality::High,
    };
    let mut mixer = Mixer::new(&settings, whole_picture(), everybody)?;
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let mut writer = Writer {
        path: to.with_extension("making"),
        most_bytes: bytes / MOST_GROWTH.1 * MOST_GROWTH.0 + SLACK_BYTES,
        written: 0,
        waiting: Vec::new(),
        muxer: None,
    };
    let mut begin_us = 0;
    for (number, part) in (1..).zip(parts) {
        begin_us = play(&mut mixer, number, part, begin_us, &mut writer)?;
        // Its room on the disk is the others'. What cannot be removed goes with the directory.
        let _ = std::fs::remove_file(&part.path);
    }
    let mut made = Vec::new();
    mixer.finish(begin_us, |output| made.push(output))?;
    made.into_iter().try_for_each(|output| writer.write(&mixer, output))?;
    writer.finish(to)
}

/// Plays a part from `begin_us` on, and says when it has ended.
fn play(mixer: &mut Mixer, number: usize, part: &Part, begin_us: i64, writer: &mut Writer) -> Result<i64, RecodeError> {
    let unreadable = |source| RecodeError::Part { number, source };
    let mut demuxer = Demuxer::open(&part.path).map_err(unreadable)?;
    let uid = number.to_string();
    let streams = BTreeSet::from([StreamKind::Camera]);
    mixer.change(begin_us, Change::Join { uid: uid.clone() });
    mixer.change(
        begin_us,
        Change::Streams {
            uid: uid.clone(),
            streams,
        },
    );
    for (_, format) in demuxer.formats() {
        mixer.format(&uid, format);
    }
    let end_us = begin_us.saturating_add(part.form.duration_us.max(0));
    let mut made = Vec::new();
    while let Some((track, mut unit)) = demuxer.next_unit().map_err(unreadable)? {
        unit.pts_us += begin_us;
        unit.dts_us += begin_us;
        let now_us = unit.dts_us;
        mixer.unit(&uid, track, unit);
        mixer.advance(now_us, Shed::Nothing, |output| made.push(output))?;
        made.drain(..).try_for_each(|output| writer.write(mixer, output))?;
    }
    mixer.change(end_us, Change::Leave { uid });
    Ok(end_us)
}

/// What is made of the parts: their largest picture, their highest frame rate, their average bits a second.
fn target(parts: &[Part]) -> Option<(MixOutput, StreamTypes)> {
    let forms = || parts.iter().map(|part| &part.form);
    let picture = forms().filter_map(|form| form.picture).max_by_key(|(w, h)| w * h);
    let channels = forms().filter_map(|form| form.channels).max();
    let types = match (picture, channels) {
        (Some(_), Some(_)) => StreamTypes::Both,
        (Some(_), None) => StreamTypes::Video,
        (None, Some(_)) => StreamTypes::Audio,
        (None, None) => return None,
    };
    let (width, height) = picture.map_or((2, 2), within_limits);
    let fps = forms().map(|form| form.fps).fold(1.0, f64::max);
    let bits: f64 = parts.iter().map(|part| part.bytes as f64 * 8.0).sum();
    let seconds: f64 = forms().map(|form| form.duration_us as f64 / 1e6).sum();
    let kbps = bits / seconds.max(1.0) / 1_000.0 * RATE;
    let output = MixOutput {
        width,
        height,
        fps: fps.min(MOST_FPS).round() as u32,
        bitrate_kbps: kbps.clamp(KBPS.0, KBPS.1) as u32,
        audio: match channels {
            Some(2..) => AudioProfile::Stereo192,
            _ => AudioProfile::Mono128,
        },
        in_order: false,
    };
    Some((output, types))
}

fn within_limits((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = (f64::from(width.max(2)), f64::from(height.max(2)));
    let of_side = LONGEST_SIDE / width.max(height);
    let of_area = (MOST_PIXELS / (width * height)).sqrt();
    let factor = of_side.min(of_area).min(1.0);
    ((width * factor) as u32, (height * factor) as u32)
}

/// Whoever is there has the canvas alone.
fn whole_picture() -> Scene {
    let region = CustomRegion {
        uid: None,
        stream: None,
        x: 0.0,
        y: 0.0,
        width: 1.0,
        height: 1.0,
        alpha: 1.0,
        fill: Fill::Fit,
    };
    Scene {
        version: 1,
        layout: Layout::Custom { regions: vec![region] },
        ..Scene::default()
    }
}

/// Writes the file once the formats of its tracks are known.
struct Writer {
    path: PathBuf,
    most_bytes: u64,
    written: u64,
    waiting: Vec<Output>,
    /// With the place of the sound among its tracks.
    muxer: Option<(Mp4Muxer, usize)>,
}

impl Writer {
    fn write(&mut self, mixer: &Mixer, output: Output) -> Result<(), RecodeError> {
        self.written += output.unit().data.len() as u64;
        if self.written > self.most_bytes {
            return Err(RecodeError::Large(self.most_bytes));
        }
        self.waiting.push(output);
        if self.muxer.is_none() {
            let Some(tracks) = mixer.tracks() else { return Ok(()) };
            let sound = tracks.len().saturating_sub(1);
            self.muxer = Some((Mp4Muxer::create(&self.path, &tracks, 0)?, sound));
        }
        let Some((muxer, sound)) = &mut self.muxer else {
            return Ok(());
        };
        for output in self.waiting.drain(..) {
            match &output {
                Output::Video(unit) => muxer.write(0, unit)?,
                Output::Audio(unit) => muxer.write(*sound, unit)?,
                Output::Mp3(_) => {}
            }
        }
        Ok(())
    }

    fn finish(self, to: &Path) -> Result<(), RecodeError> {
        let (muxer, _) = self.muxer.ok_or(RecodeError::Empty)?;
        muxer.finish()?;
        move_index_to_front(&self.path, to, Mp4Brand::Mp4)?;
        let _ = std::fs::remove_file(&self.path);
        Ok(())
    }
}
