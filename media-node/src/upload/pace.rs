//! How often a playlist is written. A playlist travels whole, so that one that followed each slice would send the square of
//! what it names. Instead, the longer it is the longer its next version waits: what playlists send in a time does not depend
//! on how long they are. Pure: time is an argument, in milliseconds of any clock that does not go back.

use std::collections::BTreeMap;

use crate::spool::Lag;

/// For each so many slices that a playlist names
const SLICES: u64 = 64;
/// its next version waits for so long.
const PAUSE_MS: u64 = 15_000;
/// The end of a stretch may be told so many pauses early, so that it is told at once unless ends follow each other all the
/// time.
const EARLY: u64 = 4;

/// When playlists may be written next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// By name, of those that this process has written.
    turns: BTreeMap<String, Turn>,
    /// When the first of those that were asked for may be.
    wake_ms: Option<u64>,
}

/// When one playlist may be written.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// Whatever else there is.
    next_ms: u64,
    /// When all its versions so far have had their pauses, one after the other.
    settled_ms: u64,
}

impl Pace {
    /// Whether a playlist that lags behind what it could name is written at this moment.
    pub(super) fn allows(&mut self, lag: &Lag<'_>, now_ms: u64) -> bool {
        let turn = self.turns.get(lag.name).copied().unwrap_or_default();
        let early_ms = turn.settled_ms.saturating_sub(EARLY * pause_ms(lag.named));
        let at_ms = if lag.ends_stretch {
            turn.next_ms.min(early_ms)
        } else {
            turn.next_ms
        };
        if lag.seals || at_ms <= now_ms {
            return true;
        }
        self.wake_ms = Some(self.wake_ms.map_or(at_ms, |wake_ms| wake_ms.min(at_ms)));
        false
    }

    /// The store has a version of the playlist that names so many slices.
    pub(super) fn written(&mut self, name: &str, named: usize, now_ms: u64) {
        // What is written at once for good has no entry.
        if pause_ms(named) > 0 {
            let turn = self.turns.entry(name.to_owned()).or_default();
            turn.next_ms = now_ms + pause_ms(named);
            turn.settled_ms = turn.settled_ms.max(now_ms) + pause_ms(named);
        }
    }

    /// When a playlist that was not allowed will be; everything is asked for again after this.
    pub(super) fn take_wake_ms(&mut self) -> Option<u64> {
        self.wake_ms.take()
    }
}

fn pause_ms(named: usize) -> u64 {
    named as u64 / SLICES * PAUSE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE_MS: u64 = 15_000;
    const DAY_MS: u64 = 86_400_000;
    /// What an entry of a playlist takes: its duration, its name with sid, channel, user and time.
    const ENTRY_BYTES: u64 = 130;

    fn lag(named: usize, ends_stretch: bool, seals: bool) -> Lag<'static> {
        Lag {
            name: "p",
            named,
            ends_stretch,
            seals,
        }
    }

    /// What a playlist's versions come to, and the longest that a slice waited to be named.
    struct Day {
        bytes: u64,
        versions: u64,
        /// By how many slices the playlist named when it waited.
        waited_ms: Vec<(usize, u64)>,
    }

    fn day(slice_ms: u64, ends_stretch: bool) -> Day {
        over(DAY_MS, slice_ms, ends_stretch)
    }

    /// So long slices of a length, each of which ends a stretch or none does.
    fn over(all_ms: u64, slice_ms: u64, ends_stretch: bool) -> Day {
        let mut pace = Pace::default();
        let mut day = Day {
            bytes: 0,
            versions: 0,
            waited_ms: Vec::new(),
        };
        let (mut named, mut confirmed, mut now_ms) = (0, 0, 0);
        // When the first slice was confirmed that the playlist does not name.
        let mut waits_since_ms = None;
        while now_ms < all_ms {
            if now_ms % slice_ms == 0 {
                confirmed += 1;
                waits_since_ms = waits_since_ms.or(Some(now_ms));
            }
            if let Some(since_ms) = waits_since_ms
                && pace.allows(&lag(named, ends_stretch, false), now_ms)
            {
                day.waited_ms.push((named, now_ms - since_ms));
                (named, waits_since_ms) = (confirmed, None);
                pace.written("p", named, now_ms);
                day.bytes += named as u64 * ENTRY_BYTES;
                day.versions += 1;
            }
            let wake_ms = pace.take_wake_ms().unwrap_or(u64::MAX);
            now_ms = (now_ms / slice_ms * slice_ms + slice_ms).min(wake_ms);
        }
        day
    }

    #[test]
    fn a_day_of_slices_sends_little_more_than_sixty_four_times_the_last_playlist() {
        let day = day(SLICE_MS, false);
        let slices = DAY_MS / SLICE_MS;
        let after_each_slice = slices * (slices + 1) / 2 * ENTRY_BYTES;
        assert!(after_each_slice > 2_000_000_000, "what it would be: {after_each_slice}");
        let last = slices * ENTRY_BYTES;
        assert!(
            day.bytes < 70 * last,
            "{} bytes in {} versions, the last one {last}",
            day.bytes,
            day.versions
        );
    }

    #[test]
    fn twice_the_time_sends_twice_as_much_and_not_four_times() {
        // One that names twice as many is written half as often.
        let (one, two) = (day(SLICE_MS, false), over(2 * DAY_MS, SLICE_MS, false));
        assert!(two.bytes < one.bytes * 21 / 10, "{} and {}", one.bytes, two.bytes);
    }

    #[test]
    fn no_slice_waits_longer_than_a_sixty_fourth_of_what_the_playlist_names() {
        for (slice_ms, ends) in [(SLICE_MS, false), (SLICE_MS, true), (1_000, false), (4_000, true)] {
            for (named, waited_ms) in day(slice_ms, ends).waited_ms {
                assert!(waited_ms <= named as u64 * PAUSE_MS / SLICES, "{named}: {waited_ms} ms");
            }
        }
        assert!(
            day(SLICE_MS, false)
                .waited_ms
                .iter()
                .all(|(named, waited_ms)| *named >= 64 || *waited_ms == 0)
        );
    }

    #[test]
    fn ends_are_told_at_once_unless_they_follow_each_other_all_the_time() {
        let mut pace = Pace::default();
        pace.written("p", 640, 1_000);
        assert!(!pace.allows(&lag(640, false, false), 1_000));
        assert_eq!(pace.take_wake_ms(), Some(151_000));
        assert_eq!(pace.take_wake_ms(), None);
        for _ in 0..EARLY {
            assert!(pace.allows(&lag(640, true, false), 1_000));
            pace.written("p", 640, 1_000);
        }
        assert!(!pace.allows(&lag(640, true, false), 1_000));
        assert_eq!(pace.take_wake_ms(), Some(151_000));
        // A user who comes and goes every second.
        let day = day(1_000, true);
        let last = DAY_MS / 1_000 * ENTRY_BYTES;
        assert!(
            day.bytes < 70 * last,
            "{} bytes in {} versions",
            day.bytes,
            day.versions
        );
    }

    #[test]
    fn the_end_of_a_recording_never_waits_and_a_new_process_does_not_either() {
        let mut pace = Pace::default();
        for _ in 0..9 {
            pace.written("p", 6_400, 1_000);
        }
        assert!(pace.allows(&lag(6_400, false, true), 1_000));
        assert!(Pace::default().allows(&lag(6_400, false, false), 1_000));
    }
}
