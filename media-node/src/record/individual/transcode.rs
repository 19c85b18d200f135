//! Sound to AAC-LC, where no HLS player takes what was sent from a transport stream, or to MP3. Pure: coded units in, coded units
//! out.

use crate::media::{AudioCodec, AudioDecoder, AudioEncoder, Coded, MediaError, Resampler, Sound};
use crate::stream::{AacFormat, AccessUnit, Format, MpegFormat};

/// The sample rate of what is made, and of Opus, in samples a second.
const RATE: u32 = 48_000;

/// At this rate AAC-LC adds nothing to be heard to what the codecs of calls left.
const BITS_PER_SECOND_OF_CHANNEL: usize = 64_000;

/// A sample this far from its place, in samples, is put where it belongs: 5 ms. Below that lie the decoder's own delay,
/// which comes and goes with the modes of Opus, and the inaccuracy of senders' timestamps.
const TOLERANCE: i64 = 240;

#[derive(Debug, thiserror::Error)]
pub(super) enum TranscodeError {
    #[error(transparent)]
    Decode(MediaError),
    #[error(transparent)]
    Encode(MediaError),
}

/// What sound is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// AAC-LC, by FFmpeg's encoder of this name.
    Aac(&'static str),
    Mp3,
}

/// One stretch of sound on its way to AAC or MP3.
///
/// Each sample keeps the time that the sender gave it: where units are missing (DTX, loss) there is silence of the same
/// length. The run-up of AAC lies in a frame of its own before the first sample; that of MP3 is left out.
pub(super) struct Transcoder {
    decoder: AudioDecoder,
    /// For what is not decoded to the rate and the samples of the encoder.
    resampler: Option<Resampler>,
    encoder: AudioEncoder,
    coding: Coding,
    channels: u16,
    /// The time of the first sample.
    origin_us: Option<i64>,
    /// Samples since then that have been taken, of each channel.
    taken: i64,
    /// Those taken samples that do not fill a frame yet.
    pending: Vec<Vec<f32>>,
}

impl Transcoder {
    pub(super) fn new(format: &Format, coding: Coding) -> Result<Self, TranscodeError> {
        let codec =
            AudioCodec::of(format).ok_or_else(|| TranscodeError::Decode(MediaError::unexpected("decode as sound")))?;
        let channels = channels(format);
        let bitrate = BITS_PER_SECOND_OF_CHANNEL * usize::from(channels);
        let encoder = match coding {
            Coding::Aac(encoder) => AudioEncoder::new(encoder, RATE, channels, bitrate),
            Coding::Mp3 => AudioEncoder::mp3(RATE, channels, bitrate),
        };
        Ok(Self {
            decoder: AudioDecoder::new(&codec).map_err(TranscodeError::Decode)?,
            resampler: None,
            encoder: encoder.map_err(TranscodeError::Encode)?,
            coding,
            channels,
            origin_us: None,
            taken: 0,
            pending: vec![Vec::new(); usize::from(channels)],
        })
    }

    /// The format of the frames that it gives.
    pub(super) fn format(&self) -> Format {
        let frame_length = self.encoder.frame() as u32;
        match self.coding {
            Coding::Aac(_) => Format::Aac(AacFormat {
                config: self.encoder.config().into(),
                sample_rate: RATE,
                channels: self.channels,
                frame_length,
            }),
            Coding::Mp3 => Format::Mpeg(MpegFormat {
                layer: 3,
                sample_rate: RATE,
                channels: self.channels,
                frame_length,
            }),
        }
    }

    /// Where the sound that it has taken ends; `None` before the first unit.
    pub(super) fn end_us(&self) -> Option<i64> {
        Some(time_us(self.origin_us?, self.taken))
    }

    /// Takes the next unit and gives the frames that are complete by it. After an error of the decoder it goes on with
    /// the next unit, after one of the encoder it is of no more use.
    pub(super) fn unit(&mut self, unit: &AccessUnit, aac: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let decoded = self.decoder.decode(&unit.data).map_err(TranscodeError::Decode)?;
        let Some(sound) = decoded else { return Ok(()) };
        let origin_us = *self.origin_us.get_or_insert(unit.pts_us);
        let at = position(unit.pts_us.saturating_sub(origin_us));
        if (at - self.expected()).abs() > TOLERANCE {
            self.drain()?;
        }
        let late = at - self.expected();
        let early = if late < -TOLERANCE {
            late.unsigned_abs() as usize
        } else {
            0
        };
        if late > TOLERANCE {
            self.append_silence(late as usize);
        }
        self.append(&sound, early)?;
        self.encode(origin_us, aac)
    }

    /// Where the next sample belongs: behind those that the resampler still has.
    fn expected(&self) -> i64 {
        self.taken + self.resampler.as_ref().map_or(0, Resampler::delay)
    }

    /// Takes sound without its first samples.
    fn append(&mut self, sound: &Sound, without: usize) -> Result<(), TranscodeError> {
        if self.resampler.as_ref().is_some_and(|resampler| !resampler.takes(sound)) {
            self.drain()?;
        }
        if self.resampler.is_none()
            && sound.rate() == RATE
            && let Some((left, right)) = sound.planar()
        {
            self.taken += push(&mut self.pending, left, right, without);
            return Ok(());
        }
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            none => none.insert(Resampler::new(sound, RATE).map_err(TranscodeError::Decode)?),
        };
        let (left, right) = resampler.convert(sound).map_err(TranscodeError::Decode)?;
        self.taken += push(&mut self.pending, left, right, without);
        Ok(())
    }

    fn append_silence(&mut self, samples: usize) {
        for pending in &mut self.pending {
            pending.resize(pending.len() + samples, 0.0);
        }
        self.taken += samples as i64;
    }

    /// Takes what the resampler still has; what follows need not join it.
    fn drain(&mut self) -> Result<(), TranscodeError> {
        if let Some(mut resampler) = self.resampler.take() {
            let (left, right) = resampler.finish().map_err(TranscodeError::Decode)?;
            self.taken += push(&mut self.pending, left, right, 0);
        }
        Ok(())
    }

    /// Gives the rest; the last frame is filled up with silence.
    pub(super) fn finish(mut self, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let Some(origin_us) = self.origin_us else { return Ok(()) };
        self.drain()?;
        let rest = self.pending.first().map_or(0, Vec::len);
        let end = self.taken;
        let full = rest.next_multiple_of(self.encoder.frame());
        for pending in &mut self.pending {
            pending.resize(full, 0.0);
        }
        self.taken = (self.taken - rest as i64) + full as i64;
        self.encode(origin_us, made)?;
        let mut give = give(self.coding, origin_us, made);
        self.encoder
            .finish(|coded| {
                if coded.pts < end {
                    give(coded);
                }
            })
            .map_err(TranscodeError::Encode)
    }

    fn encode(&mut self, origin_us: i64, made: &mut Vec<AccessUnit>) -> Result<(), TranscodeError> {
        let waiting = self.pending.first().map_or(0, Vec::len);
        let length = self.encoder.frame();
        let mut at = self.taken - waiting as i64;
        let mut give = give(self.coding, origin_us, made);
        for _ in 0..waiting / length {
            let block: Vec<Vec<f32>> = self.pending.iter_mut().map(|p| p.drain(..length).collect()).collect();
            self.encoder
                .encode(&block, at, &mut give)
                .map_err(TranscodeError::Encode)?;
            at += length as i64;
        }
        Ok(())
    }
}

/// Takes what an encoder gives; of MP3 not the run-up to the first sample, for which players have no place.
fn give(coding: Coding, origin_us: i64, made: &mut Vec<AccessUnit>) -> impl FnMut(Coded) {
    move |coded| {
        if coded.pts >= 0 || coding != Coding::Mp3 {
            made.push(frame(origin_us, coded.pts, coded.data));
        }
    }
}

/// As many channels as are sent, but two of more.
fn channels(format: &Format) -> u16 {
    let sent = match format {
        Format::Opus(opus) => opus.channels,
        Format::Pcm(pcm) => pcm.channels,
        Format::Mpeg(mpeg) => mpeg.channels,
        // Parametric stereo shows only in the frames.
        _ => 2,
    };
    sent.clamp(1, 2)
}

/// Appends samples but the first of them; answers how many.
fn push(pending: &mut [Vec<f32>], left: &[f32], right: &[f32], without: usize) -> i64 {
    for (pending, samples) in pending.iter_mut().zip([left, right]) {
        pending.extend_from_slice(samples.get(without..).unwrap_or_default());
    }
    left.len().saturating_sub(without) as i64
}

fn frame(origin_us: i64, position: i64, data: Vec<u8>) -> AccessUnit {
    let pts_us = time_us(origin_us, position);
    AccessUnit {
        pts_us,
        dts_us: pts_us,
        data: data.into(),
        keyframe: true,
    }
}

/// The sample at a time since the first one, to the nearest.
fn position(us: i64) -> i64 {
    (us.saturating_mul(i64::from(RATE)).saturating_add(500_000)).div_euclid(1_000_000)
}

fn time_us(origin_us: i64, position: i64) -> i64 {
    origin_us.saturating_add((position.saturating_mul(1_000_000)).div_euclid(i64::from(RATE)))
}

#[cfg(test)]
mod tests;
