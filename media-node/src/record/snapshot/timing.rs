use std::collections::VecDeque;

use crate::mix::LAST_PICTURE_US;
use crate::stream::AccessUnit;

/// How long a frame is taken to last before two are known, and the longest that one is taken to last.
const DEFAULT_FRAME_US: i64 = 40_000;
const LONGEST_FRAME_US: i64 = 200_000;

/// Latest presentation times that are remembered: more than H.264 reorders.
const REMEMBERED: usize = 32;

/// A picture that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Take {
    /// The instant that the picture is of, in microseconds on the recording's timeline.
    pub(super) at_us: i64,
    pub(super) frame: Frame,
}

/// What the picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The key frame that comes with the present unit.
    NextKey,
    /// The newest key frame before the present unit.
    LastKey,
    /// The frame before the present unit with this presentation time.
    At(i64),
}

/// Decides when the pictures of one user are due, and what they show. Pure: times of units in, what to take out.
///
/// The first picture is of the first frame, which is a key frame; the others follow at the interval, whatever the
/// frames' own times are. A picture shows the frame that is shown at its instant, or a key frame that is no more than
/// one frame away from it. Where at an instant nothing new has come for [`LAST_PICTURE_US`], the user sends no video:
/// the next picture is that of the first frame which comes again, so that two are never closer than the interval.
#[derive(Debug)]
pub(super) struct Timing {
    interval_us: i64,
    /// `None`: with the next frame.
    due_us: Option<i64>,
    /// Presentation times, in decoding order, the newest last.
    recent: VecDeque<i64>,
    last_dts_us: Option<i64>,
    last_key_us: Option<i64>,
    frame_us: i64,
}

impl Timing {
    /// `latest_us`: of the user's latest picture.
    pub(super) fn new(interval_us: i64, latest_us: Option<i64>) -> Self {
        let interval_us = interval_us.max(1);
        Self {
            interval_us,
            due_us: latest_us.map(|latest| latest.saturating_add(interval_us)),
            recent: VecDeque::with_capacity(REMEMBERED),
            last_dts_us: None,
            last_key_us: None,
            frame_us: DEFAULT_FRAME_US,
        }
    }

    /// The next unit in decoding order: what is due before it and with it, in order.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> Vec<Take> {
        let mut takes = Vec::new();
        while let Some(take) = self.next(unit) {
            self.due_us = Some(take.at_us.saturating_add(self.interval_us));
            takes.push(take);
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(unit.pts_us);
        if let Some(last) = self.last_dts_us.replace(unit.dts_us) {
            self.frame_us = unit.dts_us.saturating_sub(last).clamp(1, LONGEST_FRAME_US);
        }
        if unit.keyframe {
            self.last_key_us = Some(unit.pts_us);
        }
        takes
    }

    /// No more units come: what the last frame, for as long as it lasts, leaves due.
    pub(super) fn end(&mut self) -> Option<Take> {
        let shown = self.due_us.and_then(|due_us| Some((due_us, self.shown_at(due_us)?)));
        let take = shown
            .filter(|(due_us, shown_us)| due_us - shown_us < self.frame_us)
            .map(|(at_us, shown_us)| Take {
                at_us,
                frame: self.cheapest(at_us, shown_us),
            });
        if let Some(take) = take {
            self.due_us = Some(take.at_us.saturating_add(self.interval_us));
        }
        self.recent.clear();
        self.last_dts_us = None;
        self.last_key_us = None;
        take
    }

    fn next(&mut self, unit: &AccessUnit) -> Option<Take> {
        let mut due_us = self.due_us.unwrap_or(unit.pts_us);
        let next_key = |due_us: i64| Take {
            at_us: due_us,
            frame: Frame::NextKey,
        };
        let is_near = |due_us: i64| unit.keyframe && (unit.pts_us - due_us).abs() <= self.frame_us;
        if is_near(due_us) {
            return Some(next_key(due_us));
        }
        // What is shown at an instant is decoded at it or before, and before a key frame that is shown later.
        let known_until_us = if unit.keyframe { unit.pts_us } else { unit.dts_us };
        if known_until_us <= due_us {
            return None;
        }
        let shown_us = self.shown_at(due_us);
        if let Some(shown_us) = shown_us.filter(|shown_us| due_us - shown_us <= LAST_PICTURE_US) {
            return Some(Take {
                at_us: due_us,
                frame: self.cheapest(due_us, shown_us),
            });
        }
        due_us = unit.pts_us;
        self.due_us = Some(due_us);
        is_near(due_us).then(|| next_key(due_us))
    }

    fn cheapest(&self, due_us: i64, shown_us: i64) -> Frame {
        match self.last_key_us {
            Some(key_us) if (due_us - key_us).abs() <= self.frame_us => Frame::LastKey,
            _ => Frame::At(shown_us),
        }
    }

    fn shown_at(&self, due_us: i64) -> Option<i64> {
        self.recent.iter().copied().filter(|pts_us| *pts_us <= due_us).max()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit_at(pts_us: i64, dts_us: i64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            pts_us,
            dts_us,
            data: Default::default(),
            keyframe,
        }
    }

    proptest! {
        /// Frames at any times, in the order of presentation.
        #[test]
        fn pictures_are_never_closer_than_the_interval_and_never_stale(
            gaps in prop::collection::vec(prop_oneof![8 => 1..100_000_i64, 1 => 1..9_000_000_i64], 1..400),
            keys in prop::collection::vec(prop::bool::weighted(0.1), 400),
            interval_us in 100_000..3_000_000_i64,
        ) {
            let mut timing = Timing::new(interval_us, None);
            let (mut now_us, mut last) = (0, None);
            let (mut keys_us, mut times) = (Vec::new(), Vec::new());
            // Taken for the time of one frame.
            let mut frame_us = 40_000;
            for (index, gap) in gaps.into_iter().enumerate() {
                let before_us = now_us;
                now_us += gap;
                let keyframe = index == 0 || keys[index];
                let unit = unit_at(now_us, now_us, keyframe);
                for Take { at_us, frame } in timing.unit(&unit) {
                    if let Some(last_us) = last {
                        prop_assert!(at_us - last_us >= interval_us, "{last_us}, then {at_us}");
                    }
                    last = Some(at_us);
                    match frame {
                        Frame::NextKey => prop_assert!(keyframe && (now_us - at_us).abs() <= frame_us),
                        Frame::LastKey => prop_assert!(at_us - keys_us.last().unwrap() <= frame_us),
                        Frame::At(pts_us) => {
                            prop_assert_eq!(times.iter().filter(|time| **time <= at_us).max(), Some(&pts_us));
                            prop_assert!(at_us - pts_us <= LAST_PICTURE_US);
                        }
                    }
                }
                // A picture that is due is taken before the next frame, or the user was away.
                prop_assert!(last.is_some_and(|last_us| before_us - last_us <= interval_us));
                if index > 0 {
                    frame_us = gap.min(200_000);
                }
                times.push(now_us);
                if keyframe {
                    keys_us.push(now_us);
                }
            }
        }
    }
}
