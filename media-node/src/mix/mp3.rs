//! The sound of a mix as MP3, for files of its own.

use protocol::AudioProfile;

use super::audio::RATE;
use super::interleave::{Interleave, Output};
use super::limiter::Channels;
use crate::media::{AudioEncoder, Coded, MediaError, MuxedTrack};
use crate::stream::{AccessUnit, Format, MpegFormat};

/// Takes blocks of mixed sound and gives frames of MP3.
pub struct Mp3Output {
    encoder: AudioEncoder,
    /// Samples that do not fill a frame yet,
    pending: Channels,
    /// and the number of the first of them.
    next: i64,
    /// The number of the first sample of all.
    first: i64,
}

impl Mp3Output {
    /// `first`: the number of the first sample.
    pub fn new(profile: AudioProfile, first: i64) -> Result<Self, MediaError> {
        let channels = profile.channels();
        Ok(Self {
            encoder: AudioEncoder::mp3(RATE, channels, mp3_bits_per_second(profile))?,
            pending: vec![Vec::new(); usize::from(channels)],
            next: first,
            first,
        })
    }

    pub fn take(&mut self, block: &Channels, interleave: &mut Interleave) -> Result<(), MediaError> {
        for (pending, samples) in self.pending.iter_mut().zip(block) {
            pending.extend_from_slice(samples);
        }
        self.encode(interleave)
    }

    fn encode(&mut self, interleave: &mut Interleave) -> Result<(), MediaError> {
        let (frame, first) = (self.encoder.frame(), self.first);
        while self.pending.first().is_some_and(|pending| pending.len() >= frame) {
            let block: Channels = self.pending.iter_mut().map(|p| p.drain(..frame).collect()).collect();
            self.encoder
                .encode(&block, self.next, |coded| push_mp3(coded, first, i64::MAX, interleave))?;
            self.next += frame as i64;
        }
        Ok(())
    }

    pub fn finish(&mut self, interleave: &mut Interleave) -> Result<(), MediaError> {
        let rest = self.pending.first().map_or(0, Vec::len);
        let (first, end) = (self.first, self.next + rest as i64);
        let full = rest.next_multiple_of(self.encoder.frame());
        self.pending.iter_mut().for_each(|pending| pending.resize(full, 0.0));
        self.encode(interleave)?;
        self.encoder.finish(|coded| push_mp3(coded, first, end, interleave))
    }
}

/// The first frame holds little but the run-up to the first sample, and what begins behind the last one nothing but its echo.
fn push_mp3(coded: Coded, first: i64, end: i64, interleave: &mut Interleave) {
    if coded.pts < first || coded.pts >= end {
        return;
    }
    let pts_us = time_us(coded.pts);
    interleave.push(Output::Mp3(AccessUnit {
        pts_us,
        dts_us: pts_us,
        data: coded.data.into(),
        keyframe: true,
    }));
}

/// MP3 needs more than AAC for the same sound, and there is no reason to save where voices are all there is.
fn mp3_bits_per_second(profile: AudioProfile) -> usize {
    match profile {
        AudioProfile::Mono48 => 64_000,
        AudioProfile::Mono128 => 128_000,
        AudioProfile::Stereo192 => 192_000,
    }
}

/// What [`Output::Mp3`] is of a mix with this profile.
pub fn mp3_track(profile: AudioProfile) -> MuxedTrack {
    let format = Format::Mpeg(MpegFormat {
        layer: 3,
        sample_rate: RATE,
        channels: profile.channels(),
        frame_length: AudioEncoder::MP3_FRAME as u32,
    });
    MuxedTrack {
        format,
        duration_us: time_us(AudioEncoder::MP3_FRAME as i64),
    }
}

/// Whether this machine can make MP3.
///
/// # Errors
/// Names the encoder that it does not have.
pub fn try_mp3() -> Result<(), MediaError> {
    Mp3Output::new(AudioProfile::default(), 0)?;
    Ok(())
}

/// The time of a sample on the recording's timeline, to the nearest microsecond.
fn time_us(sample: i64) -> i64 {
    let rate = i64::from(RATE);
    (sample * 2_000_000 + rate).div_euclid(rate * 2)
}
