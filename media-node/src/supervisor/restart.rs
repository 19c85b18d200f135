use std::time::Duration;

use crate::backoff::Backoff;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A process that lived so long died of something new.
const STEADY: Duration = Duration::from_secs(5);

/// A process that was short of memory will be so again when the same streams come: each time costs the machine its memory
/// and processors for a while.
const FIRST_MEMORY_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_MEMORY_PAUSE: Duration = Duration::from_secs(120);
const MEMORY_STEADY: Duration = Duration::from_secs(600);

/// How long to wait before a dead process is started again.
#[derive(Debug)]
pub(super) struct RestartPolicy {
    backoff: Backoff,
    memory: Backoff,
}

impl RestartPolicy {
    pub(super) fn new() -> Self {
        Self {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            memory: Backoff::new(FIRST_MEMORY_PAUSE, LONGEST_MEMORY_PAUSE),
        }
    }

    /// `lived`: the age at which it died.
    pub(super) fn pause_after(&mut self, lived: Duration, chance: u32) -> Duration {
        if lived >= STEADY {
            self.backoff.reset();
        }
        self.backoff.pause(chance)
    }

    /// The same for one that needed more memory than it may have.
    pub(super) fn pause_for_memory(&mut self, lived: Duration, chance: u32) -> Duration {
        if lived >= MEMORY_STEADY {
            self.memory.reset();
        }
        self.memory.pause(chance)
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

    #[test]
    fn a_process_that_is_short_of_memory_again_and_again_waits_longer_and_longer() {
        let mut policy = RestartPolicy::new();
        let mut pause = || policy.pause_for_memory(STEADY * 2, u32::MAX);
        assert_eq!(pause(), FIRST_MEMORY_PAUSE);
        let later: Vec<_> = (0..9).map(|_| pause()).collect();
        assert!(later.is_sorted());
        assert_eq!(later.last(), Some(&LONGEST_MEMORY_PAUSE));
        assert_eq!(policy.pause_for_memory(MEMORY_STEADY, u32::MAX), FIRST_MEMORY_PAUSE);
    }
}
