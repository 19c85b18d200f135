//! One user's sound on the way into the mix: coded units in, samples at 48 kHz on the recording's timeline out.

use std::collections::VecDeque;

use super::counters::Counters;
use super::drift::Drift;
use crate::media::{AudioCodec, AudioDecoder, MediaError, Resampler, Sound};
use crate::stream::AccessUnit;

/// The sample rate of the mix, in samples a second.
pub const RATE: u32 = 48_000;

/// The most units that wait for one user: 4 s of packets of 1 ms, of which studios send their sound.
const QUEUE_UNITS: usize = 4096;

/// The most coded bytes that wait for one user: over a minute of 256 kbit/s.
const QUEUE_BYTES: usize = 2 << 20;

/// The deviation, in samples, from which on sound is not stretched but put where it belongs: 60 ms.
const RESYNC: f64 = 2_880.0;

/// Position on the recording's timeline, in samples at [`RATE`].
pub fn position(us: i64) -> f64 {
    us as f64 * f64::from(RATE) / 1e6
}

#[derive(Default)]
pub struct AudioTrack {
    queue: VecDeque<Item>,
    /// Bytes of the units in the queue.
    queued: usize,
    /// The codec of the units to come.
    announced: Option<AudioCodec>,
    /// The codec of the units that are decoded.
    codec: Option<AudioCodec>,
    decoder: Option<AudioDecoder>,
    resampler: Option<Resampler>,
    drift: Drift,
    /// Runs of samples without a gap, in the order of their coming. Where a sender's time went back they overlap, and the
    /// earlier one is heard.
    runs: VecDeque<Run>,
    /// Sound has come and the user has not left, so that a gap is something missing.
    begun: bool,
    /// Units that its decoders refused, since that was last asked.
    pub undecodable: u32,
}

enum Item {
    Codec(AudioCodec),
    Unit(AccessUnit),
}

struct Run {
    /// Position of the first sample.
    start: i64,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Run {
    fn end(&self) -> i64 {
        self.start + self.left.len() as i64
    }
}

impl AudioTrack {
    pub fn set_codec(&mut self, codec: AudioCodec) {
        if self.announced.as_ref() != Some(&codec) {
            self.announced = Some(codec.clone());
            self.queue.push_back(Item::Codec(codec));
        }
    }

    pub fn push(&mut self, unit: AccessUnit, counters: &mut Counters) {
        while self.queue.len() >= QUEUE_UNITS || self.queued + unit.data.len() > QUEUE_BYTES {
            let oldest = self.queue.iter().position(|item| matches!(item, Item::Unit(_)));
            let Some(Item::Unit(dropped)) = oldest.and_then(|index| self.queue.remove(index)) else {
                break;
            };
            self.queued -= dropped.data.len();
            counters.audio_units_dropped += 1;
        }
        self.queued += unit.data.len();
        self.queue.push_back(Item::Unit(unit));
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        if let Item::Unit(unit) = &item {
            self.queued -= unit.data.len();
        }
        Some(item)
    }

    /// Adds the samples from `start` on to the block, and answers their energy, the mean of their squares. What is not there counts
    /// as silence.
    pub fn mix_into(&mut self, start: i64, block: &mut [Vec<f32>], counters: &mut Counters) -> f64 {
        let length = block.first().map_or(0, Vec::len) as i64;
        self.decode_until(start + length, counters);
        let (mut heard, mut energy) = (0, 0.0);
        let mut free = start;
        for run in &self.runs {
            let (from, to) = (run.start.max(free), run.end().min(start + length));
            if from >= to {
                continue;
            }
            free = to;
            heard += to - from;
            let (source, target) = ((from - run.start) as usize, (from - start) as usize);
            let count = (to - from) as usize;
            let (left, right) = (&run.left[source..][..count], &run.right[source..][..count]);
            energy += left.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
            match block {
                [mono] => {
                    let mono = mono[target..][..count].iter_mut();
                    mono.zip(left.iter().zip(right))
                        .for_each(|(out, (left, right))| *out += (left + right) * 0.5);
                }
                [first, second, ..] => {
                    first[target..][..count]
                        .iter_mut()
                        .zip(left)
                        .for_each(|(out, sample)| *out += sample);
                    second[target..][..count]
                        .iter_mut()
                        .zip(right)
                        .for_each(|(out, sample)| *out += sample);
                }
                [] => {}
            }
        }
        self.begun |= heard > 0;
        if self.begun {
            counters.samples_missing += (length - heard) as u64;
        }
        self.forget(start + length);
        energy / length.max(1) as f64
    }

    /// Drops what lies before a position without decoding it: nobody listens to the user.
    pub fn skip(&mut self, until: i64) {
        self.begun = false;
        self.decoder = None;
        self.resampler = None;
        self.runs.clear();
        while let Some(item) = self.queue.front() {
            match item {
                Item::Unit(unit) if position(unit.pts_us) >= until as f64 => break,
                Item::Unit(_) => {}
                Item::Codec(codec) => self.codec = Some(codec.clone()),
            }
            self.pop();
        }
    }

    /// Forgets what was sent until `at_us`: the user left.
    pub fn leave(&mut self, at_us: i64) {
        self.skip(position(at_us).ceil() as i64);
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Decodes until the samples before `end` are known, as far as they came.
    fn decode_until(&mut self, end: i64, counters: &mut Counters) {
        while self.runs.back().is_none_or(|run| run.end() < end) {
            match self.pop() {
                Some(Item::Codec(codec)) => {
                    if self.codec.replace(codec) != self.codec {
                        self.decoder = None;
                    }
                }
                Some(Item::Unit(unit)) => {
                    if self.decode(&unit).is_err() {
                        counters.units_undecodable += 1;
                        self.undecodable += 1;
                    }
                }
                None => break,
            }
        }
    }

    fn decode(&mut self, unit: &AccessUnit) -> Result<(), MediaError> {
        if self.decoder.is_none() {
            let Some(codec) = &self.codec else { return Ok(()) };
            self.decoder = Some(AudioDecoder::new(codec)?);
        }
        let Some(decoder) = &mut self.decoder else {
            return Ok(());
        };
        match decoder.decode(&unit.data)? {
            Some(sound) => self.place(sound, position(unit.pts_us)),
            None => Ok(()),
        }
    }

    /// Puts sound that belongs at `position` behind what is there, stretched a little if its clock drifts, or apart from
    /// it if there is a gap.
    fn place(&mut self, sound: Sound, position: f64) -> Result<(), MediaError> {
        if self
            .resampler
            .as_ref()
            .is_some_and(|resampler| !resampler.takes(&sound))
        {
            self.resampler = None;
        }
        let delay = self.resampler.as_ref().map_or(0, Resampler::delay);
        let expected = self.runs.back().map(|run| (run.end() + delay) as f64);
        let deviation = expected
            .map(|expected| position - expected)
            .filter(|deviation| deviation.abs() < RESYNC);
        match deviation {
            Some(deviation) => self.drift.observe(deviation, sound.samples()),
            None => {
                self.drift = Drift::default();
                self.resampler = None;
                self.runs.push_back(Run {
                    start: position.round() as i64,
                    left: Vec::new(),
                    right: Vec::new(),
                });
            }
        }
        let stretch = self.drift.stretch();
        let plain = self.resampler.is_none() && stretch.is_none() && sound.rate() == RATE;
        let Some(run) = self.runs.back_mut() else { return Ok(()) };
        if plain && let Some((left, right)) = sound.planar() {
            run.append(left, right);
            return Ok(());
        }
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            none => none.insert(Resampler::new(&sound, RATE)?),
        };
        if let Some(stretch) = stretch {
            // Renewed with each frame, so that the distance is never used up; it is long to make the rate fine.
            resampler.stretch((stretch * 100.0).round() as i32, RATE as i32 * 100)?;
        }
        let (left, right) = resampler.convert(&sound)?;
        run.append(left, right);
        Ok(())
    }

    /// Drops samples before a position; the last run stays, for what continues it.
    fn forget(&mut self, until: i64) {
        while self.runs.len() > 1 && self.runs.front().is_some_and(|run| run.end() <= until) {
            self.runs.pop_front();
        }
        if let Some(run) = self.runs.front_mut() {
            let passed = (until - run.start).clamp(0, run.left.len() as i64);
            run.left.drain(..passed as usize);
            run.right.drain(..passed as usize);
            run.start += passed;
        }
    }
}

impl Run {
    fn append(&mut self, left: &[f32], right: &[f32]) {
        self.left.extend_from_slice(left);
        self.right.extend_from_slice(right);
    }
}
