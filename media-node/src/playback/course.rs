//! Where a file stands at a moment. Pure: times are arguments.

use std::time::Duration;

/// How a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// Unix milliseconds of its first picture,
    pub(super) starts_ms: u64,
    /// and of its end at the latest.
    pub(super) ends_ms: Option<u64>,
    pub(super) is_looped: bool,
    pub(super) duration: Duration,
}

/// What is done at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Its time comes after so long.
    Waits(Duration),
    /// So much of it has been played, rounds of a loop counted; it goes on for so long, or to its end.
    Plays {
        played: Duration,
        lasts: Option<Duration>,
    },
    Over,
}

impl Course {
    pub(super) fn at(&self, now_ms: u64) -> Stand {
        if self
            .ends_ms
            .is_some_and(|ends_ms| ends_ms <= now_ms.max(self.starts_ms))
        {
            return Stand::Over;
        }
        if now_ms < self.starts_ms {
            return Stand::Waits(Duration::from_millis(self.starts_ms - now_ms));
        }
        let played = Duration::from_millis(now_ms - self.starts_ms);
        if !self.is_looped && played >= self.duration {
            return Stand::Over;
        }
        Stand::Plays {
            played,
            lasts: self.ends_ms.map(|ends_ms| Duration::from_millis(ends_ms - now_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: Course = Course {
        starts_ms: 10_000,
        ends_ms: None,
        is_looped: false,
        duration: Duration::from_secs(5),
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn plays(played: u64, lasts: Option<u64>) -> Stand {
        Stand::Plays {
            played: ms(played),
            lasts: lasts.map(ms),
        }
    }

    #[test]
    fn a_file_waits_for_its_time_and_ends_with_its_last_picture() {
        let stands = [9_000, 10_000, 12_500, 15_000].map(|now| ONCE.at(now));
        assert_eq!(
            stands,
            [Stand::Waits(ms(1_000)), plays(0, None), plays(2_500, None), Stand::Over]
        );
    }

    #[test]
    fn a_loop_goes_on_to_its_end() {
        let looped = Course {
            is_looped: true,
            ends_ms: Some(30_000),
            ..ONCE
        };
        let stands = [27_500, 30_000].map(|now| looped.at(now));
        assert_eq!(stands, [plays(17_500, Some(2_500)), Stand::Over]);
    }

    #[test]
    fn an_end_before_the_beginning_leaves_nothing() {
        let none = Course {
            ends_ms: Some(10_000),
            ..ONCE
        };
        assert_eq!([9_000, 10_000].map(|now| none.at(now)), [Stand::Over; 2]);
    }
}
