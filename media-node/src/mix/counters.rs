use std::ops::AddAssign;

use serde::Serialize;

/// What the mixer did, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Pictures that were encoded.
    pub frames: u64,
    /// Encoded pictures that are the same as the one before.
    pub frames_repeated: u64,
    /// Pictures that were not encoded because the node could not keep up.
    pub frames_shed: u64,
    pub pictures_decoded: u64,
    /// What these pictures have, all together.
    pub pixels_decoded: u64,
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
        self.pixels_decoded += other.pixels_decoded;
        self.pictures_skipped += other.pictures_skipped;
        self.pictures_unusable += other.pictures_unusable;
        self.units_undecodable += other.units_undecodable;
        self.video_units_dropped += other.video_units_dropped;
        self.audio_units_dropped += other.audio_units_dropped;
        self.samples += other.samples;
        self.samples_missing += other.samples_missing;
    }
}
