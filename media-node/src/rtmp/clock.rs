//! Media time from the timestamps of RTMP: one clock for a publisher's picture and sound, which wraps after 49 days and which some
//! encoders set anew while they publish. Pure: times are arguments.

use super::session::MediaKind;

/// Timestamps of one track go back by no more than this.
const BACK_MS: i64 = 1_000;
/// They run ahead of the time that has passed by no more than this: buffers of encoders are shorter.
const AHEAD_MS: i64 = 10_000;
/// Where picture and sound come, neither leaps further ahead of the one that has come with the least delay.
const LEAP_MS: i64 = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The last timestamp of either track, and what it is when wraps are counted.
    last: Option<(u32, i64)>,
    /// The most that media time was ahead of the time of its coming.
    lead_ms: i64,
    audio: Track,
    video: Track,
}

#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// What is added to a timestamp, and was before the clock was last set.
    offset_ms: i64,
    former_offset_ms: Option<i64>,
    /// Media time of the last unit, and when it came.
    last: Option<(i64, i64)>,
}

impl Clock {
    /// The media time of a unit that comes at `now_ms`, in milliseconds. The first one's is the time of its coming. A clock that
    /// is set anew goes on where the time stands that has passed.
    pub(super) fn place(&mut self, kind: MediaKind, timestamp: u32, now_ms: i64) -> i64 {
        let continued = match self.last {
            None => i64::from(timestamp),
            Some((last, continued)) => continued + i64::from(timestamp.wrapping_sub(last) as i32),
        };
        self.last = Some((timestamp, continued));
        let (track, other) = match kind {
            MediaKind::Audio => (&mut self.audio, self.video),
            MediaKind::Video => (&mut self.video, self.audio),
        };
        let latest = |last_ms: i64, at_ms: i64| last_ms + (now_ms - at_ms) + AHEAD_MS;
        let likely = match (track.last, other.last) {
            (Some((last_ms, _)), Some(_)) => Some(last_ms - BACK_MS..=now_ms + self.lead_ms + LEAP_MS),
            (Some((last_ms, at_ms)), None) => Some(last_ms - BACK_MS..=latest(last_ms, at_ms)),
            // The one may well begin before the other.
            (None, Some((last_ms, at_ms))) => Some(last_ms - AHEAD_MS..=latest(last_ms, at_ms)),
            (None, None) => None,
        };
        let fits = |offset_ms: &i64| {
            likely
                .as_ref()
                .is_some_and(|likely| likely.contains(&(continued + offset_ms)))
        };
        let of_other = other.last.map(|_| other.offset_ms);
        let own = track.last.map(|_| track.offset_ms);
        let candidates = [own, of_other, track.former_offset_ms].into_iter().flatten();
        let chosen = candidates.into_iter().find(fits);
        let offset_ms = chosen.unwrap_or_else(|| match track.last {
            Some((last_ms, at_ms)) => last_ms + (now_ms - at_ms) - continued,
            None => now_ms - continued,
        });
        if own.is_some_and(|own| own != offset_ms) {
            track.former_offset_ms = own;
        }
        track.offset_ms = offset_ms;
        let media_ms = continued + offset_ms;
        track.last = Some((media_ms, now_ms));
        self.lead_ms = self.lead_ms.max(media_ms - now_ms);
        media_ms
    }
}

#[cfg(test)]
mod tests {
    use super::MediaKind::{Audio, Video};
    use super::*;

    fn run(units: &[(MediaKind, u32, i64)]) -> Vec<i64> {
        let mut clock = Clock::default();
        units
            .iter()
            .map(|(kind, timestamp, now_ms)| clock.place(*kind, *timestamp, *now_ms))
            .collect()
    }

    #[test]
    fn picture_and_sound_have_one_clock_and_bursts_do_not_move_it() {
        let got = run(&[
            (Video, 5_000, 100),
            (Audio, 4_980, 101),
            (Video, 5_040, 5_000),
            (Audio, 9_000, 5_001),
            (Video, 9_010, 5_002),
            (Video, 9_005, 5_003),
        ]);
        assert_eq!(got, [100, 80, 140, 4_100, 4_110, 4_105]);
    }

    #[test]
    fn it_goes_on_where_timestamps_wrap() {
        let got = run(&[
            (Video, u32::MAX - 9, 0),
            (Audio, 10, 20),
            (Video, 30, 40),
            (Audio, u32::MAX, 45),
        ]);
        assert_eq!(got, [0, 20, 40, 9]);
    }

    #[test]
    fn a_clock_that_is_set_anew_costs_no_time_and_keeps_picture_and_sound_together() {
        let got = run(&[
            (Video, 100_000, 0),
            (Audio, 100_010, 10),
            (Video, 0, 40),
            (Audio, 15, 60),
            (Video, 40, 80),
            // An hour ahead.
            (Audio, 3_600_040, 85),
            (Video, 3_600_080, 120),
        ]);
        assert_eq!(got, [0, 10, 40, 55, 80, 80, 120]);
    }

    #[test]
    fn one_track_does_not_leap_away_from_the_other() {
        let got = run(&[
            (Video, 1_000, 0),
            (Audio, 1_000, 0),
            (Video, 6_040, 40),
            (Audio, 1_040, 40),
            (Video, 6_080, 80),
            (Audio, 1_080, 80),
        ]);
        assert_eq!(got, [0, 0, 40, 40, 80, 80]);
    }

    #[test]
    fn media_that_was_left_out_behind_a_stall_leaves_its_hole() {
        let got = run(&[
            (Video, 1_000, 0),
            (Audio, 1_000, 0),
            // What had waited,
            (Video, 1_040, 5_000),
            (Audio, 1_040, 5_000),
            // and what the encoder goes on with.
            (Video, 6_000, 5_001),
            (Audio, 6_000, 5_001),
        ]);
        assert_eq!(got, [0, 0, 40, 40, 5_000, 5_000]);
    }

    #[test]
    fn a_stray_timestamp_changes_nothing_for_those_behind_it() {
        let got = run(&[
            (Video, 1_000, 0),
            (Video, 1_040, 40),
            (Video, 3_000_000_000, 81),
            (Video, 1_120, 120),
            (Video, 1_160, 160),
        ]);
        assert_eq!(got, [0, 40, 81, 120, 160]);
    }
}
