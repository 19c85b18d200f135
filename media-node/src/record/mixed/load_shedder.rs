use crate::mix::Shed;

/// How far behind the mixer is, in microseconds, when so many pictures are left out.
const BEHIND_US: [(i64, Shed); 3] = [
    (500_000, Shed::Half),
    (1_000_000, Shed::ThreeQuarters),
    (2_000_000, Shed::AllButKeyFrames),
];

/// How far behind a mixer that keeps up may be, in microseconds.
const KEPT_UP_US: i64 = 100_000;

/// After keeping up for so long, in microseconds, a little less is left out.
const RELIEF_US: i64 = 1_000_000;

/// After leaving nothing out for so long, in microseconds, the overload is over.
const OVER_US: i64 = 30_000_000;

/// Decides how much of the picture is left out, from how far the mixer is behind. Pure: times come from the caller.
#[derive(Debug, Default)]
pub struct LoadShedder {
    shed: Shed,
    /// The time since which the mixer keeps up, or that of the last relief.
    calm_since_us: Option<i64>,
    overloaded: bool,
}

/// A time during which the node does not keep up, so that pictures are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    Begins,
    Ends,
}

impl LoadShedder {
    pub fn shed(&self) -> Shed {
        self.shed
    }

    /// The mixer is `behind_us` behind at `now_us`.
    pub fn observe(&mut self, behind_us: i64, now_us: i64) -> Option<Overload> {
        let needed = BEHIND_US.iter().rev().find(|(limit_us, _)| behind_us >= *limit_us);
        if let Some((_, needed)) = needed {
            self.shed = self.shed.max(*needed);
            self.calm_since_us = None;
            return (!std::mem::replace(&mut self.overloaded, true)).then_some(Overload::Begins);
        }
        if behind_us >= KEPT_UP_US {
            self.calm_since_us = None;
            return None;
        }
        let calm_us = now_us - *self.calm_since_us.get_or_insert(now_us);
        if self.shed != Shed::Nothing && calm_us >= RELIEF_US {
            self.shed = less(self.shed);
            self.calm_since_us = Some(now_us);
        } else if self.overloaded && self.shed == Shed::Nothing && calm_us >= OVER_US {
            self.overloaded = false;
            return Some(Overload::Ends);
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
        let mut shedder = LoadShedder::default();
        assert_eq!(shedder.observe(499_999, 0), None);
        assert_eq!(shedder.shed(), Shed::Nothing);
        assert_eq!(shedder.observe(500_000, 1), Some(Overload::Begins));
        assert_eq!(shedder.shed(), Shed::Half);
        assert_eq!(shedder.observe(3 * SECOND, 2), None);
        assert_eq!(shedder.shed(), Shed::AllButKeyFrames);
        shedder.observe(600_000, 3);
        assert_eq!(shedder.shed(), Shed::AllButKeyFrames, "until it keeps up");
    }

    #[test]
    fn what_is_left_out_comes_back_step_by_step_and_the_overload_ends() {
        let mut shedder = LoadShedder::default();
        shedder.observe(3 * SECOND, 0);
        let mut ended = None;
        let mut sheds = Vec::new();
        for tick in 0..400 {
            let now_us = tick * SECOND / 10;
            if shedder.observe(0, now_us) == Some(Overload::Ends) {
                ended = Some(now_us);
            }
            if sheds.last() != Some(&shedder.shed()) {
                sheds.push(shedder.shed());
            }
        }
        assert_eq!(
            sheds,
            [Shed::AllButKeyFrames, Shed::ThreeQuarters, Shed::Half, Shed::Nothing]
        );
        assert_eq!(ended, Some(33 * SECOND));
        assert_eq!(
            shedder.observe(SECOND, 40 * SECOND),
            Some(Overload::Begins),
            "another one"
        );
    }

    #[test]
    fn being_a_little_behind_gives_no_relief() {
        let mut shedder = LoadShedder::default();
        shedder.observe(SECOND, 0);
        for second in 0..60 {
            assert_eq!(shedder.observe(200_000, second * SECOND), None);
        }
        assert_eq!(shedder.shed(), Shed::ThreeQuarters);
    }
}
