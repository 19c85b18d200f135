//! Whether a track comes when it should.

/// How long one window is.
const WINDOW_US: i64 = 100_000;
/// A sender that fell behind by less than this has not stood still: its clock is followed bit by bit.
const LEAST_HOLE_US: i64 = 100_000;
/// The same where its own reports say so too.
const LEAST_TOLD_HOLE_US: i64 = 40_000;
/// Media that comes this much before its time shows that its clock runs fast, or that it was put off too far.
pub(super) const EARLY_US: i64 = 40_000;
/// Where the delay falls by more than this within a window, what was held up is still on its way.
const FALLING_US: i64 = 50_000;
/// A report's step that so many windows do not show is the report's own fault, and says nothing of what comes late afterwards.
const MOST_UNSEEN: u8 = 2;
/// How long all has to come late to show that it always will: longer than most disturbances of a network.
const LASTING_US: i64 = 5_000_000;
/// The same where the delay stays what it has become, as behind a sender that stood still: networks do not.
const STEADY_US: i64 = 1_500_000;
/// What a busy sender is late by for a while is less than that, and is judged by [`LASTING_US`].
const LEAST_STEADY_HOLE_US: i64 = 300_000;
/// How far apart the delays of windows are then.
const STEADY_WITHIN_US: i64 = 20_000;
/// The same where what comes late is lost.
const LASTING_LOSS_US: i64 = 1_000_000;

/// How late media may come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// All is used, however late it comes.
    #[default]
    Endless,
    /// What comes more than so many microseconds late is lost.
    Budget(i64),
}

impl Patience {
    /// Whether media that comes so late is lost.
    pub(super) fn is_over(self, late_us: i64) -> bool {
        match self {
            Self::Endless => false,
            Self::Budget(budget_us) => late_us > budget_us,
        }
    }
}

/// The delay of a track in short windows of time: tells when the track should have another place.
///
/// That its delay has grown tells that its sender stood still, or that its clock is slow. How large the delay is at all
/// comes from where the track was placed beside others, and matters only where late media is lost.
#[derive(Debug, Default)]
pub(super) struct Punctuality {
    since_us: Option<i64>,
    first_us: i64,
    least_us: i64,
    /// The least delay of any window.
    best_us: Option<i64>,
    /// Since when every window is late.
    late_since_us: Option<i64>,
    /// Since when every window has about the same delay, and that.
    steady: Option<(i64, i64)>,
    /// By how much the sender's clock stood still, as its latest report has it,
    told_us: i64,
    /// and how many windows have not shown it yet.
    unseen: u8,
}

impl Punctuality {
    /// A sender report moved the track's RTP clock against the sender's NTP clock by this much.
    pub(super) fn told(&mut self, step_us: i64) {
        (self.told_us, self.unseen) = (step_us.max(0), 0);
    }

    /// The track has another place: what came of the present window was seen at the one before.
    pub(super) fn moved(&mut self) {
        self.since_us = None;
    }

    /// A frame of media time `media_us` arrived at `arrival_us`. Where the track is being brought to an earlier place, that time
    /// is the one that the frame has there. Returns by how much later what follows should be, negative for earlier, in
    /// microseconds.
    pub(super) fn observe(&mut self, arrival_us: i64, media_us: i64, patience: Patience) -> Option<i64> {
        let late_us = arrival_us.saturating_sub(media_us);
        let since_us = *self.since_us.get_or_insert_with(|| {
            (self.first_us, self.least_us) = (late_us, late_us);
            arrival_us
        });
        self.least_us = self.least_us.min(late_us);
        if arrival_us.saturating_sub(since_us) < WINDOW_US {
            return None;
        }
        self.since_us = None;
        let move_us = self.judge(since_us, self.least_us, patience);
        if move_us.is_some() {
            (self.late_since_us, self.steady) = (None, None);
            self.told_us = 0;
        }
        move_us
    }

    fn judge(&mut self, at_us: i64, late_us: i64, patience: Patience) -> Option<i64> {
        let best_us = self.best_us.map_or(late_us, |best| best.min(late_us)).max(-EARLY_US);
        self.best_us = Some(best_us);
        let grown_us = late_us.saturating_sub(best_us);
        if late_us < -EARLY_US {
            (self.late_since_us, self.steady) = (None, None);
            return Some(late_us);
        }
        if self.first_us.saturating_sub(late_us) > FALLING_US {
            return None;
        }
        if grown_us.min(self.told_us) >= LEAST_TOLD_HOLE_US {
            return Some(grown_us.min(self.told_us));
        }
        self.unseen = self.unseen.saturating_add(1);
        if self.unseen > MOST_UNSEEN {
            self.told_us = 0;
        }
        let limit_us = match patience {
            Patience::Endless => LEAST_HOLE_US,
            Patience::Budget(budget_us) => budget_us / 10 * 9,
        };
        if late_us < limit_us {
            (self.late_since_us, self.steady) = (None, None);
            return None;
        }
        let lasts_us = at_us.saturating_sub(*self.late_since_us.get_or_insert(at_us));
        let steady = self
            .steady
            .filter(|(_, steady_us)| late_us.saturating_sub(*steady_us).abs() <= STEADY_WITHIN_US);
        let (steady_since_us, _) = *self.steady.insert(steady.unwrap_or((at_us, late_us)));
        let is_steady = grown_us >= LEAST_STEADY_HOLE_US && at_us.saturating_sub(steady_since_us) >= STEADY_US;
        let has_grown = grown_us >= LEAST_HOLE_US;
        match patience {
            Patience::Endless => (has_grown && (is_steady || lasts_us >= LASTING_US)).then_some(grown_us),
            Patience::Budget(_) if has_grown => Some(grown_us),
            Patience::Budget(_) => (lasts_us >= LASTING_LOSS_US).then_some(late_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame each 20 ms for `seconds`, as late as `late_us` says for its time; what was found, with the time.
    fn run(patience: Patience, seconds: i64, late_us: impl Fn(i64) -> i64) -> Vec<(i64, i64)> {
        let mut punctuality = Punctuality::default();
        let mut moved = 0;
        let mut found = Vec::new();
        for n in 0..seconds * 50 {
            let at_us = n * 20_000;
            let media_us = at_us + moved;
            if let Some(by_us) = punctuality.observe(at_us + late_us(at_us), media_us, patience) {
                moved += by_us;
                found.push((at_us, by_us));
            }
        }
        found
    }

    #[test]
    fn a_stall_is_found_at_once_where_late_media_is_lost_and_soon_elsewhere() {
        let stall = |at_us: i64| if at_us < 10_000_000 { 30_000 } else { 730_000 };
        let found = run(Patience::Budget(500_000), 30, stall);
        assert!(matches!(found[..], [(at, 700_000)] if at < 10_500_000), "{found:?}");
        let found = run(Patience::Endless, 30, stall);
        assert!(
            matches!(found[..], [(at, 700_000)] if (11_500_000..12_000_000).contains(&at)),
            "{found:?}"
        );
        // Whose delay is never the same.
        let rough = |at_us: i64| stall(at_us) + at_us / 20_000 % 8 * 20_000 + at_us / 160_000 % 2 * 40_000;
        let found = run(Patience::Endless, 30, rough);
        assert!(matches!(found[..], [(at, _), ..] if at > 15_000_000), "{found:?}");
    }

    #[test]
    fn a_sender_that_is_busy_for_a_while_has_not_stood_still() {
        let busy = |at_us: i64| i64::from((10_000_000..14_000_000).contains(&at_us)) * 200_000;
        assert_eq!(run(Patience::Endless, 30, busy), []);
    }

    #[test]
    fn a_disturbance_of_the_network_is_waited_for() {
        let late = |at_us: i64| {
            if (10_000_000..14_000_000).contains(&at_us) {
                380_000 + at_us / 1_000_000 % 2 * 50_000
            } else {
                0
            }
        };
        assert_eq!(run(Patience::Endless, 30, late), []);
        assert_eq!(run(Patience::Budget(500_000), 30, late), []);
    }

    #[test]
    fn a_burst_that_takes_a_while_to_come_is_no_stall() {
        // Two seconds of media, held up and then brought within half a second, again and again.
        let late = |at_us: i64| match at_us % 10_000_000 {
            within @ 0..500_000 => 2_000_000 - within * 4,
            _ => 0,
        };
        assert_eq!(run(Patience::Budget(500_000), 60, late), []);
        assert_eq!(run(Patience::Endless, 60, late), []);
    }

    #[test]
    fn lateness_itself_counts_where_late_media_is_lost() {
        let found = run(Patience::Budget(500_000), 10, |_| 600_000);
        assert!(matches!(found[..], [(at, 600_000)] if at < 2_000_000), "{found:?}");
        assert_eq!(run(Patience::Endless, 10, |_| 600_000), []);
        assert_eq!(run(Patience::Budget(500_000), 10, |_| 440_000), []);
    }

    #[test]
    fn a_report_that_says_the_same_is_a_second_witness() {
        let mut punctuality = Punctuality::default();
        let mut found = Vec::new();
        for n in 0..200 {
            let media_us = n * 20_000;
            let late_us = if n < 100 { 10_000 } else { 110_000 };
            if n == 50 || n == 101 {
                punctuality.told(90_000);
            }
            found.extend(punctuality.observe(media_us + late_us, media_us, Patience::Endless));
        }
        assert_eq!(found[..1], [90_000]);
    }

    #[test]
    fn a_report_explains_neither_a_later_disturbance_nor_a_receiver_that_stood_still() {
        let mut punctuality = Punctuality::default();
        for n in 0..500i64 {
            let media_us = n * 20_000;
            let late_us = match n {
                // Two seconds of media, brought within half a second.
                100..125 => 2_000_000 - (n - 100) * 80_000,
                300..350 => 200_000,
                _ => 0,
            };
            if n == 99 || n == 250 {
                punctuality.told(90_000);
            }
            assert_eq!(
                punctuality.observe(media_us + late_us, media_us, Patience::Endless),
                None,
                "frame {n}"
            );
        }
    }

    #[test]
    fn what_was_put_off_too_far_comes_back() {
        let late = |at_us: i64| {
            if (10_000_000..20_000_000).contains(&at_us) {
                300_000
            } else {
                0
            }
        };
        let found: Vec<i64> = run(Patience::Endless, 60, late).iter().map(|(_, by)| *by).collect();
        assert_eq!(found, [300_000, -300_000]);
    }
}
