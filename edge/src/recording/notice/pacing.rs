/// How the delivery of events is paced. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// A receiver may take so long to answer.
    pub timeout_ms: u64,
    /// After the first failure; each further one doubles it, up to `longest_pause_ms`.
    pub first_pause_ms: u64,
    pub longest_pause_ms: u64,
    /// For how long an event is tried.
    pub give_up_ms: u64,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            timeout_ms: 10_000,
            first_pause_ms: 1_000,
            longest_pause_ms: 300_000,
            give_up_ms: 24 * 3_600_000,
        }
    }
}

impl Pacing {
    /// The pause after so many failures in a row, at least 1. `chance` is any number: half of the pause is left to it.
    pub(crate) fn pause_ms(&self, failures: u32, chance: u32) -> u64 {
        let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
        let whole = self
            .first_pause_ms
            .saturating_mul(doubled)
            .min(self.longest_pause_ms)
            .max(1);
        let half = whole / 2;
        let jitter = u128::from(half) * u128::from(chance) / u128::from(u32::MAX);
        whole - half + u64::try_from(jitter).unwrap_or(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pacing = Pacing::default();
        let longest: Vec<_> = (1..12).map(|failures| pacing.pause_ms(failures, u32::MAX)).collect();
        assert_eq!(
            longest,
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(|seconds| seconds * 1_000)
        );
        assert_eq!(pacing.pause_ms(1, 0), 500);
        assert_eq!(pacing.pause_ms(u32::MAX, 0), 150_000);
        let none = Pacing {
            first_pause_ms: 0,
            longest_pause_ms: 0,
            ..pacing
        };
        assert_eq!(none.pause_ms(3, 7), 1);
    }
}
