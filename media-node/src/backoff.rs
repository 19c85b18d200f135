//! Growing pauses between attempts. Pure: chance comes from the caller.

use std::time::Duration;

/// Pauses double from `first` to `most`; each is shortened by up to a half, so that many who failed together do not come
/// back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failures: 0,
        }
    }

    /// The pause after one more failure. `chance` is any number, evenly distributed.
    pub fn pause(&mut self, chance: u32) -> Duration {
        let full = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.most);
        self.failures = self.failures.saturating_add(1);
        full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// A number for [`Backoff::pause`]. Without the system's randomness the pause is its longest.
pub fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most_and_begin_again_after_a_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        let pauses: Vec<_> = (0..9).map(|_| backoff.pause(u32::MAX).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.pause(0).as_millis(), 125);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.pause(u32::MAX), Duration::from_secs(30));
    }
}
