//! Brings picture and sound of one user into the order of playing: they come over different ways, and what has to be made anew
//! comes later. Pure.

use std::collections::VecDeque;

use crate::stream::{AccessUnit, Track};

/// How long a unit waits for what may have to be in front of it, in media time. A killed process loses as much.
pub(super) const HOLD_US: i64 = 1_000_000;
/// The most coded bytes that wait: a second of 128 Mbit/s.
const HOLD_BYTES: usize = 16 << 20;

#[derive(Default)]
pub(super) struct InOrder {
    video: VecDeque<AccessUnit>,
    audio: VecDeque<AccessUnit>,
    bytes: usize,
    /// From the decoding of the newest key frame to its presentation.
    delay_us: i64,
}

impl InOrder {
    pub(super) fn push(&mut self, track: Track, unit: AccessUnit) {
        self.bytes += unit.data.len();
        match track {
            Track::Video => self.video.push_back(unit),
            Track::Audio => self.audio.push_back(unit),
        }
    }

    /// The next unit, if no earlier one can follow any more or it has waited long enough. `now_us`: the present time, where that
    /// is known to be later than what comes.
    pub(super) fn pop(&mut self, now_us: Option<i64>) -> Option<(Track, AccessUnit)> {
        let video_us = self.video.front().map(|unit| self.place_us(unit));
        let audio_us = self.audio.front().map(|unit| unit.dts_us);
        let next = match (video_us, audio_us) {
            (Some(video_us), Some(audio_us)) if audio_us < video_us => Track::Audio,
            (Some(_), Some(_)) => Track::Video,
            (Some(at_us), None) if self.has_waited(&self.video, at_us, now_us) => Track::Video,
            (None, Some(at_us)) if self.has_waited(&self.audio, at_us, now_us) => Track::Audio,
            _ => return None,
        };
        self.take(next)
    }

    /// The next unit of those that are there.
    pub(super) fn pop_any(&mut self) -> Option<(Track, AccessUnit)> {
        self.pop(Some(i64::MAX))
    }

    /// Where a picture stands among the sound: all sound before a key frame's presentation is in front of it.
    fn place_us(&self, unit: &AccessUnit) -> i64 {
        match unit.keyframe {
            true => unit.pts_us,
            false => unit.dts_us.saturating_add(self.delay_us),
        }
    }

    fn has_waited(&self, queue: &VecDeque<AccessUnit>, at_us: i64, now_us: Option<i64>) -> bool {
        let newest_us = queue.back().map(|unit| unit.dts_us).max(now_us);
        newest_us.is_some_and(|newest_us| newest_us.saturating_sub(at_us) > HOLD_US) || self.bytes > HOLD_BYTES
    }

    fn take(&mut self, track: Track) -> Option<(Track, AccessUnit)> {
        let unit = match track {
            Track::Video => self.video.pop_front(),
            Track::Audio => self.audio.pop_front(),
        }?;
        self.bytes -= unit.data.len();
        if track == Track::Video && unit.keyframe {
            self.delay_us = unit.pts_us - unit.dts_us;
        }
        Some((track, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(dts_us: i64, pts_us: i64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            pts_us,
            dts_us,
            data: vec![0; 10].into(),
            keyframe,
        }
    }

    fn popped(order: &mut InOrder, now_us: Option<i64>) -> Vec<(Track, i64)> {
        std::iter::from_fn(|| order.pop(now_us))
            .map(|(track, unit)| (track, unit.dts_us))
            .collect()
    }

    #[test]
    fn sound_that_comes_later_stands_in_front_of_the_key_frame_that_is_shown_behind_it() {
        let mut order = InOrder::default();
        order.push(Track::Video, unit(0, 80_000, true));
        order.push(Track::Video, unit(40_000, 40_000, false));
        assert_eq!(popped(&mut order, None), []);
        for at_us in [60_000, 81_000, 121_000] {
            order.push(Track::Audio, unit(at_us, at_us, true));
        }
        let expected = [
            (Track::Audio, 60_000),
            (Track::Video, 0),
            (Track::Audio, 81_000),
            (Track::Video, 40_000),
        ];
        assert_eq!(popped(&mut order, None), expected);
        assert_eq!(order.pop_any().map(|(track, _)| track), Some(Track::Audio));
        assert_eq!(order.pop_any(), None);
    }

    #[test]
    fn what_comes_alone_waits_a_second_and_no_longer() {
        let mut order = InOrder::default();
        order.push(Track::Audio, unit(0, 0, true));
        assert_eq!(popped(&mut order, Some(HOLD_US)), []);
        assert_eq!(popped(&mut order, Some(HOLD_US + 1)), [(Track::Audio, 0)]);
        order.push(Track::Audio, unit(10, 10, true));
        order.push(Track::Audio, unit(HOLD_US + 11, HOLD_US + 11, true));
        assert_eq!(popped(&mut order, None), [(Track::Audio, 10)]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut order = InOrder::default();
        let large = AccessUnit {
            data: vec![0; HOLD_BYTES + 1].into(),
            ..unit(0, 0, true)
        };
        order.push(Track::Video, large);
        assert_eq!(popped(&mut order, None), [(Track::Video, 0)]);
    }
}
