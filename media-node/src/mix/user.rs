use super::audio::AudioTrack;
use super::video::VideoTrack;
use crate::media::AudioCodec;
use crate::stream::{Format, PictureLimit};

/// What one user sends, on its way into the mix.
pub struct User {
    /// Stands for the user in the composer.
    pub key: u64,
    pub video: VideoTrack,
    pub audio: AudioTrack,
}

impl User {
    pub fn new(key: u64, limit: PictureLimit) -> Self {
        Self {
            key,
            video: VideoTrack::new(limit),
            audio: AudioTrack::default(),
        }
    }

    /// A track is of this format from here on.
    pub fn set_format(&mut self, format: &Format) {
        // Each key frame carries all that a decoder of pictures has to know.
        if let Some(codec) = format.video_codec() {
            self.video.set_codec(codec);
        }
        if let Some(codec) = AudioCodec::of(format) {
            self.audio.set_codec(codec);
        }
    }

    /// Drops what was sent until `at_us`: the user left. One who is back already keeps what came since.
    pub fn leave(&mut self, at_us: i64) {
        self.video.leave(at_us);
        self.audio.leave(at_us);
    }

    pub fn is_empty(&self) -> bool {
        self.video.is_empty() && self.audio.is_empty()
    }
}
