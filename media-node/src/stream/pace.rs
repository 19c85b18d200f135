//! How fast a sender's clock runs beside ours.

use std::collections::VecDeque;

/// How long one window is.
const WINDOW_US: i64 = 1_000_000;
/// So many windows in a row have to show it.
const WINDOWS: usize = 4;
/// What is less than this is followed as a drift, and what is more is no clock. In microseconds a second.
const LEAST_PPM: i64 = 2_000;
const MOST_PPM: i64 = 40_000;
/// By how much the delay may grow more or less from one window to the next, beside half of what is usual.
const ROUGHNESS_US: i64 = 3_000;

/// The delay of a track on its sender's own clock, second by second: where it grows by as much in each, that clock is slow.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since_us: Option<i64>,
    least_us: i64,
    /// Of the last windows.
    delays_us: VecDeque<i64>,
}

impl Pace {
    /// A frame of RTP time `rtp_us` arrived at `arrival_us`. At the end of a window that shows a slow clock: the delay that the
    /// middle of the next window will have, in microseconds.
    pub(super) fn observe(&mut self, arrival_us: i64, rtp_us: i64) -> Option<i64> {
        let delay_us = arrival_us.saturating_sub(rtp_us);
        let since_us = *self.since_us.get_or_insert_with(|| {
            self.least_us = delay_us;
            arrival_us
        });
        self.least_us = self.least_us.min(delay_us);
        if arrival_us.saturating_sub(since_us) < WINDOW_US {
            return None;
        }
        self.since_us = None;
        self.delays_us.push_back(self.least_us);
        if self.delays_us.len() > WINDOWS {
            self.delays_us.pop_front();
        }
        if self.delays_us.len() < WINDOWS {
            return None;
        }
        // Of a window the least is that of its beginning.
        let (first_us, last_us) = self.delays_us.front().zip(self.delays_us.back())?;
        let slow_us = last_us.saturating_sub(*first_us) / (WINDOWS as i64 - 1);
        let steps = self.delays_us.iter().zip(self.delays_us.iter().skip(1));
        let is_even = |(before, after): (&i64, &i64)| {
            let off_us = after.saturating_sub(*before).saturating_sub(slow_us).abs();
            off_us <= slow_us / 2 + ROUGHNESS_US
        };
        let is_slow = (LEAST_PPM..=MOST_PPM).contains(&slow_us) && steps.into_iter().all(is_even);
        is_slow.then(|| last_us.saturating_add(slow_us * 3 / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a frame each 20 ms shows whose delay is what `delay_us` says for its time.
    fn run(delay_us: impl Fn(i64) -> i64) -> Vec<i64> {
        let mut pace = Pace::default();
        let times = (0..1_000).map(|n| n * 20_000);
        times
            .filter_map(|at_us| pace.observe(at_us + delay_us(at_us), at_us))
            .collect()
    }

    #[test]
    fn a_slow_clock_shows_and_what_it_will_have_come_to() {
        let shown = run(|at_us| at_us * 3 / 100 + at_us / 20_000 % 5 * 2_000);
        assert!(shown.len() > 12, "{shown:?}");
        assert!(
            shown
                .windows(2)
                .all(|pair| (25_000..36_000).contains(&(pair[1] - pair[0]))),
            "{shown:?}"
        );
    }

    #[test]
    fn neither_a_quartz_nor_a_stall_nor_a_network_that_fills_up_is_one() {
        assert!(run(|at_us| at_us / 5_000).is_empty());
        assert!(run(|at_us| if at_us > 5_000_000 { 700_000 } else { 0 }).is_empty());
        assert!(run(|at_us| at_us % 3_000_000 / 20).is_empty());
    }
}
