//! Sound of any codec that can be decoded to Opus: packets in, coded frames with timestamps out. Pure.

use super::maker::{Incoming, Made, Maker};
use crate::channel::MediaTrack;
use crate::media::{AudioCodec, AudioDecoder, AudioEncoder, Coded, MediaError, Resampler, Sound};
use crate::stream::{self, Fmtp, Format, Frame, PayloadFormat};

/// Of Opus, always.
const RATE: i64 = AudioEncoder::OPUS_RATE as i64;
/// Opus adds nothing to be heard to what was sent at this rate.
const BITS_PER_SECOND_OF_CHANNEL: usize = 64_000;
/// A sample this far from its place is put where it belongs: 5 ms. Below that lie the inaccuracies of senders' timestamps.
const TOLERANCE: i64 = RATE / 200;
/// A greater gap is none that has to be filled: the sender was muted, or has begun anew.
const MAX_GAP: i64 = RATE;
/// Decoding failures in a row after which nothing is to be hoped for.
const MAX_FAILURES: u32 = 250;

/// See the module.
pub(super) struct ToOpus {
    incoming: Incoming,
    clock_rate: i64,
    decoder: Option<AudioDecoder>,
    /// For what is not decoded to the rate and the samples of the encoder.
    resampler: Option<Resampler>,
    encoder: Option<Encoder>,
    place: Option<Place>,
    failures: u32,
}

/// The sender's time.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// A timestamp, and the sample that belongs there.
    timestamp: u32,
    sample: i64,
}

struct Encoder {
    encoder: AudioEncoder,
    channels: usize,
    /// Samples of each channel that were taken, whether they fill a frame or not.
    taken: i64,
    pending: [Vec<f32>; 2],
}

/// A coded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpusFrame {
    pub(super) timestamp: u32,
    pub(super) data: Vec<u8>,
}

/// Whether a track's sound can be made Opus. What is not said of L16, the number of channels, cannot be guessed.
pub fn is_convertible(track: &MediaTrack, clock_rate: u32) -> bool {
    let is_known = format(track, clock_rate).is_some_and(|format| stream::depacketizer(&format).is_ok());
    !matches!(track.codec.as_str(), "OPUS" | "L16") && is_known
}

fn format(track: &MediaTrack, clock_rate: u32) -> Option<PayloadFormat> {
    let rtpmap = format!("{}/{clock_rate}", track.codec);
    PayloadFormat::parse(&rtpmap, Fmtp::parse(&track.parameters))
}

impl Maker for ToOpus {
    fn packet(&mut self, packet: &stream::Packet, made: &mut Vec<Made>) -> Result<(), MediaError> {
        let mut frames = Vec::new();
        let result = self.packet(packet, &mut frames);
        made.extend(frames.into_iter().map(|frame| Made {
            timestamp: frame.timestamp,
            data: frame.data,
            marker: false,
        }));
        result
    }

    fn timestamp(&self, timestamp: u32) -> Option<u32> {
        self.timestamp(timestamp)
    }
}

impl ToOpus {
    /// # Errors
    /// The reason, when nothing can be made of the track.
    pub(super) fn new(track: &MediaTrack, clock_rate: u32) -> Result<Self, String> {
        let format = format(track, clock_rate).ok_or_else(|| format!("{} cannot be read", track.codec))?;
        Ok(Self {
            incoming: Incoming::new(stream::depacketizer(&format)?),
            clock_rate: i64::from(clock_rate.max(1)),
            decoder: None,
            resampler: None,
            encoder: None,
            place: None,
            failures: 0,
        })
    }

    /// The next packet; the frames that are complete by it go to `made`.
    ///
    /// # Errors
    /// When nothing more is to be hoped for.
    pub(super) fn packet(&mut self, packet: &stream::Packet, made: &mut Vec<OpusFrame>) -> Result<(), MediaError> {
        let (frames, _) = self.incoming.take(packet);
        for frame in frames {
            match self.frame(&frame, made) {
                Ok(()) => self.failures = 0,
                Err(error) => {
                    self.failures += 1;
                    if self.failures >= MAX_FAILURES {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// The timestamp of Opus that belongs to one of the sender's; `None` before the first frame.
    pub(super) fn timestamp(&self, timestamp: u32) -> Option<u32> {
        Some(self.sample(timestamp)? as u32)
    }

    fn sample(&self, timestamp: u32) -> Option<i64> {
        let place = self.place?;
        let ticks = i64::from(timestamp.wrapping_sub(place.timestamp) as i32);
        Some(place.sample + ticks * RATE / self.clock_rate)
    }

    fn frame(&mut self, frame: &Frame, made: &mut Vec<OpusFrame>) -> Result<(), MediaError> {
        if let Some(format) = &frame.format {
            self.decoder = Some(decoder(&format.format)?);
            self.resampler = None;
        }
        let Some(decoder) = &mut self.decoder else {
            return Ok(());
        };
        let Some(sound) = decoder.decode(&frame.data)? else {
            return Ok(());
        };
        let taken = self.encoder.as_ref().map_or(0, |encoder| encoder.taken);
        let expected = taken + self.resampler.as_ref().map_or(0, Resampler::delay);
        let at = self.sample(frame.timestamp).unwrap_or(expected);
        let late = at - expected;
        let mut early = 0;
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            None => {
                let opened = Encoder::new(sound.channels().clamp(1, 2));
                if opened.is_err() {
                    // Another frame would not change that.
                    self.failures = MAX_FAILURES;
                }
                self.encoder.insert(opened?)
            }
        };
        match late {
            _ if late.abs() <= TOLERANCE => {}
            1..=MAX_GAP => encoder.append_silence(late),
            late if late > MAX_GAP => encoder.jump(at),
            late if late >= -MAX_GAP => early = late.unsigned_abs() as usize,
            // The sender has begun anew: so does its time.
            _ => {}
        }
        let sample = if late < -MAX_GAP { expected } else { at };
        self.place = Some(Place {
            timestamp: frame.timestamp,
            sample,
        });
        append(encoder, &mut self.resampler, &sound, early)?;
        encoder.encode(made)
    }
}

fn decoder(format: &Format) -> Result<AudioDecoder, MediaError> {
    let codec = AudioCodec::of(format).ok_or_else(|| MediaError::unexpected("decode as sound"))?;
    AudioDecoder::new(&codec)
}

/// Takes what was decoded, without its first samples.
fn append(
    encoder: &mut Encoder,
    resampler: &mut Option<Resampler>,
    sound: &Sound,
    early: usize,
) -> Result<(), MediaError> {
    if i64::from(sound.rate()) == RATE
        && let Some((left, right)) = sound.planar()
    {
        encoder.append(left, right, early);
        return Ok(());
    }
    if resampler.as_ref().is_some_and(|resampler| !resampler.takes(sound)) {
        *resampler = None;
    }
    let resampler = match resampler {
        Some(resampler) => resampler,
        None => resampler.insert(Resampler::new(sound, AudioEncoder::OPUS_RATE)?),
    };
    let (left, right) = resampler.convert(sound)?;
    encoder.append(left, right, early);
    Ok(())
}

impl Encoder {
    fn new(channels: u16) -> Result<Self, MediaError> {
        let bitrate = BITS_PER_SECOND_OF_CHANNEL * usize::from(channels);
        Ok(Self {
            encoder: AudioEncoder::opus(channels, bitrate)?,
            channels: usize::from(channels),
            taken: 0,
            pending: Default::default(),
        })
    }

    fn append(&mut self, left: &[f32], right: &[f32], skip: usize) {
        let [first, second] = &mut self.pending;
        let left = left.get(skip..).unwrap_or_default();
        first.extend_from_slice(left);
        second.extend_from_slice(right.get(skip..).unwrap_or_default());
        self.taken += left.len() as i64;
    }

    /// At most [`MAX_GAP`].
    fn append_silence(&mut self, samples: i64) {
        for pending in &mut self.pending {
            pending.resize(pending.len() + samples.unsigned_abs() as usize, 0.0);
        }
        self.taken += samples;
    }

    /// Goes on at another time. What does not fill a frame is left out.
    fn jump(&mut self, sample: i64) {
        self.pending.iter_mut().for_each(Vec::clear);
        self.taken = sample;
    }

    fn encode(&mut self, made: &mut Vec<OpusFrame>) -> Result<(), MediaError> {
        let size = self.encoder.frame();
        while self.pending[0].len() >= size {
            let begin = self.taken - self.pending[0].len() as i64;
            let frame: Vec<Vec<f32>> = self
                .pending
                .iter_mut()
                .take(self.channels)
                .map(|pending| pending.drain(..size).collect())
                .collect();
            let unused = self.pending.iter_mut().skip(self.channels);
            unused.for_each(|pending| drop(pending.drain(..size.min(pending.len()))));
            self.encoder.encode(&frame, begin, |Coded { data, pts, .. }| {
                made.push(OpusFrame {
                    timestamp: pts as u32,
                    data,
                });
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
