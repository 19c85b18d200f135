use protocol::{MixOutput, StreamTypes};

use crate::media::VideoEncoderChoice;
use crate::stream::PictureLimit;

/// A node's settings of its mixes.
#[derive(Clone, Debug)]
pub struct MixOptions {
    /// How long to wait for late packets, in microseconds.
    pub jitter_us: i64,
    pub video_encoder: VideoEncoderChoice,
    /// FFmpeg's name of an AAC encoder.
    pub audio_encoder: String,
    /// Threads that decode and scale, at least 1.
    pub workers: usize,
    /// Users' pictures beyond it are not decoded.
    pub picture_limit: PictureLimit,
}

impl Default for MixOptions {
    fn default() -> Self {
        Self {
            jitter_us: 500_000,
            video_encoder: VideoEncoderChoice::default(),
            audio_encoder: "aac".to_owned(),
            workers: 2,
            picture_limit: PictureLimit::default(),
        }
    }
}

impl MixOptions {
    /// The settings of a mixer whose output begins at `start_us`.
    pub fn settings(&self, output: MixOutput, types: StreamTypes, start_us: i64) -> Settings {
        Settings {
            output,
            types,
            start_us,
            jitter_us: self.jitter_us,
            video_encoder: self.video_encoder.clone(),
            audio_encoder: self.audio_encoder.clone(),
            workers: self.workers,
            picture_limit: self.picture_limit,
            epoch_ms: 0,
            mp3: false,
            split: None,
        }
    }
}

/// What a mixer is made for. All of it is fixed for its life.
#[derive(Clone, Debug)]
pub struct Settings {
    pub output: MixOutput,
    /// Which tracks the output has.
    pub types: StreamTypes,
    /// The first picture and the first sample belong to this time or to the first one of the grid behind it.
    pub start_us: i64,
    /// The Unix time, in milliseconds, at which the timeline begins: texts tell the time by it.
    pub epoch_ms: u64,
    /// How long the mixer waits for late units.
    pub jitter_us: i64,
    pub video_encoder: VideoEncoderChoice,
    /// FFmpeg's name of an AAC encoder.
    pub audio_encoder: String,
    /// Threads that decode and scale, at least 1.
    pub workers: usize,
    /// Users' pictures beyond it are not decoded.
    pub picture_limit: PictureLimit,
    /// Whether the sound is encoded to MP3 as well.
    pub mp3: bool,
    pub split: Option<Split>,
}

/// Where files are to be split that hold so much each: there the output has key frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    pub every_us: i64,
    /// What the file has already with which the output goes on.
    pub done_us: i64,
}
