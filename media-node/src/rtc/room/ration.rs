//! Which pictures are sent by a way that carries so much, and how much each of them gets. Pure.
//!
//! Sound goes ahead of all of this. Of pictures those of peers who speak come first, then those that are shown large; and a picture
//! that does not fit pauses, rather than that all of them break up.

use std::time::Duration;

use super::share::{Need, share};

/// A picture that pauses has to fit by so much before it is sent again, in hundredths: what is measured varies.
const BEGINS_PERCENT: u64 = 120;
/// One that is sent goes on as long as it fits by so much: a moment's congestion makes estimates fall by some tenths.
const TOLERATED_PERCENT: u64 = 70;
/// A way that nobody measures is taken to carry half of what was sent when too much of that was lost, and half of that again
/// when this goes on for so long.
const HALVED_AGAIN: Duration = Duration::from_secs(3);

/// A picture that the client wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    /// The bits a second of its smallest size, and of the one that is wished for.
    pub(super) least: u64,
    pub(super) wanted: u64,
    /// How large it is shown, beside others.
    pub(super) weight: u64,
    /// Whether its peer speaks.
    pub(super) speaks: bool,
    /// What it has at present, in bits a second.
    pub(super) sent: u64,
    /// Whether it is sent at all,
    pub(super) is_sent: bool,
    /// or has just been paused, and rests.
    pub(super) rests: bool,
}

/// The bits a second of each, in their order; `None` for one that pauses. `carried`: what there is for all of them.
pub(super) fn ration(carried: u64, pictures: &[Picture]) -> Vec<Option<u64>> {
    let mut order: Vec<(usize, &Picture)> = pictures.iter().enumerate().collect();
    order.sort_by_key(|(_, picture)| std::cmp::Reverse((picture.speaks, picture.weight, picture.is_sent)));
    let mut given = vec![None; pictures.len()];
    let mut left = carried;
    for (index, picture) in order {
        let percent = if picture.is_sent {
            TOLERATED_PERCENT
        } else {
            BEGINS_PERCENT
        };
        let price = picture.least.saturating_mul(percent) / 100;
        let is_free = picture.is_sent || !picture.rests;
        if is_free
            && price <= left
            && let Some(given) = given.get_mut(index)
        {
            *given = Some(picture.least);
            left = left.saturating_sub(picture.least);
        }
    }
    let more = |picture: &Picture| Need {
        wanted: picture.wanted.saturating_sub(picture.least),
        weight: picture.weight,
    };
    let chosen = || pictures.iter().zip(&given).filter(|(_, given)| given.is_some());
    let needs: Vec<Need> = chosen().map(|(picture, _)| more(picture)).collect();
    let mut shares = share(left, &needs).into_iter();
    for given in given.iter_mut().flatten() {
        *given = given.saturating_add(shares.next().unwrap_or_default());
    }
    given
}

/// What a way carries whose client does not measure it, by what it reports to have lost.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// And since when that is taken.
    carried: Option<(u64, Duration)>,
}

impl Guess {
    /// `None` while the way carries everything. `sent`: the bits a second at present; `now`: since any moment.
    pub(super) fn take(&mut self, is_too_much: bool, is_lost: bool, sent: u64, now: Duration) -> Option<u64> {
        self.carried = match self.carried {
            _ if !is_too_much => None,
            None => Some((sent / 2, now)),
            Some((carried, since)) if is_lost && now.saturating_sub(since) >= HALVED_AGAIN => Some((carried / 2, now)),
            known => known,
        };
        self.carried.map(|(carried, _)| carried)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Picture = Picture {
        least: 100,
        wanted: 1_000,
        weight: 1,
        speaks: false,
        sent: 100,
        is_sent: true,
        rests: false,
    };

    #[test]
    fn who_speaks_is_seen_first_and_then_what_is_shown_large() {
        let speaking = Picture { speaks: true, ..SMALL };
        let large = Picture { weight: 9, ..SMALL };
        let pictures = [SMALL, large, SMALL, speaking];
        assert_eq!(ration(100, &pictures), [None, None, None, Some(100)]);
        assert_eq!(ration(70, &pictures), [None, None, None, Some(100)], "for a moment");
        assert_eq!(ration(69, &pictures), [None; 4]);
        // What is left over is shared by size.
        assert_eq!(ration(260, &pictures), [None, Some(154), None, Some(106)]);
        assert_eq!(ration(4_000, &pictures), [Some(1_000); 4]);
    }

    #[test]
    fn what_pauses_begins_again_with_room_to_spare_and_what_has_just_paused_rests() {
        let paused = Picture {
            is_sent: false,
            ..SMALL
        };
        assert_eq!(ration(119, &[paused]), [None]);
        assert_eq!(ration(120, &[paused]), [Some(120)]);
        assert_eq!(ration(1_200, &[Picture { rests: true, ..paused }]), [None]);
        // Of equals the one that is shown goes on.
        assert_eq!(ration(119, &[paused, SMALL]), [None, Some(119)]);
    }

    #[test]
    fn a_way_that_nobody_measures_is_halved_until_what_is_sent_arrives() {
        let mut guess = Guess::default();
        let at = Duration::from_secs;
        assert_eq!(guess.take(false, true, 1_000, at(0)), None);
        assert_eq!(guess.take(true, true, 1_000, at(1)), Some(500));
        assert_eq!(guess.take(true, true, 800, at(3)), Some(500));
        assert_eq!(guess.take(true, true, 800, at(4)), Some(250));
        assert_eq!(guess.take(true, false, 250, at(60)), Some(250));
        assert_eq!(guess.take(false, false, 250, at(61)), None);
    }

    proptest! {
        #[test]
        fn each_has_its_smallest_size_or_pauses_and_what_is_left_is_shared(
            carried in 0..10_000_u64,
            pictures in prop::collection::vec((0..500_u64, 0..3_000_u64, 0..99_u64, any::<(bool, bool, bool)>()), 0..20),
        ) {
            let picture = |(least, more, weight, (speaks, is_sent, rests)): &(u64, u64, u64, (bool, bool, bool))| Picture {
                least: *least,
                wanted: least + more,
                weight: *weight,
                speaks: *speaks,
                sent: 0,
                is_sent: *is_sent,
                rests: *rests,
            };
            let pictures: Vec<_> = pictures.iter().map(picture).collect();
            let given = ration(carried, &pictures);
            let least: u64 = pictures.iter().zip(&given).filter(|(_, given)| given.is_some()).map(|(picture, _)| picture.least).sum();
            prop_assert!(given.iter().flatten().sum::<u64>() <= carried.max(least));
            for (given, picture) in given.iter().zip(&pictures) {
                if let Some(given) = given {
                    prop_assert!((picture.least..=picture.wanted).contains(given));
                }
            }
            // Nobody who speaks pauses for somebody who does not.
            let paused = pictures.iter().zip(&given).filter(|(picture, given)| given.is_none() && !picture.rests);
            for (paused, _) in paused.filter(|(picture, _)| picture.speaks) {
                let sent = pictures.iter().zip(&given).filter(|(picture, given)| given.is_some() && !picture.speaks);
                for (sent, _) in sent {
                    prop_assert!(sent.least * TOLERATED_PERCENT < paused.least * BEGINS_PERCENT);
                }
            }
        }
    }
}
