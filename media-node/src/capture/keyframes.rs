//! When a source is asked for a keyframe: pictures are left out until one comes, and some publishers send none unless they are asked.
//! Pure.

use crate::stream::{StreamEvent, Track};

/// A slice is as long as this when it ends at the next keyframe, and no longer than it need be if one comes now.
const LONGEST_GROUP_US: i64 = 15_000_000;
/// Who begins to play asks for a keyframe by that: it has so long to come.
const FIRST_US: i64 = 2_000_000;
/// Whoever counts the packets that are missing has asked already.
const AFTER_LOSS_US: i64 = 1_000_000;
/// Between the first two times that it is asked for one keyframe; from then on twice as long each time,
const FIRST_PAUSE_US: i64 = 2_000_000;
/// up to this: it does not listen, or cannot.
const LONGEST_PAUSE_US: i64 = 60_000_000;

/// Of one session. Times are on the recording's timeline.
#[derive(Debug)]
pub(super) struct Keyframes {
    due_us: i64,
    asked_us: Option<i64>,
    pause_us: i64,
}

impl Keyframes {
    pub(super) fn new(now_us: i64) -> Self {
        Self {
            due_us: now_us.saturating_add(FIRST_US),
            asked_us: None,
            pause_us: FIRST_PAUSE_US,
        }
    }

    /// What has become of the packets.
    pub(super) fn note(&mut self, event: &StreamEvent, now_us: i64) {
        match event {
            StreamEvent::Unit(Track::Video, unit) if unit.keyframe => {
                *self = Self {
                    due_us: now_us.saturating_add(LONGEST_GROUP_US),
                    ..Self::new(now_us)
                };
            }
            StreamEvent::Lost(Track::Video, _) => self.want(now_us.saturating_add(AFTER_LOSS_US)),
            StreamEvent::Unreadable(Track::Video, _) | StreamEvent::Skipped(Track::Video) => self.want(now_us),
            _ => {}
        }
    }

    /// From then on nothing can be shown without a keyframe.
    pub(super) fn want(&mut self, from_us: i64) {
        let earliest_us = self.asked_us.map(|asked_us| asked_us.saturating_add(self.pause_us));
        self.due_us = self.due_us.min(earliest_us.map_or(from_us, |us| us.max(from_us)));
    }

    /// A packet of the picture has come: whether the source is to be asked now. Where none come there is nothing to ask for.
    pub(super) fn is_due(&mut self, now_us: i64) -> bool {
        if now_us < self.due_us {
            return false;
        }
        if self.asked_us.is_some() {
            self.pause_us = self.pause_us.saturating_mul(2).min(LONGEST_PAUSE_US);
        }
        self.asked_us = Some(now_us);
        self.due_us = now_us.saturating_add(self.pause_us);
        true
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::stream::AccessUnit;

    const SECOND: i64 = 1_000_000;

    fn picture(keyframe: bool) -> StreamEvent {
        let unit = AccessUnit {
            pts_us: 0,
            dts_us: 0,
            data: Bytes::new(),
            keyframe,
        };
        StreamEvent::Unit(Track::Video, unit)
    }

    /// The seconds at which the source is asked, of packets each second.
    fn asked(keyframes: &mut Keyframes, seconds: std::ops::Range<i64>) -> Vec<i64> {
        seconds.filter(|second| keyframes.is_due(second * SECOND)).collect()
    }

    #[test]
    fn it_is_asked_again_ever_more_seldom_until_a_keyframe_comes() {
        let mut keyframes = Keyframes::new(0);
        assert_eq!(asked(&mut keyframes, 0..300), [2, 4, 8, 16, 32, 64, 124, 184, 244]);
        keyframes.note(&picture(false), 300 * SECOND);
        keyframes.note(&picture(true), 300 * SECOND);
        assert_eq!(asked(&mut keyframes, 300..320), [315, 317]);
    }

    #[test]
    fn what_leaves_pictures_out_asks_at_once_and_a_loss_if_whoever_saw_it_was_not_heard() {
        let begun = || {
            let mut keyframes = Keyframes::new(0);
            keyframes.note(&picture(true), SECOND);
            keyframes
        };
        for (event, first) in [
            (StreamEvent::Skipped(Track::Video), 3),
            (StreamEvent::Unreadable(Track::Video, "x"), 3),
            (StreamEvent::Lost(Track::Video, 1), 4),
            (StreamEvent::Lost(Track::Audio, 1), 16),
        ] {
            let mut keyframes = begun();
            keyframes.note(&event, 3 * SECOND);
            assert_eq!(asked(&mut keyframes, 3..17).first(), Some(&first), "{event:?}");
        }
        let mut keyframes = begun();
        // Whoever wants it all the time is not asked for all the time.
        let times = (3..20).filter(|second| {
            keyframes.want(second * SECOND);
            keyframes.is_due(second * SECOND)
        });
        assert_eq!(times.collect::<Vec<_>>(), [3, 5, 9, 17]);
    }
}
