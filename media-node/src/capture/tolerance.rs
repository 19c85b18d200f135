//! Whether a session goes on behind packets that cannot be taken.

/// A track that was heard and then only errors came for so long has changed: another SSRC, or a clock of its own.
const CHANGED_US: i64 = 2_000_000;
/// Errors without a single good packet between them: whatever sends them, it is no stream.
const MOST_IN_A_ROW: u32 = 5_000;
/// A stray packet of another source may come. After so many in a row the source is another one.
const STRAY_SOURCES: u32 = 3;
/// How the RTSP client words that. Should the words change, the stream is opened again somewhat later.
const OTHER_SOURCE: &str = "wrong ssrc";

/// What came of each track, and what did not. A bad packet is left out; only where a track has none but bad ones is the
/// session opened again.
#[derive(Debug)]
pub(super) struct Tolerance {
    /// When each track's last good packet came.
    heard_us: Vec<Option<i64>>,
    /// The first error since which not all tracks were heard again.
    bad_since_us: Option<i64>,
    in_a_row: u32,
    other_sources: u32,
}

impl Tolerance {
    pub(super) fn new(tracks: usize) -> Self {
        Self {
            heard_us: vec![None; tracks],
            bad_since_us: None,
            in_a_row: 0,
            other_sources: 0,
        }
    }

    /// A packet of this track was taken.
    pub(super) fn good(&mut self, track: usize, now_us: i64) {
        self.in_a_row = 0;
        if let Some(heard) = self.heard_us.get_mut(track) {
            *heard = Some(now_us);
        }
        if self.bad_since_us.is_some_and(|since| self.all_heard_since(since)) {
            self.bad_since_us = None;
            self.other_sources = 0;
        }
    }

    /// A packet could not be taken, for this reason; `true` when the session goes on without it.
    pub(super) fn bad(&mut self, reason: &str, now_us: i64) -> bool {
        self.in_a_row += 1;
        self.other_sources += u32::from(reason.contains(OTHER_SOURCE));
        let since_us = *self.bad_since_us.get_or_insert(now_us);
        let changed = now_us.saturating_sub(since_us) >= CHANGED_US && !self.all_heard_since(since_us);
        !changed && self.in_a_row <= MOST_IN_A_ROW && self.other_sources <= STRAY_SOURCES
    }

    /// A track that was never heard may be of a kind that never can be: the others go on beside it.
    fn all_heard_since(&self, since_us: i64) -> bool {
        self.heard_us.iter().flatten().all(|heard_us| *heard_us >= since_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn bad_packets_of_one_track_do_no_harm_to_the_other() {
        let mut tolerance = Tolerance::new(2);
        for n in 0..3000 {
            let now_us = n * SECOND / 50;
            tolerance.good(0, now_us);
            assert!(tolerance.bad("invalid padding length 0", now_us), "packet {n}");
        }
    }

    #[test]
    fn duplicates_among_good_packets_are_left_out_for_ever() {
        let mut tolerance = Tolerance::new(1);
        for n in 0..3000 {
            tolerance.good(0, n * SECOND / 50);
            assert!(tolerance.bad("out of order", n * SECOND / 50));
        }
    }

    #[test]
    fn a_track_that_has_changed_is_opened_again_and_a_stray_source_is_not() {
        let mut tolerance = Tolerance::new(2);
        tolerance.good(0, 0);
        tolerance.good(1, 0);
        assert!(tolerance.bad("wrong ssrc after 2 packets", SECOND));
        tolerance.good(0, SECOND + 1);
        tolerance.good(1, SECOND + 1);
        let goes_on: Vec<bool> = (2..6)
            .map(|n| tolerance.bad("wrong ssrc after 4 packets", n * SECOND / 2))
            .collect();
        assert_eq!(goes_on, [true, true, true, false]);
        let mut tolerance = Tolerance::new(2);
        tolerance.good(0, 0);
        tolerance.good(1, 0);
        assert!(tolerance.bad("of any kind", SECOND));
        tolerance.good(0, 3 * SECOND);
        assert!(!tolerance.bad("of any kind", 3 * SECOND));
    }

    #[test]
    fn what_sends_nothing_but_errors_ends() {
        let mut tolerance = Tolerance::new(1);
        let goes_on = (0..MOST_IN_A_ROW).all(|_| tolerance.bad("nonsense", 0));
        assert!(goes_on && !tolerance.bad("nonsense", 0));
    }
}
