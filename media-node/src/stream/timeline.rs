//! RTP timestamps → media time, for one track.

/// 32-bit RTP timestamps continued over their wrap, in microseconds of the sender's media clock.
#[derive(Debug)]
pub(super) struct RtpClock {
    rate: u32,
    last: Option<i64>,
}

impl RtpClock {
    /// `rate` in ticks a second, as the SDP gives it; 0 counts as 1.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            last: None,
        }
    }

    /// The next packet's timestamp. Timestamps may go back (B-frames); what lies less than half the 32-bit range from
    /// the one before is taken as its neighbour.
    pub(super) fn advance(&mut self, timestamp: u32) -> i64 {
        let ticks = self.near(timestamp);
        self.last = Some(ticks);
        self.micros(ticks)
    }

    /// A timestamp of a sender report, which does not move the clock.
    pub(super) fn place(&self, timestamp: u32) -> i64 {
        self.micros(self.near(timestamp))
    }

    fn near(&self, timestamp: u32) -> i64 {
        match self.last {
            None => i64::from(timestamp),
            Some(last) => {
                // The low 32 bits of `last` are the timestamp that it came from.
                let delta = timestamp.wrapping_sub(last as u32) as i32;
                last + i64::from(delta)
            }
        }
    }

    fn micros(&self, ticks: i64) -> i64 {
        (i128::from(ticks) * 1_000_000).div_euclid(i128::from(self.rate)) as i64
    }
}

/// Parts per million by which a small difference is evened out: 5 ms in a second.
const GENTLE_PPM: i64 = 5_000;
/// For a difference that can be seen: a quarter of a second in a second. Below 1 000 000, so time never stands still.
const BRISK_PPM: i64 = 250_000;
/// For a clock that runs away: more than any two quartzes differ, and less than can be seen or heard.
const DRIFT_PPM: i64 = 1_000;
/// For media that comes before its time, by a clock faster than any quartz: a frame of sound in twenty.
const HASTE_PPM: i64 = 50_000;
/// For media that comes behind its time, by a clock slower than any quartz; more than [`Pace`](super::pace::Pace) may show.
const SPREAD_PPM: i64 = 45_000;
/// Not a glide: all that follows is mapped with the other offset.
const STEP_PPM: i64 = i64::MAX;
/// Differences up to this are drift or noise, not an error of the first estimate.
const GENTLE_LIMIT_US: i64 = 20_000;
/// Differences below this are left alone, so that evenly spaced frames stay evenly spaced.
const TOLERANCE_US: i64 = 2_000;

/// The track's RTP clock on the recording's timeline: an offset, which may glide to another one.
///
/// A function of the RTP time alone, strictly growing, so frames that come out of order keep their order.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    offset_us: i64,
    glide: Option<Glide>,
}

#[derive(Clone, Debug)]
struct Glide {
    from_us: i64,
    offset_us: i64,
    ppm: i64,
}

impl Mapping {
    pub(super) fn new(offset_us: i64) -> Self {
        Self { offset_us, glide: None }
    }

    pub(super) fn media_us(&self, rtp_us: i64) -> i64 {
        rtp_us.saturating_add(self.offset_at(rtp_us))
    }

    pub(super) fn offset_at(&self, rtp_us: i64) -> i64 {
        match &self.glide {
            Some(glide) if rtp_us > glide.from_us => {
                if glide.ppm == STEP_PPM {
                    return glide.offset_us;
                }
                let elapsed = i128::from(rtp_us) - i128::from(glide.from_us);
                let room = i64::try_from(elapsed * i128::from(glide.ppm) / 1_000_000).unwrap_or(i64::MAX);
                let way = glide.offset_us.saturating_sub(self.offset_us);
                self.offset_us.saturating_add(way.clamp(-room, room))
            }
            _ => self.offset_us,
        }
    }

    /// The offset of what comes next behind `rtp_us`, the latest time that was mapped.
    pub(super) fn offset_behind(&self, rtp_us: i64) -> i64 {
        self.offset_at(rtp_us.saturating_add(1))
    }

    /// Whether `rtp_us` is still being brought to a later place, by [`Mapping::spread_to`].
    pub(super) fn spreads(&self, rtp_us: i64) -> bool {
        let glide = self.glide.as_ref().filter(|glide| glide.ppm == SPREAD_PPM);
        glide.is_some_and(|glide| self.offset_behind(rtp_us) != glide.offset_us)
    }

    /// By how much `rtp_us` is mapped later than where it is being brought, by [`Mapping::hasten_to`].
    pub(super) fn ahead_us(&self, rtp_us: i64) -> i64 {
        let glide = self.glide.as_ref().filter(|glide| glide.ppm == HASTE_PPM);
        glide.map_or(0, |glide| self.offset_at(rtp_us).saturating_sub(glide.offset_us))
    }

    /// Lets the offset glide to `offset_us` behind `rtp_us`, the latest time that was mapped. A brisk glide in progress
    /// is finished first: bending it would reorder frames that are still to come from before the bend.
    pub(super) fn glide_to(&mut self, rtp_us: i64, offset_us: i64) {
        let way = offset_us.saturating_sub(self.offset_at(rtp_us)).saturating_abs();
        let ppm = if way <= GENTLE_LIMIT_US { GENTLE_PPM } else { BRISK_PPM };
        self.bend(rtp_us, offset_us, ppm);
    }

    /// Like [`Mapping::glide_to`], but as slowly as clocks run apart, whatever the difference is.
    pub(super) fn drift_to(&mut self, rtp_us: i64, offset_us: i64) {
        self.bend(rtp_us, offset_us, DRIFT_PPM);
    }

    /// Like [`Mapping::drift_to`], as fast as a sender's clock may run ahead.
    pub(super) fn hasten_to(&mut self, rtp_us: i64, offset_us: i64) {
        self.bend(rtp_us, offset_us, HASTE_PPM);
    }

    /// Like [`Mapping::drift_to`], as fast as a sender's clock may fall behind.
    pub(super) fn spread_to(&mut self, rtp_us: i64, offset_us: i64) {
        self.bend(rtp_us, offset_us, SPREAD_PPM);
    }

    /// Maps all behind `rtp_us`, the latest time that was mapped, this much later.
    pub(super) fn put_off(&mut self, rtp_us: i64, by_us: i64) {
        *self = Self {
            offset_us: self.offset_at(rtp_us),
            glide: Some(Glide {
                from_us: rtp_us,
                offset_us: self.offset_behind(rtp_us).saturating_add(by_us),
                ppm: STEP_PPM,
            }),
        };
    }

    fn bend(&mut self, rtp_us: i64, offset_us: i64, ppm: i64) {
        let present = self.offset_behind(rtp_us);
        if let Some(glide) = &self.glide {
            let is_brisk = glide.ppm == BRISK_PPM && present != glide.offset_us;
            // Frames from before the step may still come, and stay before it.
            let awaits_step = glide.ppm == STEP_PPM && rtp_us <= glide.from_us;
            if is_brisk || awaits_step {
                return;
            }
        }
        if offset_us.saturating_sub(present).saturating_abs() < TOLERANCE_US {
            return;
        }
        self.offset_us = present;
        self.glide = Some(Glide {
            from_us: rtp_us,
            offset_us,
            ppm,
        });
    }
}

/// How long one window of [`Lateness`] is.
const WINDOW_US: i64 = 5_000_000;

/// How far behind its media time a track arrives: the least delay in each window of time. Jitter only adds delay, so
/// the least one is what the path really takes.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    since_us: Option<i64>,
    least_us: i64,
    closed_us: Option<i64>,
}

/// A window that has just closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClosedWindow {
    pub(super) least_us: i64,
    pub(super) previous_us: Option<i64>,
}

impl Lateness {
    /// A frame of media time `media_us` arrived at `arrival_us`. Returns the window that this ended.
    pub(super) fn observe(&mut self, arrival_us: i64, media_us: i64) -> Option<ClosedWindow> {
        let late_us = arrival_us.saturating_sub(media_us);
        match self.since_us {
            Some(since) if arrival_us.saturating_sub(since) < WINDOW_US => {
                self.least_us = self.least_us.min(late_us);
                None
            }
            since => {
                let window = since.map(|_| ClosedWindow {
                    least_us: self.least_us,
                    previous_us: self.closed_us,
                });
                self.closed_us = window.map(|w| w.least_us);
                self.since_us = Some(arrival_us);
                self.least_us = late_us;
                window
            }
        }
    }

    /// The least delay of the last full window.
    pub(super) fn least_us(&self) -> Option<i64> {
        self.closed_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timestamps_continue_over_the_wrap_and_back() {
        let mut clock = RtpClock::new(90_000);
        let first = clock.advance(u32::MAX - 8_999);
        assert_eq!(clock.advance(0) - first, 100_000);
        assert_eq!(clock.advance(u32::MAX - 8_999) - first, 0);
        assert_eq!(clock.place(9_000) - first, 200_000);
    }

    #[test]
    fn a_glide_arrives_and_keeps_time_growing() {
        let mut mapping = Mapping::new(1_000_000);
        mapping.glide_to(0, 700_000);
        assert_eq!(mapping.media_us(0), 1_000_000);
        assert_eq!(mapping.media_us(400_000), 1_300_000);
        assert_eq!(mapping.media_us(1_200_000), 1_900_000);
        assert_eq!(mapping.media_us(5_000_000), 5_700_000);
        assert_eq!(mapping.media_us(-40_000), 960_000);
    }

    #[test]
    fn noise_below_the_tolerance_moves_nothing() {
        let mut mapping = Mapping::new(0);
        mapping.glide_to(0, TOLERANCE_US - 1);
        assert_eq!(mapping.offset_at(i64::MAX), 0);
    }

    #[test]
    fn a_brisk_glide_is_finished_before_the_next() {
        let mut mapping = Mapping::new(0);
        mapping.glide_to(0, 1_000_000);
        mapping.glide_to(100_000, 0);
        assert_eq!(mapping.offset_at(4_000_000), 1_000_000);
        mapping.glide_to(4_000_000, 0);
        assert_eq!(mapping.offset_at(8_000_000), 0);
    }

    #[test]
    fn drift_is_followed_no_faster_than_clocks_drift() {
        let mut mapping = Mapping::new(0);
        mapping.drift_to(0, 400_000);
        assert_eq!(mapping.offset_at(5_000_000), 5_000);
        mapping.drift_to(5_000_000, 5_000 + TOLERANCE_US - 1);
        assert_eq!(mapping.offset_at(6_000_000), 6_000, "the way is gone on with");
        mapping.drift_to(6_000_000, 2_000);
        assert_eq!(mapping.offset_at(60_000_000), 2_000);
    }

    #[test]
    fn what_is_put_off_leaves_frames_from_before_it_where_they_were() {
        let mut mapping = Mapping::new(0);
        mapping.put_off(100_000, 700_000);
        assert_eq!(
            mapping.media_us(60_000),
            60_000,
            "a picture that is decoded later than it is shown"
        );
        assert_eq!(mapping.media_us(140_000), 840_000);
        mapping.put_off(140_000, 300_000);
        assert_eq!(
            (mapping.media_us(140_000), mapping.media_us(180_000)),
            (840_000, 1_180_000)
        );
        mapping.drift_to(180_000, 0);
        assert_eq!(mapping.offset_at(1_180_000), 999_000);
    }

    #[test]
    fn what_is_put_off_and_then_brought_back_keeps_the_order_of_pictures() {
        let mut mapping = Mapping::new(0);
        assert_eq!(mapping.media_us(160_000), 160_000);
        mapping.put_off(160_000, 185_000);
        mapping.drift_to(160_000, 150_000);
        mapping.glide_to(160_000, 0);
        mapping.hasten_to(160_000, 100_000);
        for earlier_us in [80_000, 40_000, 120_000] {
            assert_eq!(mapping.media_us(earlier_us), earlier_us);
        }
        assert_eq!(mapping.media_us(320_000), 505_000);
        mapping.drift_to(320_000, 150_000);
        assert_eq!(mapping.media_us(240_000), 425_000);
        assert!(
            mapping.media_us(480_000) < 665_000,
            "it is brought back from the next picture on"
        );
    }

    #[test]
    fn windows_keep_the_least_delay() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.observe(0, -300), None);
        assert_eq!(lateness.observe(1_000_000, 999_900), None);
        assert_eq!(
            lateness.observe(5_000_000, 4_990_000),
            Some(ClosedWindow {
                least_us: 100,
                previous_us: None
            })
        );
        assert_eq!(
            lateness.observe(10_000_000, 9_000_000),
            Some(ClosedWindow {
                least_us: 10_000,
                previous_us: Some(100)
            })
        );
        assert_eq!(lateness.least_us(), Some(10_000));
    }

    proptest! {
        #[test]
        fn any_sequence_of_glides_keeps_order(
            targets in proptest::collection::vec((-900_000i64..900_000, 1i64..20), 1..30),
        ) {
            let mut mapping = Mapping::new(0);
            let mut rtp = 0i64;
            let mut last = mapping.media_us(rtp);
            for (target, frames) in targets {
                mapping.glide_to(rtp, target);
                for _ in 0..frames {
                    rtp += 33_333;
                    let media = mapping.media_us(rtp);
                    prop_assert!(media > last);
                    prop_assert!((media - last - 33_333).abs() <= 33_333 / 4 + 1);
                    last = media;
                }
            }
        }

        #[test]
        fn unwrapping_recovers_any_neighbouring_time(start in any::<u32>(), steps in proptest::collection::vec(-90_000i64..900_000, 1..60)) {
            let mut clock = RtpClock::new(1_000_000);
            let origin = clock.advance(start);
            let mut at = 0i64;
            for step in steps {
                at += step;
                prop_assert_eq!(clock.advance(start.wrapping_add(at as u32)) - origin, at);
            }
        }
    }
}
