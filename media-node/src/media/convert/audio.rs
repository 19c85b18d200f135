use std::collections::VecDeque;

use ffmpeg_next::codec::Context;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Rational, decoder, frame};

use super::interleaved::Interleaved;
use super::microseconds;
use crate::media::encode::{AudioEncoder, Coded};
use crate::media::{MediaError, MuxedTrack, Resampler, Sound};
use crate::stream::{AacFormat, AccessUnit, Format};

const RATE: u32 = 48_000;
const AUDIO_BITRATE: usize = 128_000;
/// A shorter hole in the sound is none: clocks are not exact.
const HOLE_SAMPLES: i64 = RATE as i64 / 10;
/// The longest hole that is filled.
const LONGEST_HOLE_SAMPLES: i64 = 3_600 * RATE as i64;

/// The sound of a file.
pub(super) struct AudioTrack {
    pub(super) index: usize,
    base: Rational,
    pub(super) decoder: decoder::Audio,
    resampler: Option<Resampler>,
    encoder: AudioEncoder,
    /// Samples that do not fill a frame yet.
    waiting: [VecDeque<f32>; 2],
    /// The place of the first of them.
    at: i64,
    has_any: bool,
}

impl AudioTrack {
    /// `None` when this FFmpeg cannot decode it.
    pub(super) fn new(input: &Input, index: usize, base: Rational) -> Result<Option<Self>, MediaError> {
        let Some(stream) = input.stream(index) else {
            return Ok(None);
        };
        let context = Context::from_parameters(stream.parameters()).map_err(MediaError::during("read this file"))?;
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(base);
        let Ok(decoder) = decoder.audio() else {
            return Ok(None);
        };
        Ok(Some(Self {
            index,
            base,
            decoder,
            resampler: None,
            encoder: AudioEncoder::new("aac", RATE, 2, AUDIO_BITRATE)?,
            waiting: Default::default(),
            at: 0,
            has_any: false,
        }))
    }

    pub(super) fn receive(&mut self, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        loop {
            let mut decoded = frame::Audio::empty();
            match self.decoder.receive_frame(&mut decoded) {
                Ok(()) if decoded.samples() > 0 && decoded.channels() > 0 => self.sound(decoded, start_us, file)?,
                Ok(()) => {}
                Err(_) => return Ok(()),
            }
        }
    }

    fn sound(&mut self, decoded: frame::Audio, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        if let Some(at) = decoded.timestamp() {
            let at_us = microseconds(at, self.base) - start_us;
            let delay = self.resampler.as_ref().map_or(0, Resampler::delay);
            let hole = at_us * i64::from(RATE) / 1_000_000 - self.end() - delay;
            if (HOLE_SAMPLES..LONGEST_HOLE_SAMPLES).contains(&hole) {
                self.silence(hole, file)?;
            }
        }
        let sound = Sound(decoded);
        if !self.resampler.as_ref().is_some_and(|resampler| resampler.takes(&sound)) {
            self.drain()?;
            self.resampler = Some(Resampler::new(&sound, RATE)?);
        }
        if let Some(resampler) = &mut self.resampler {
            let (left, right) = resampler.convert(&sound)?;
            self.waiting[0].extend(left);
            self.waiting[1].extend(right);
            self.has_any |= !left.is_empty();
        }
        self.encode(file)
    }

    /// The place behind the last sample.
    fn end(&self) -> i64 {
        self.at + self.waiting[0].len() as i64
    }

    /// A frame at a time, since a hole may be long.
    fn silence(&mut self, mut samples: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        while samples > 0 {
            let some = samples.min(RATE as i64);
            self.waiting
                .iter_mut()
                .for_each(|channel| channel.extend(std::iter::repeat_n(0.0, some as usize)));
            samples -= some;
            self.encode(file)?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), MediaError> {
        if let Some(mut resampler) = self.resampler.take() {
            let (left, right) = resampler.finish()?;
            self.waiting[0].extend(left);
            self.waiting[1].extend(right);
        }
        Ok(())
    }

    fn encode(&mut self, file: &mut Interleaved) -> Result<(), MediaError> {
        while self.waiting[0].len() >= AudioEncoder::FRAME {
            let block: Vec<Vec<f32>> = self
                .waiting
                .iter_mut()
                .map(|channel| channel.drain(..AudioEncoder::FRAME).collect())
                .collect();
            let at = self.at;
            self.at += AudioEncoder::FRAME as i64;
            self.encoder.encode(&block, at, |coded| push_sound(coded, file))?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, start_us: i64, file: &mut Interleaved) -> Result<(), MediaError> {
        if self.decoder.send_eof().is_ok() {
            self.receive(start_us, file)?;
        }
        self.drain()?;
        if !self.has_any {
            return Ok(());
        }
        let missing = AudioEncoder::FRAME - self.waiting[0].len() % AudioEncoder::FRAME;
        self.silence(missing as i64, file)?;
        self.encoder.finish(|coded| push_sound(coded, file))
    }

    pub(super) fn track(&self) -> Option<MuxedTrack> {
        self.has_any.then(|| MuxedTrack {
            format: Format::Aac(AacFormat {
                config: self.encoder.config().into(),
                sample_rate: RATE,
                channels: 2,
                frame_length: AudioEncoder::FRAME as u32,
            }),
            duration_us: AudioEncoder::FRAME as i64 * 1_000_000 / i64::from(RATE),
        })
    }
}

/// The encoder's run-up would lie before the beginning.
fn push_sound(coded: Coded, file: &mut Interleaved) {
    if coded.pts >= 0 {
        let at_us = coded.pts * 1_000_000 / i64::from(RATE);
        file.push(
            1,
            AccessUnit {
                pts_us: at_us,
                dts_us: at_us,
                data: coded.data.into(),
                keyframe: true,
            },
        );
    }
}
