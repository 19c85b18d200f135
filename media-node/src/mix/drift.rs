//! How far a sender's clock has run away from ours, and by how much its sound must be stretched to come back.

/// Deviation, in samples, that is left alone: 2 ms. A sender whose clock keeps within it is never resampled.
const TOLERANCE: f64 = 96.0;

/// Part of the deviation that is corrected in a second.
const GAIN: f64 = 1.0;

/// Stretching beyond this, in samples a second, could be heard: half a per cent.
const LIMIT: f64 = 240.0;

/// Time constant, in samples, of the average that takes the jitter out of the timestamps: half a second.
const SMOOTHING: f64 = 24_000.0;

/// Follows the deviation of one continuous run of sound.
#[derive(Debug, Default)]
pub struct Drift {
    average: f64,
    engaged: bool,
}

impl Drift {
    /// `deviation` is how many samples later the sound should be than where it would go, `length` how long it is.
    pub fn observe(&mut self, deviation: f64, length: usize) {
        let weight = (length as f64 / SMOOTHING).min(1.0);
        self.average += (deviation - self.average) * weight;
        self.engaged |= self.average.abs() > TOLERANCE;
    }

    /// Samples to add for each second of sound, negative to take away; `None` as long as the sound can stay as it is.
    pub fn stretch(&self) -> Option<f64> {
        self.engaged.then(|| (self.average * GAIN).clamp(-LIMIT, LIMIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten minutes of a clock that runs away by `ppm`, corrected as the answer says; the greatest deviation in samples.
    fn run(ppm: f64) -> (f64, bool) {
        let mut drift = Drift::default();
        let (mut ours, mut theirs, mut worst) = (0.0, 0.0, 0.0f64);
        for frame in 0..28_125 {
            let jitter = if frame % 2 == 0 { 24.0 } else { -24.0 };
            let deviation: f64 = theirs - ours;
            worst = worst.max(deviation.abs());
            drift.observe(deviation + jitter, 1024);
            theirs += 1024.0 * (1.0 + ppm / 1e6);
            ours += 1024.0 * (1.0 + drift.stretch().unwrap_or(0.0) / 48_000.0);
        }
        (worst, drift.engaged)
    }

    #[test]
    fn a_fast_and_a_slow_clock_are_followed_within_four_milliseconds() {
        for ppm in [200.0, -200.0] {
            let (worst, engaged) = run(ppm);
            assert!(engaged && worst < 192.0, "{ppm} ppm: {worst} samples");
        }
    }

    #[test]
    fn a_good_clock_is_left_alone() {
        assert!(!run(0.1).1);
    }
}
