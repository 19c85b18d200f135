//! Composes all users of a channel into one picture and one sound. The mixer is a function from timed coded units and
//! timed changes to coded units: it reads no clock, opens no socket and writes no file, and gives the same bytes for the
//! same input at any speed. It does not know rosters, playlists or the spool.

use std::ops::AddAssign;

use protocol::{AudioProfile, MixOutput, StreamTypes};
use serde::Serialize;

use crate::media::VideoEncoderChoice;

mod audio;
mod compose;
mod drift;
mod interleave;
mod layout;
mod limiter;
mod mixer;
mod output;
mod paint;
mod scene;
mod seen;
mod video;

#[cfg(test)]
pub mod testing;

pub use mixer::{Change, MixError, Mixer, Output, Settings, Shed};
use output::{AudioOutput, VideoOutput};
pub use scene::{LAST_PICTURE_US, images};

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
}

impl Default for MixOptions {
    fn default() -> Self {
        Self {
            jitter_us: 500_000,
            video_encoder: VideoEncoderChoice::default(),
            audio_encoder: "aac".to_owned(),
            workers: 2,
        }
    }
}

impl MixOptions {
    /// Opens both encoders as for a small mix.
    ///
    /// # Errors
    /// Names the encoder that this machine does not have, or the option that it does not know.
    pub fn try_encoders(&self) -> Result<(), MixError> {
        let small = MixOutput {
            width: 640,
            height: 360,
            fps: 15,
            bitrate_kbps: 500,
            audio: AudioProfile::Mono48,
        };
        let settings = self.settings(small, StreamTypes::Both, 0);
        VideoOutput::new(&settings)?;
        AudioOutput::new(&settings, 0)?;
        Ok(())
    }

    /// Of a mixer whose output begins at `start_us`.
    pub fn settings(&self, output: MixOutput, types: StreamTypes, start_us: i64) -> Settings {
        Settings {
            output,
            types,
            start_us,
            jitter_us: self.jitter_us,
            video_encoder: self.video_encoder.clone(),
            audio_encoder: self.audio_encoder.clone(),
            workers: self.workers,
        }
    }
}

/// What the mixer did, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Pictures that were encoded.
    pub frames: u64,
    /// Of these, the ones that are the same as the one before.
    pub frames_repeated: u64,
    /// Pictures that were not encoded because the node could not keep up.
    pub frames_shed: u64,
    pub pictures_decoded: u64,
    /// Pictures of a user that came but were never shown, because a newer one was due.
    pub pictures_skipped: u64,
    /// Coded units that a decoder refused.
    pub units_undecodable: u64,
    /// Pictures that could not be scaled.
    pub pictures_unusable: u64,
    /// Coded units that had to go because no key frame came, or too many waited.
    pub video_units_dropped: u64,
    pub audio_units_dropped: u64,
    /// Samples of the mix, for each channel.
    pub samples: u64,
    /// Samples of users that did not come, each replaced by silence.
    pub samples_missing: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.frames_repeated += other.frames_repeated;
        self.frames_shed += other.frames_shed;
        self.pictures_decoded += other.pictures_decoded;
        self.pictures_skipped += other.pictures_skipped;
        self.pictures_unusable += other.pictures_unusable;
        self.units_undecodable += other.units_undecodable;
        self.video_units_dropped += other.video_units_dropped;
        self.audio_units_dropped += other.audio_units_dropped;
        self.samples += other.samples;
        self.samples_missing += other.samples_missing;
    }
}
