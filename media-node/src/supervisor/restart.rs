use std::time::Duration;

use crate::backoff::Backoff;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A process that lived so long died of something new.
const STEADY: Duration = Duration::from_secs(5);

/// How long to wait before a dead process is started again.
#[derive(Debug)]
pub(super) struct RestartPolicy {
    backoff: Backoff,
}

impl RestartPolicy {
    pub(super) fn new() -> Self {
        Self {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// `lived`: the age at which it died.
    pub(super) fn pause_after(&mut self, lived: Duration, chance: u32) -> Duration {
        if lived >= STEADY {
            self.backoff.reset();
        }
        self.backoff.pause(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restarts_are_quick_and_repeated_deaths_slow_down() {
        let mut policy = RestartPolicy::new();
        for _ in 0..4 {
            assert!(policy.pause_after(Duration::from_secs(1), u32::MAX) < Duration::from_secs(1));
        }
        for _ in 0..10 {
            policy.pause_after(Duration::from_secs(1), u32::MAX);
        }
        assert_eq!(policy.pause_after(Duration::from_secs(1), u32::MAX), LONGEST_PAUSE);
        assert_eq!(policy.pause_after(STEADY, u32::MAX), FIRST_PAUSE);
    }
}
