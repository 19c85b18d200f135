use super::audio::AudioTrack;
use super::video::VideoTrack;
use crate::media::AudioCodec;
use crate::stream::{Format, PictureLimit, VideoCodec};

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
        match format {
            // Each key frame carries its parameter sets.
            Format::H264(_) => self.video.set_codec(VideoCodec::H264),
            Format::H265(_) => self.video.set_codec(VideoCodec::H265),
            Format::Aac(aac) => self.audio.set_codec(AudioCodec::Aac {
                config: aac.config.to_vec(),
            }),
            Format::Opus(opus) => self.audio.set_codec(AudioCodec::Opus {
                channels: opus.channels,
            }),
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
