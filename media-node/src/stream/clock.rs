use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The recording's timeline: microseconds since the recording's start, carried on by the monotonic clock, so that a
/// step of the system's clock does not move media.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start_ms: u64,
    origin: Instant,
    origin_us: i64,
}

impl Clock {
    /// For a recording that started at `start_ms` (Unix milliseconds); reads the system's clock this once.
    pub fn new(start_ms: u64) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::at(start_ms, wall, Instant::now())
    }

    /// A clock as [`Clock::new`] makes it, with the present moment given: `wall` since the Unix epoch, `now` on the monotonic
    /// clock.
    pub fn at(start_ms: u64, wall: Duration, now: Instant) -> Self {
        let wall_us = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        let start_us = i64::try_from(start_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self {
            start_ms,
            origin: now,
            origin_us: wall_us.saturating_sub(start_us),
        }
    }

    /// The present moment in microseconds on the recording's timeline.
    pub fn now_us(&self) -> i64 {
        self.us_at(Instant::now())
    }

    /// A moment in microseconds on the recording's timeline.
    pub fn us_at(&self, moment: Instant) -> i64 {
        let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        match moment.checked_duration_since(self.origin) {
            Some(later) => self.origin_us.saturating_add(micros(later)),
            None => self
                .origin_us
                .saturating_sub(micros(self.origin.duration_since(moment))),
        }
    }

    /// A Unix time in milliseconds, in microseconds on the recording's timeline.
    pub fn media_us(&self, wall_ms: u64) -> i64 {
        let ms = i128::from(wall_ms) - i128::from(self.start_ms);
        i64::try_from(ms * 1000).unwrap_or(i64::MAX)
    }

    /// The Unix time, in milliseconds, of a moment on the recording's timeline.
    pub fn wall_ms(&self, media_us: i64) -> u64 {
        self.start_ms.saturating_add_signed(media_us.div_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_recorder_continues_the_timeline() {
        let now = Instant::now();
        let clock = Clock::at(1_000_000, Duration::from_millis(1_060_500), now);
        assert_eq!(clock.us_at(now), 60_500_000);
        assert_eq!(clock.us_at(now + Duration::from_micros(7)), 60_500_007);
        assert_eq!(clock.wall_ms(60_500_999), 1_060_500);
        assert_eq!(clock.wall_ms(-1), 999_999);
        assert_eq!(
            (clock.media_us(1_060_500), clock.media_us(999_999)),
            (60_500_000, -1_000)
        );
    }

    #[test]
    fn moments_before_the_origin_are_on_the_timeline_too() {
        let now = Instant::now();
        let clock = Clock::at(5_000, Duration::from_secs(6), now + Duration::from_secs(1));
        assert_eq!(clock.us_at(now), 0);
    }
}
