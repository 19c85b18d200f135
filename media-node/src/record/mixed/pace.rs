use crate::mix::Shed;

/// Behind by so much, in microseconds, pictures are left out: the least of them from the first on.
const BEHIND_US: [(i64, Shed); 3] = [
    (500_000, Shed::Half),
    (1_000_000, Shed::ThreeQuarters),
    (2_000_000, Shed::AllButKeyFrames),
];

/// Behind by less than this the mixer keeps up.
const KEPT_UP_US: i64 = 100_000;

/// After so long of keeping up a little less is left out,
const RELIEF_US: i64 = 1_000_000;

/// and after so long of leaving nothing out the spell is over.
const SPELL_US: i64 = 30_000_000;

/// Decides how much of the picture is left out, from how far the mixer is behind. Pure: times come from the caller.
#[derive(Debug, Default)]
pub struct Pace {
    shed: Shed,
    /// Since when the mixer keeps up, or since the last relief.
    calm_since_us: Option<i64>,
    overloaded: bool,
}

/// A spell of leaving pictures out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spell {
    Begins,
    Ends,
}

impl Pace {
    pub fn shed(&self) -> Shed {
        self.shed
    }

    /// The mixer is `behind_us` behind at `now_us`.
    pub fn observe(&mut self, behind_us: i64, now_us: i64) -> Option<Spell> {
        let needed = BEHIND_US.iter().rev().find(|(limit_us, _)| behind_us >= *limit_us);
        if let Some((_, needed)) = needed {
            self.shed = self.shed.max(*needed);
            self.calm_since_us = None;
            return (!std::mem::replace(&mut self.overloaded, true)).then_some(Spell::Begins);
        }
        if behind_us >= KEPT_UP_US {
            self.calm_since_us = None;
            return None;
        }
        let calm_us = now_us - *self.calm_since_us.get_or_insert(now_us);
        if self.shed != Shed::Nothing && calm_us >= RELIEF_US {
            self.shed = less(self.shed);
            self.calm_since_us = Some(now_us);
        } else if self.overloaded && self.shed == Shed::Nothing && calm_us >= SPELL_US {
            self.overloaded = false;
            return Some(Spell::Ends);
        }
        None
    }
}

fn less(shed: Shed) -> Shed {
    match shed {
        Shed::AllButKeyFrames => Shed::ThreeQuarters,
        Shed::ThreeQuarters => Shed::Half,
        Shed::Half | Shed::Nothing => Shed::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn the_further_behind_the_more_is_left_out() {
        let mut pace = Pace::default();
        assert_eq!(pace.observe(499_999, 0), None);
        assert_eq!(pace.shed(), Shed::Nothing);
        assert_eq!(pace.observe(500_000, 1), Some(Spell::Begins));
        assert_eq!(pace.shed(), Shed::Half);
        assert_eq!(pace.observe(3 * SECOND, 2), None);
        assert_eq!(pace.shed(), Shed::AllButKeyFrames);
        pace.observe(600_000, 3);
        assert_eq!(pace.shed(), Shed::AllButKeyFrames, "until it keeps up");
    }

    #[test]
    fn what_is_left_out_comes_back_step_by_step_and_the_spell_ends() {
        let mut pace = Pace::default();
        pace.observe(3 * SECOND, 0);
        let mut ended = None;
        let mut sheds = Vec::new();
        for tick in 0..400 {
            let now_us = tick * SECOND / 10;
            if pace.observe(0, now_us) == Some(Spell::Ends) {
                ended = Some(now_us);
            }
            if sheds.last() != Some(&pace.shed()) {
                sheds.push(pace.shed());
            }
        }
        assert_eq!(
            sheds,
            [Shed::AllButKeyFrames, Shed::ThreeQuarters, Shed::Half, Shed::Nothing]
        );
        assert_eq!(ended, Some(33 * SECOND));
        assert_eq!(pace.observe(SECOND, 40 * SECOND), Some(Spell::Begins), "another one");
    }

    #[test]
    fn being_a_little_behind_gives_no_relief() {
        let mut pace = Pace::default();
        pace.observe(SECOND, 0);
        for second in 0..60 {
            assert_eq!(pace.observe(200_000, second * SECOND), None);
        }
        assert_eq!(pace.shed(), Shed::ThreeQuarters);
    }
}
