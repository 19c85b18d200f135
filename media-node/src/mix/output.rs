//! The encoders of the mixed recording, each on its own grid of time that begins at the recording's start.

use protocol::{AudioProfile, MixOutput, StreamTypes};

use super::audio::RATE;
use super::compose::Composer;
use super::interleave::Interleave;
use super::interleave::Output;
use super::layout::Size;
use super::limiter::{Channels, Limiter};
use super::mp3::Mp3Output;
use super::settings::{MixOptions, Settings, Split};
use crate::media::{AudioEncoder, Coded, MediaError, MuxedTrack, VideoEncoder, VideoTarget};
use crate::stream::{AacFormat, AccessUnit, Format, H264Format};

/// So much earlier than its time a picture may be shown: no more than a viewer notices, and than late media has time for.
const MOST_AHEAD_US: i64 = 50_000;

/// Seconds from a key frame to the next.
const GOP_S: u32 = 2;

/// How much of the picture is left out because the node cannot keep up. Sound and time are never left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    #[default]
    Nothing,
    /// Every other picture.
    Half,
    /// Three of four pictures.
    ThreeQuarters,
    /// All but one picture a second, and of what users send all but key frames.
    AllButKeyFrames,
}

/// An encoder failed: the recording cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("the mix cannot be encoded: {0}")]
pub struct MixError(#[from] MediaError);

/// Opens both encoders as for a small mix.
///
/// # Errors
/// Names the encoder that this machine does not have, or the option that it does not know.
pub fn try_encoders(options: &MixOptions) -> Result<(), MixError> {
    let small = MixOutput {
        width: 640,
        height: 360,
        fps: 15,
        bitrate_kbps: 500,
        audio: AudioProfile::Mono48,
        in_order: false,
    };
    let settings = options.settings(small, StreamTypes::Both, 0);
    VideoOutput::new(&settings)?;
    AudioOutput::new(&settings, 0)?;
    Ok(())
}

pub struct VideoOutput {
    pub composer: Composer,
    /// Threads that decode and scale.
    pub workers: usize,
    pub size: Size,
    /// Number of the next frame.
    pub next: i64,
    encoder: VideoEncoder,
    fps: i64,
    /// Number of the frame from which on a key frame is due.
    key_due: i64,
    /// The time of the next split, and from each to the one behind it.
    split: Option<(i64, i64)>,
    /// Known once the first key frame is coded.
    format: Option<H264Format>,
}

impl VideoOutput {
    pub fn new(settings: &Settings) -> Result<Self, MediaError> {
        let output = &settings.output;
        let size = Size::even(output.width, output.height);
        let fps = output.fps.max(1);
        let target = VideoTarget {
            width: size.width,
            height: size.height,
            fps,
            bitrate: output.bitrate_kbps as usize * 1000,
            gop: fps * GOP_S,
        };
        let choice = settings.video_encoder.clone();
        let choice = if output.in_order {
            choice.for_all_players()
        } else {
            choice
        };
        let mut video = Self {
            composer: Composer::new(size)?,
            encoder: VideoEncoder::new(&choice, &target)?,
            workers: settings.workers,
            size,
            fps: i64::from(fps),
            next: 0,
            key_due: 0,
            split: None,
            format: None,
        };
        while video.time_us(video.next) < settings.start_us {
            video.next = (settings.start_us * video.fps / 1_000_000).max(video.next + 1);
        }
        let begins_us = video.time_us(video.next);
        let first_us = |split: Split| begins_us + (split.every_us - split.done_us).max(0);
        video.split = settings.split.map(|split| (first_us(split), split.every_us.max(1)));
        Ok(video)
    }

    /// The presentation time of a frame, in microseconds on the recording's timeline.
    pub fn time_us(&self, frame: i64) -> i64 {
        grid_us(frame, self.fps)
    }

    /// Up to which time a frame shows users' pictures: the middle of its own time on the screen, so that against the sound they are
    /// early as often as late.
    pub fn shown_until_us(&self, frame: i64) -> i64 {
        let half_us = self.time_us(1) / 2 - 1;
        self.time_us(frame).saturating_add(half_us.clamp(0, MOST_AHEAD_US))
    }

    /// Whether a frame is made while so much is left out. A frame at the beat of key frames always is.
    pub fn keeps(&self, frame: i64, shed: Shed) -> bool {
        let one_of = match shed {
            Shed::Nothing => 1,
            Shed::Half => 2,
            Shed::ThreeQuarters => 4,
            Shed::AllButKeyFrames => self.fps,
        };
        let splits = self.split.is_some_and(|(due_us, _)| self.time_us(frame) >= due_us);
        frame % one_of == 0 || frame == self.key_due || splits
    }

    /// Encodes the canvas as frame `index`.
    pub fn encode(&mut self, index: i64, interleave: &mut Interleave) -> Result<(), MediaError> {
        let at_us = self.time_us(index);
        let splits = self.split.is_some_and(|(due_us, _)| at_us >= due_us);
        if let Some((due_us, every_us)) = self.split.as_mut().filter(|_| splits) {
            // The file that begins here is full so much later.
            *due_us = at_us.saturating_add(*every_us);
        }
        let keyframe = index >= self.key_due || splits;
        if keyframe {
            let gop = self.fps * i64::from(GOP_S);
            self.key_due = (index / gop + 1) * gop;
        }
        let mut coded = Vec::new();
        self.encoder
            .encode(self.composer.canvas(), index, keyframe, |made| coded.push(made))?;
        self.push(coded, interleave);
        Ok(())
    }

    pub fn finish(&mut self, interleave: &mut Interleave) -> Result<(), MediaError> {
        let mut coded = Vec::new();
        self.encoder.finish(|made| coded.push(made))?;
        self.push(coded, interleave);
        Ok(())
    }

    pub fn track(&self) -> Option<MuxedTrack> {
        Some(MuxedTrack {
            format: Format::H264(self.format.clone()?),
            duration_us: self.time_us(1),
        })
    }

    fn push(&mut self, coded: Vec<Coded>, interleave: &mut Interleave) {
        for coded in coded {
            if self.format.is_none() {
                self.format = H264Format::of_keyframe(&coded.data, self.size.width, self.size.height);
            }
            interleave.push(Output::Video(AccessUnit {
                pts_us: self.time_us(coded.pts),
                dts_us: self.time_us(coded.dts),
                data: coded.data.into(),
                keyframe: coded.keyframe,
            }));
        }
    }
}

pub struct AudioOutput {
    pub channels: usize,
    /// Number of the next block to mix.
    pub next: i64,
    encoder: AudioEncoder,
    mp3: Option<Mp3Output>,
    limiter: Limiter,
    /// Number of the first block, and of the next one to encode.
    first: i64,
    encoded: i64,
}

impl AudioOutput {
    /// `start_us`: the time of the first sample, or just before it.
    pub fn new(settings: &Settings, start_us: i64) -> Result<Self, MediaError> {
        let profile = settings.output.audio;
        let bitrate = profile.bits_per_second() as usize;
        let encoder = AudioEncoder::new(&settings.audio_encoder, RATE, profile.channels(), bitrate)?;
        let mut first = start_us.max(0) * i64::from(RATE) / 1_000_000 / AudioEncoder::FRAME as i64;
        while block_us(first) < start_us {
            first += 1;
        }
        let channels = usize::from(profile.channels());
        let mp3 = || Mp3Output::new(profile, first * AudioEncoder::FRAME as i64);
        Ok(Self {
            channels,
            next: first,
            mp3: settings.mp3.then(mp3).transpose()?,
            encoder,
            limiter: Limiter::default(),
            first,
            encoded: first,
        })
    }

    /// Takes the next block.
    pub fn encode(&mut self, block: Channels, interleave: &mut Interleave) -> Result<(), MediaError> {
        match self.limiter.push(block) {
            Some(block) => self.encode_limited(&block, interleave),
            None => Ok(()),
        }
    }

    pub fn finish(&mut self, interleave: &mut Interleave) -> Result<(), MediaError> {
        if let Some(block) = self.limiter.finish() {
            self.encode_limited(&block, interleave)?;
        }
        if let Some(mp3) = &mut self.mp3 {
            mp3.finish(interleave)?;
        }
        let first = self.first;
        self.encoder.finish(|coded| push_audio(coded, first, interleave))
    }

    pub fn track(&self) -> MuxedTrack {
        let format = Format::Aac(AacFormat {
            config: self.encoder.config().into(),
            sample_rate: RATE,
            channels: self.channels as u16,
            frame_length: AudioEncoder::FRAME as u32,
        });
        MuxedTrack {
            format,
            duration_us: block_us(1),
        }
    }

    fn encode_limited(&mut self, block: &Channels, interleave: &mut Interleave) -> Result<(), MediaError> {
        let pts = self.encoded * AudioEncoder::FRAME as i64;
        let first = self.first;
        self.encoded += 1;
        if let Some(mp3) = &mut self.mp3 {
            mp3.take(block, interleave)?;
        }
        self.encoder
            .encode(block, pts, |coded| push_audio(coded, first, interleave))
    }
}

/// The encoder's first frame holds nothing but the run-up to the first sample; it would lie before the start.
fn push_audio(coded: Coded, first: i64, interleave: &mut Interleave) {
    if coded.pts < first * AudioEncoder::FRAME as i64 {
        return;
    }
    let pts_us = grid_us(coded.pts, i64::from(RATE));
    interleave.push(Output::Audio(AccessUnit {
        pts_us,
        dts_us: pts_us,
        data: coded.data.into(),
        keyframe: true,
    }));
}

/// Time of an audio block's first sample.
pub fn block_us(block: i64) -> i64 {
    grid_us(block * AudioEncoder::FRAME as i64, i64::from(RATE))
}

/// The time of number `index` of `rate` a second, to the nearest microsecond.
fn grid_us(index: i64, rate: i64) -> i64 {
    (index * 2_000_000 + rate).div_euclid(rate * 2)
}
