//! Whether the way to a player carries a picture of which there is no smaller size, by what the client reports. Pure.
//!
//! Where it does not, sound and picture would both break up. Of a picture of which some can be left out, fewer are sent then. Whoever has
//! to choose wants to hear: where that is no help, the picture pauses, and is tried again.

use std::time::Duration;

use super::super::offer::Kind;

/// So much of the packets is lost, of one, where a way is far too narrow: what is sent again replaces less,
const STRAINED_LOSS: f32 = 0.25;
/// or so long does a packet take there and back, where what does not fit waits in a queue.
const STRAINED_ROUND_TRIP: Duration = Duration::from_secs(2);
/// A way is strained for so long before the picture pauses: a moment's trouble passes.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the picture pauses at least, at first and at most; each time that it was in vain, twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What was told so long ago is told no more: a client that cannot be heard says nothing.
const FRESH: Duration = Duration::from_secs(10);

/// What is done for a way that is strained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rtc) enum Relief {
    #[default]
    Nothing,
    /// Fewer pictures are sent.
    Fewer,
    /// The sound is sent alone.
    Sound,
}

/// See the module. Times are since any moment.
#[derive(Debug)]
pub(in crate::rtc) struct Strain {
    /// The media that were told of last as strained; since when there are some, and when that was told.
    picture: bool,
    sound: bool,
    since: Option<Duration>,
    told: Duration,
    relief: Relief,
    /// When the relief changed last, and when there became less of it.
    changed: Duration,
    eased: Option<Duration>,
    pause: Duration,
}

impl Default for Strain {
    fn default() -> Self {
        Self {
            picture: false,
            sound: false,
            since: None,
            told: Duration::ZERO,
            relief: Relief::Nothing,
            changed: Duration::ZERO,
            eased: None,
            pause: FIRST_PAUSE,
        }
    }
}

impl Strain {
    /// The client reports how the packets of a medium arrive. `loss`: of one.
    pub(in crate::rtc) fn told(&mut self, kind: Kind, loss: Option<f32>, round_trip: Option<Duration>, now: Duration) {
        let is_lossy = loss.is_some_and(|loss| loss >= STRAINED_LOSS);
        let is_slow = round_trip.is_some_and(|time| time >= STRAINED_ROUND_TRIP);
        if loss.is_none() && round_trip.is_none() {
            return;
        }
        self.told = now;
        match kind {
            Kind::Audio => self.sound = is_lossy || is_slow,
            Kind::Video => self.picture = is_lossy || is_slow,
        }
        if self.sound || self.picture {
            self.since.get_or_insert(now);
        } else {
            self.since = None;
        }
    }

    /// Whether too much was lost, or late, as was told last.
    pub(in crate::rtc) fn is_lost(&self) -> bool {
        self.since.is_some()
    }

    /// What is to be done. `has_spare`: whether there are pictures that can be left out.
    pub(in crate::rtc) fn relief(&mut self, has_spare: bool, now: Duration) -> Relief {
        if now.saturating_sub(self.told) >= FRESH {
            (self.picture, self.sound, self.since) = (false, false, None);
        }
        let is_strained = self.since.is_some_and(|since| now.saturating_sub(since) >= PATIENCE);
        let is_over = self.since.is_none() && now.saturating_sub(self.changed) >= self.pause;
        let less = if has_spare { Relief::Fewer } else { Relief::Sound };
        match self.relief {
            Relief::Nothing if is_strained => self.relieve(less, now),
            Relief::Fewer if is_strained => self.relieve(Relief::Sound, now),
            Relief::Fewer if is_over => self.ease(Relief::Nothing, now),
            Relief::Sound if is_over && has_spare => self.ease(Relief::Fewer, now),
            Relief::Sound if is_over => self.ease(Relief::Nothing, now),
            _ => {}
        }
        self.relief
    }

    fn relieve(&mut self, relief: Relief, now: Duration) {
        let was_in_vain = self
            .eased
            .is_some_and(|eased| now.saturating_sub(eased) < LONGEST_PAUSE);
        self.pause = match was_in_vain {
            true => (self.pause * 2).min(LONGEST_PAUSE),
            false => FIRST_PAUSE,
        };
        // What is sent now may fit.
        self.since = None;
        (self.relief, self.changed) = (relief, now);
    }

    fn ease(&mut self, relief: Relief, now: Duration) {
        (self.relief, self.changed, self.eased) = (relief, now, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Second by second, whether the picture pauses, with such losses.
    fn pauses(strain: &mut Strain, from_s: u64, losses: &[f32]) -> Vec<bool> {
        let seconds = (from_s..).map(Duration::from_secs).zip(losses);
        seconds
            .map(|(now, loss)| {
                let round_trip = Some(Duration::from_millis(50));
                strain.told(Kind::Video, Some(*loss), round_trip, now);
                strain.told(Kind::Audio, Some(0.0), round_trip, now);
                strain.relief(false, now) == Relief::Sound
            })
            .collect()
    }

    #[test]
    fn a_picture_pauses_where_much_is_lost_for_some_seconds_and_is_tried_again() {
        let mut strain = Strain::default();
        assert!(
            !pauses(&mut strain, 0, &[0.2; 60]).contains(&true),
            "what is lost is sent again"
        );
        assert!(
            !pauses(&mut strain, 60, &[0.9, 0.9, 0.9, 0.9, 0.0, 0.9]).contains(&true),
            "for a moment"
        );
        let lossy = pauses(&mut strain, 66, &[0.5; 10]);
        assert_eq!(lossy.iter().position(|paused| *paused), Some(4));
        let alone = pauses(&mut strain, 76, &[0.0; 10]);
        assert_eq!(
            alone.iter().position(|paused| !*paused),
            Some(4),
            "ten seconds behind the beginning"
        );
        assert!(pauses(&mut strain, 86, &[0.5; 6])[5], "it is as narrow as before");
        let again = pauses(&mut strain, 92, &[0.0; 30]);
        assert_eq!(again.iter().position(|paused| !*paused), Some(19), "twice as long");
    }

    #[test]
    fn a_way_on_which_packets_wait_is_too_narrow_and_one_of_which_nothing_is_known_is_not() {
        let mut strain = Strain::default();
        for second in 0..=5 {
            let now = Duration::from_secs(second);
            strain.told(Kind::Audio, None, Some(Duration::from_secs(3)), now);
            strain.told(Kind::Audio, None, None, now);
            assert_eq!(strain.relief(false, now) == Relief::Sound, second == 5);
        }
        assert_eq!(strain.relief(false, Duration::from_secs(14)), Relief::Sound);
        assert_eq!(
            strain.relief(false, Duration::from_secs(15)),
            Relief::Nothing,
            "it is not told any more"
        );
    }

    #[test]
    fn fewer_pictures_come_before_none() {
        let mut strain = Strain::default();
        let mut reliefs = |from_s: u64, losses: &[f32]| {
            let seconds = (from_s..).map(Duration::from_secs).zip(losses);
            let relief = |(now, loss): (Duration, &f32)| {
                strain.told(Kind::Video, Some(*loss), None, now);
                strain.relief(true, now)
            };
            let mut reliefs: Vec<Relief> = seconds.map(relief).collect();
            reliefs.dedup();
            reliefs
        };
        use Relief::{Fewer, Nothing, Sound};
        assert_eq!(reliefs(0, &[0.5; 7]), [Nothing, Fewer]);
        assert_eq!(reliefs(7, &[0.0; 20]), [Fewer, Nothing], "that has helped");
        assert_eq!(reliefs(27, &[0.5; 20]), [Nothing, Fewer, Sound]);
        assert_eq!(reliefs(47, &[0.0; 200]), [Sound, Fewer, Nothing]);
    }
}
