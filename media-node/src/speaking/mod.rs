//! Who speaks, by how loud users are. Pure: times are arguments. It does not know where that is measured: of decoded sound in a mix,
//! or by publishers themselves.
//!
//! Somebody speaks who is loud in a good part of the last moments: a cough does not count, and a pause between words does. The
//! speaker stays the speaker while that lasts and for a moment longer, and is one for some seconds at least, so that a picture that
//! follows does not flap.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

use std::collections::BTreeMap;

/// Above this energy of samples, the mean of their squares, somebody is loud: -35 dB below the loudest.
pub const LOUD: f64 = 3.162e-4;
/// What is looked at: this many steps of this length, together 400 ms,
const STEPS: u32 = 20;
const STEP_US: i64 = 20_000;
/// of which so many are loud when somebody speaks: 40 %.
const LOUD_STEPS: u32 = 8;
/// Who has been silent for so long speaks no more.
const PAUSE_US: i64 = 700_000;
/// From one speaker to another at least.
const LEAST_US: i64 = 2_000_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Speakers {
    users: BTreeMap<String, Heard>,
    speaker: Option<Speaker>,
}

#[derive(Debug)]
struct Speaker {
    uid: String,
    since_us: i64,
    spoke_us: i64,
}

/// One user's last moments.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// The number of the last step, and a bit for each of them that was loud, the last one lowest.
    step: i64,
    loud: u32,
    /// How loud it is, lately.
    energy: f64,
}

/// The energy of sound that is so many decibels below the loudest, as packets tell (RFC 6464): 0 to -127.
pub fn energy(decibels: i8) -> f64 {
    10_f64.powf(f64::from(decibels) / 10.0)
}

impl Speakers {
    /// A user has been heard from `at_us` on with this energy.
    pub fn heard(&mut self, uid: &str, at_us: i64, energy: f64) {
        let step = at_us.div_euclid(STEP_US);
        let is_loud = energy >= LOUD;
        let Some(heard) = self.users.get_mut(uid) else {
            if is_loud {
                let heard = Heard { step, loud: 1, energy };
                self.users.insert(uid.to_owned(), heard);
            }
            return;
        };
        heard.pass_until(step);
        heard.loud |= u32::from(is_loud);
        heard.energy += (energy - heard.energy) / 8.0;
    }

    /// Who left speaks no more.
    pub fn left(&mut self, uid: &str) {
        self.users.remove(uid);
        self.speaker.take_if(|speaker| speaker.uid == uid);
    }

    /// Decides anew. Answers whether it is somebody else now.
    pub fn update(&mut self, now_us: i64) -> bool {
        let step = now_us.div_euclid(STEP_US);
        self.users.retain(|_, heard| {
            heard.pass_until(step);
            heard.loud != 0
        });
        let speaks = |heard: &Heard| heard.loud.count_ones() >= LOUD_STEPS;
        if let Some(speaker) = &mut self.speaker {
            if self.users.get(&speaker.uid).is_some_and(speaks) {
                speaker.spoke_us = now_us;
            }
            let is_over = now_us - speaker.spoke_us >= PAUSE_US && now_us - speaker.since_us >= LEAST_US;
            if !is_over {
                return false;
            }
        }
        let speaking = self.users.iter().filter(|(_, heard)| speaks(heard));
        let loudest = speaking.max_by(|(_, one), (_, other)| one.energy.total_cmp(&other.energy));
        // While nobody speaks, who spoke last is still the one whom all look at.
        let Some((uid, _)) = loudest else { return false };
        if self.speaker.as_ref().is_some_and(|speaker| speaker.uid == *uid) {
            return false;
        }
        self.speaker = Some(Speaker {
            uid: uid.clone(),
            since_us: now_us,
            spoke_us: now_us,
        });
        true
    }

    /// Who speaks, or spoke last.
    pub fn speaker(&self) -> Option<&str> {
        self.speaker.as_ref().map(|speaker| speaker.uid.as_str())
    }
}

impl Heard {
    fn pass_until(&mut self, step: i64) {
        let steps = u32::try_from(step - self.step).unwrap_or_default();
        if steps > 0 {
            self.step = step;
            self.loud = self.loud.checked_shl(steps).unwrap_or_default() & ((1 << STEPS) - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK_US: i64 = 21_333;
    const SILENT: f64 = 1e-7;
    const SPEECH: f64 = 0.01;

    /// Has users be heard for so long; who was the speaker, with the times at which that began.
    fn follow(speakers: &mut Speakers, from_us: i64, script: &[(i64, &[(&str, f64)])]) -> Vec<(i64, String)> {
        let (mut at_us, mut seen) = (from_us, Vec::new());
        for (ms, users) in script {
            let until_us = at_us + ms * 1_000;
            while at_us < until_us {
                for (uid, energy) in *users {
                    speakers.heard(uid, at_us, *energy);
                }
                at_us += BLOCK_US;
                if speakers.update(at_us) {
                    seen.push((at_us / 1_000, speakers.speaker().unwrap().to_owned()));
                }
            }
        }
        seen
    }

    #[test]
    fn who_speaks_is_the_speaker_soon_and_who_coughs_is_not() {
        let mut speakers = Speakers::default();
        let seen = follow(
            &mut speakers,
            0,
            &[
                (1_000, &[("a", SILENT), ("b", SILENT)]),
                (100, &[("a", SPEECH), ("b", SILENT)]),
                (1_000, &[("a", SILENT), ("b", SILENT)]),
                (1_000, &[("a", SILENT), ("b", SPEECH)]),
            ],
        );
        assert_eq!(seen.len(), 1);
        assert!(seen[0].1 == "b" && (2_200..2_400).contains(&seen[0].0), "{seen:?}");
    }

    #[test]
    fn the_speaker_stays_while_speaking_and_through_pauses() {
        let mut speakers = Speakers::default();
        let both: &[(&str, f64)] = &[("a", SPEECH), ("b", SPEECH * 4.0)];
        let first: &[(&str, f64)] = &[("a", SPEECH)];
        let second: &[(&str, f64)] = &[("b", SPEECH)];
        let seen = follow(
            &mut speakers,
            0,
            &[
                (3_000, first),
                (2_000, both),
                (300, &[]),
                (1_000, first),
                (600, second),
                (1_000, first),
            ],
        );
        assert_eq!(seen.len(), 1, "{seen:?}");
        let seen = follow(&mut speakers, 8_000_000, &[(3_000, second)]);
        assert!(seen.len() == 1 && seen[0].1 == "b", "{seen:?}");
        assert!((8_600..9_400).contains(&seen[0].0), "after the pause: {seen:?}");
    }

    #[test]
    fn two_who_take_turns_quickly_do_not_make_it_flap() {
        let mut speakers = Speakers::default();
        let turns: Vec<(i64, &[(&str, f64)])> = (0..20)
            .map(|turn| {
                (
                    800,
                    if turn % 2 == 0 {
                        &[("a", SPEECH)][..]
                    } else {
                        &[("b", SPEECH)][..]
                    },
                )
            })
            .collect();
        let seen = follow(&mut speakers, 0, &turns);
        assert!(seen.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 2_000), "{seen:?}");
    }

    #[test]
    fn decibels_are_energy() {
        assert!(energy(-34) > LOUD && energy(-36) < LOUD);
        assert!((energy(0) - 1.0).abs() < 1e-9 && energy(-127) < 1e-12);
    }

    #[test]
    fn who_left_is_not_the_speaker_and_the_next_one_is_at_once() {
        let mut speakers = Speakers::default();
        follow(&mut speakers, 0, &[(1_000, &[("a", SPEECH), ("b", SPEECH / 4.0)])]);
        assert_eq!(speakers.speaker(), Some("a"));
        speakers.left("a");
        assert_eq!(speakers.speaker(), None);
        assert!(speakers.update(1_000_000));
        assert_eq!(speakers.speaker(), Some("b"));
    }
}
