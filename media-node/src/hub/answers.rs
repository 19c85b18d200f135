//! Whether a publisher sends a keyframe when it is asked for one. Pure: times are arguments.
//!
//! Browsers do, at once; most others send theirs at intervals of their own, and one of these may come soon after a question by chance.
//! So one that comes as regularly as those before says nothing, nor do the first ones, of which that is not known.

use std::time::Duration;

/// An answer comes so soon: a way there and back across the world, and a picture.
const WITHIN: Duration = Duration::from_millis(400);
/// So many answers in a row make sure of it.
const ENOUGH: u8 = 2;
/// Two intervals that differ by less, as a part of one of them, are the same.
const SAME_PART: u32 = 8;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// The question that waits for its answer.
    asked: Option<Duration>,
    in_a_row: u8,
    /// The last keyframe, and the time between the one before and that.
    came: Option<Duration>,
    interval: Option<Duration>,
}

impl Answers {
    /// `now` of all calls: since any moment.
    pub(super) fn asked(&mut self, now: Duration) {
        if self.is_missing(now) {
            *self = Self {
                asked: None,
                in_a_row: 0,
                ..*self
            };
        }
        self.asked.get_or_insert(now);
    }

    /// A keyframe has begun to come.
    pub(super) fn came(&mut self, now: Duration) {
        let interval = self.came.replace(now).map(|before| now.saturating_sub(before));
        let before = std::mem::replace(&mut self.interval, interval);
        let is_regular = before
            .zip(interval)
            .is_none_or(|(one, other)| one.abs_diff(other) < one.max(other) / SAME_PART);
        if self.is_missing(now) {
            self.in_a_row = 0;
        } else if self.asked.is_some() && !is_regular {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        self.asked = None;
    }

    /// Whether it can be relied on.
    pub(super) fn come(&self, now: Duration) -> bool {
        self.in_a_row >= ENOUGH && !self.is_missing(now)
    }

    fn is_missing(&self, now: Duration) -> bool {
        self.asked.is_some_and(|asked| now.saturating_sub(asked) > WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_browser_is_relied_on_once_it_has_answered_twice_until_it_does_not() {
        let mut answers = Answers::default();
        answers.came(ms(0));
        for (asked, expected) in [(1_450, false), (2_650, false), (4_250, true), (6_000, true)] {
            answers.asked(ms(asked));
            answers.came(ms(asked + 100));
            assert_eq!(answers.come(ms(asked + 200)), expected, "{asked}");
        }
        answers.asked(ms(9_000));
        assert!(answers.come(ms(9_400)) && !answers.come(ms(9_401)));
        answers.asked(ms(9_500));
        answers.came(ms(9_600));
        assert!(!answers.come(ms(9_700)), "it takes two again");
        answers.asked(ms(10_000));
        answers.came(ms(10_100));
        assert!(answers.come(ms(10_200)));
    }

    #[test]
    fn who_sends_keyframes_at_an_interval_is_never_relied_on() {
        for interval in (2..42).map(|tenths| tenths * 100) {
            let mut answers = Answers::default();
            let mut asks: Vec<u64> = (1..50).map(|ask| ask * 4_000).collect();
            asks.extend([50, 1_450, 2_650, 4_250, 9_870, 20_900, 31_700, 42_650]);
            asks.sort_unstable();
            let mut asks = asks.into_iter().peekable();
            for now in 0..60_000 {
                if asks.next_if(|ask| *ask <= now).is_some() {
                    answers.asked(ms(now));
                }
                if now % interval == 150 {
                    answers.came(ms(now));
                }
                assert!(!answers.come(ms(now)), "{interval} ms, at {now}");
            }
        }
    }
}
