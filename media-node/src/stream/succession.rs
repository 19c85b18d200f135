//! How the frames of a track follow one another on its sender's clock.

use super::Track;
use super::depacketize::Frame;
use super::timeline::RtpClock;

/// RTP time that runs ahead of the arrivals by more than this was set anew.
const AHEAD_LIMIT_US: i64 = 3_000_000;
/// A longer time without sound ends what can be told as one piece, even where the clock went on. A picture may stand
/// still for any time.
const GAP_LIMIT_US: i64 = 10_000_000;
/// How far video may go back for its B-frames, and audio for its sender's inaccuracy.
const VIDEO_BACKWARD_LIMIT_US: i64 = 2_000_000;
const AUDIO_BACKWARD_LIMIT_US: i64 = 200_000;
/// In a track without B-frames, a leap by more than this needs a second frame that agrees with it.
const LEAP_US: i64 = 500_000;
/// Between a frame and the one before, where its own time cannot be believed and none follows.
const USUAL_STEP_US: i64 = 20_000;

/// A frame with its time on the sender's media clock.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) rtp_us: i64,
    pub(super) continuity: Continuity,
    /// The time is not its sender's: that was of no clock.
    pub(super) restamped: bool,
    pub(super) frame: Frame,
}

/// How a frame follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Continuity {
    Continuous,
    /// On the same clock, after a long time without media.
    Gap,
    /// On a clock that was set anew.
    Restart,
}

/// The sender's clock of one track. A frame whose timestamp leaps is kept back until the next one comes: if that agrees with
/// it, the clock was set anew; if not, the timestamp was a stray one, and the frame gets a time between its neighbours'.
#[derive(Debug)]
pub(super) struct Succession {
    kind: Track,
    clock: RtpClock,
    /// RTP and arrival time of the latest frame.
    previous: Option<(i64, i64)>,
    suspect: Option<Frame>,
    /// Frames may come in another order than they are shown.
    reorders: bool,
}

impl Succession {
    pub(super) fn new(kind: Track, clock_rate: u32) -> Self {
        Self {
            kind,
            clock: RtpClock::new(clock_rate),
            previous: None,
            suspect: None,
            reorders: true,
        }
    }

    /// RTP time of the latest frame.
    pub(super) fn latest_us(&self) -> Option<i64> {
        self.previous.map(|(rtp_us, _)| rtp_us)
    }

    /// A timestamp of a sender report, on the same clock.
    pub(super) fn place(&self, timestamp: u32) -> i64 {
        self.clock.place(timestamp)
    }

    /// The next frame; those whose time is known go to `timed`.
    pub(super) fn take(&mut self, frame: Frame, timed: &mut Vec<Timed>) {
        if let Some(format) = &frame.format {
            self.reorders = format.format.reorder_depth() > 0;
        }
        let Some(suspect) = self.suspect.take() else {
            return if self.leaps(self.previous, &frame) {
                self.suspect = Some(frame);
            } else {
                self.follow(frame, timed);
            };
        };
        let place = |frame: &Frame| (self.clock.place(frame.timestamp), frame.arrival_us);
        let (before, after) = (self.previous, place(&frame));
        let of_suspect = Some(place(&suspect));
        if !self.leaps(before, &frame) {
            self.restamp(suspect, Some(after.0), timed);
            self.follow(frame, timed);
        } else if self.leaps(of_suspect, &frame) {
            self.restamp(suspect, None, timed);
            self.suspect = Some(frame);
        } else {
            self.follow(suspect, timed);
            self.follow(frame, timed);
        }
    }

    /// No more frames come.
    pub(super) fn end(&mut self, timed: &mut Vec<Timed>) {
        if let Some(suspect) = self.suspect.take() {
            self.restamp(suspect, None, timed);
        }
    }

    /// Whether a frame's timestamp lies where no clock that goes on can have it.
    fn leaps(&self, before: Option<(i64, i64)>, frame: &Frame) -> bool {
        let Some((step, waited)) = self.step(before, frame) else {
            return false;
        };
        let leaps = !self.reorders && (step < -self.backward_us() || step.saturating_sub(waited) > LEAP_US);
        leaps || self.judge(step, waited) == Continuity::Restart
    }

    /// From the frame before: by its timestamp, and by its arrival.
    fn step(&self, before: Option<(i64, i64)>, frame: &Frame) -> Option<(i64, i64)> {
        let (rtp_us, arrived_us) = before?;
        let step = self.clock.place(frame.timestamp).saturating_sub(rtp_us);
        Some((step, frame.arrival_us.saturating_sub(arrived_us).max(0)))
    }

    fn backward_us(&self) -> i64 {
        match self.kind {
            Track::Video if self.reorders => VIDEO_BACKWARD_LIMIT_US,
            Track::Video => LEAP_US,
            Track::Audio => AUDIO_BACKWARD_LIMIT_US,
        }
    }

    fn judge(&self, step: i64, waited: i64) -> Continuity {
        if step < -self.backward_us() || step.saturating_sub(waited) > AHEAD_LIMIT_US {
            Continuity::Restart
        } else if step > GAP_LIMIT_US && self.kind == Track::Audio {
            Continuity::Gap
        } else {
            Continuity::Continuous
        }
    }

    /// A frame whose timestamp is believed.
    fn follow(&mut self, frame: Frame, timed: &mut Vec<Timed>) {
        let step = self.step(self.previous, &frame);
        let continuity = step.map_or(Continuity::Continuous, |(step, waited)| self.judge(step, waited));
        let rtp_us = self.clock.advance(frame.timestamp);
        self.previous = Some((rtp_us, frame.arrival_us));
        timed.push(Timed {
            rtp_us,
            continuity,
            restamped: false,
            frame,
        });
    }

    /// A frame whose timestamp is not believed.
    fn restamp(&mut self, frame: Frame, next_us: Option<i64>, timed: &mut Vec<Timed>) {
        let before_us = self.latest_us().unwrap_or_default();
        let next_us = next_us.unwrap_or(before_us.saturating_add(2 * USUAL_STEP_US));
        // Between its neighbours, but not long after it came.
        let arrived_us = self.previous.map_or(frame.arrival_us, |(_, arrived_us)| arrived_us);
        let waited_us = frame.arrival_us.saturating_sub(arrived_us).max(0);
        let by_arrival_us = before_us.saturating_add(waited_us).saturating_add(USUAL_STEP_US);
        let rtp_us = before_us.midpoint(next_us).min(by_arrival_us);
        self.previous = Some((rtp_us, frame.arrival_us));
        timed.push(Timed {
            rtp_us,
            continuity: Continuity::Continuous,
            restamped: true,
            frame,
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn frame(arrival_us: i64, timestamp_ms: i64) -> Frame {
        Frame {
            timestamp: (timestamp_ms as i32).wrapping_mul(48) as u32,
            arrival_us,
            data: Bytes::new(),
            keyframe: true,
            format: None,
        }
    }

    /// A frame each 20 ms whose stamps, in milliseconds, are what `stamp` makes of the number.
    fn run(kind: Track, count: i64, stamp: impl Fn(i64) -> i64) -> Vec<(i64, Continuity, bool)> {
        let mut succession = Succession::new(kind, 48_000);
        succession.reorders = false;
        let mut timed = Vec::new();
        for n in 0..count {
            succession.take(frame(n * 20_000, stamp(n)), &mut timed);
        }
        succession.end(&mut timed);
        timed
            .into_iter()
            .map(|timed| (timed.rtp_us / 1000, timed.continuity, timed.restamped))
            .collect()
    }

    #[test]
    fn a_stray_timestamp_is_replaced_by_one_between_its_neighbours() {
        for leap_ms in [600, 2_000, 10_000, -1_000, -10_000, 3_600_000] {
            let got = run(Track::Audio, 9, |n| 20 * n + if n == 4 { leap_ms } else { 0 });
            let expected: Vec<_> = (0..9).map(|n| (20 * n, Continuity::Continuous, n == 4)).collect();
            assert_eq!(got, expected, "{leap_ms}");
        }
    }

    #[test]
    fn a_clock_that_is_set_anew_is_believed_with_its_second_frame() {
        for leap_ms in [10_000, -10_000] {
            let got = run(Track::Video, 9, |n| 20 * n + if n >= 4 { leap_ms } else { 0 });
            let expected: Vec<_> = (0..9)
                .map(|n| match n {
                    0..4 => (20 * n, Continuity::Continuous, false),
                    4 => (20 * n + leap_ms, Continuity::Restart, false),
                    _ => (20 * n + leap_ms, Continuity::Continuous, false),
                })
                .collect();
            assert_eq!(got, expected, "{leap_ms}");
        }
    }

    #[test]
    fn a_leap_that_may_be_media_goes_on_when_a_second_frame_agrees() {
        let got = run(Track::Audio, 9, |n| 20 * n + if n >= 4 { 2_000 } else { 0 });
        assert!(
            got.iter()
                .all(|(_, continuity, restamped)| *continuity == Continuity::Continuous && !restamped)
        );
        assert_eq!(got[4].0, 2_080);
    }

    #[test]
    fn timestamps_of_no_clock_at_all_lose_no_frame() {
        let got = run(Track::Audio, 50, |n| n * 7_919_000 % 1_000_003);
        assert_eq!(got.len(), 50);
    }

    #[test]
    fn the_last_frame_may_be_a_stray_one() {
        let got = run(Track::Audio, 4, |n| if n == 3 { 99_000 } else { 20 * n });
        assert_eq!(got[3], (60, Continuity::Continuous, true));
    }

    #[test]
    fn a_picture_now_and_then_is_no_leap() {
        let mut succession = Succession::new(Track::Video, 48_000);
        succession.reorders = false;
        let mut timed = Vec::new();
        for n in 0..5 {
            succession.take(frame(n * 12 * SECOND + n % 2 * 300_000, n * 12_000), &mut timed);
        }
        assert_eq!(timed.len(), 5);
    }
}
