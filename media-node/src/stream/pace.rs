//! How fast a sender's clock runs beside ours.

use std::collections::VecDeque;

/// How long one window is.
const WINDOW_US: i64 = 1_000_000;
/// So many windows in a row have to show it,
const WINDOWS: usize = 4;
/// and no more are looked at.
const MOST_WINDOWS: usize = 16;
/// By how much the delay has to have grown in them: a busy machine is late by less, and is late for less long.
const LEAST_GROWTH_US: i64 = 40_000;
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
        if self.delays_us.len() > MOST_WINDOWS {
            self.delays_us.pop_front();
        }
        (WINDOWS..=self.delays_us.len()).find_map(|windows| self.shown_by(windows))
    }

    /// What the last so many windows show.
    fn shown_by(&self, windows: usize) -> Option<i64> {
        let delays_us = self.delays_us.iter().skip(self.delays_us.len().saturating_sub(windows));
        // Of a window the least is that of its beginning.
        let (first_us, last_us) = delays_us.clone().next().zip(self.delays_us.back())?;
        let grown_us = last_us.saturating_sub(*first_us);
        let slow_us = grown_us / i64::try_from(windows.saturating_sub(1)).ok()?;
        let is_even = |(before, after): (&i64, &i64)| {
            let off_us = after.saturating_sub(*before).saturating_sub(slow_us).abs();
            off_us <= slow_us / 2 + ROUGHNESS_US
        };
        let is_slow = grown_us >= LEAST_GROWTH_US
            && (LEAST_PPM..=MOST_PPM).contains(&slow_us)
            && delays_us.clone().zip(delays_us.skip(1)).all(is_even);
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
    fn a_clock_that_is_hardly_slow_shows_once_it_is_late() {
        let mut pace = Pace::default();
        let at = |n: i64| (n * 20_000 + n * 20_000 / 200, n * 20_000);
        let found = (0..1_000)
            .map(at)
            .find(|(arrival_us, rtp_us)| pace.observe(*arrival_us, *rtp_us).is_some());
        assert!(
            found.is_some_and(|(_, at_us)| (8_000_000..11_000_000).contains(&at_us)),
            "{found:?}"
        );
    }

    #[test]
    fn no_busy_machine_quartz_stall_or_network_that_fills_up_is_one() {
        let busy = [0, 4, 8, 13, 17, 20, 12, 3, 0, 9, 17, 26, 30, 14];
        assert!(run(|at_us| busy[at_us as usize / 1_000_000 % busy.len()] * 1_000).is_empty());
        assert!(run(|at_us| at_us / 5_000).is_empty());
        assert!(run(|at_us| if at_us > 5_000_000 { 700_000 } else { 0 }).is_empty());
        assert!(run(|at_us| at_us % 3_000_000 / 20).is_empty());
    }
}
