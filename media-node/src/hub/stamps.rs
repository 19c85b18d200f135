//! The times of pictures that are sent late, to a player who comes in the middle of a group. Pure: times are arguments.
//!
//! With their own times, pictures of the past would be shown by them: players would stay as far behind as those are old. Each is
//! told the time at which it is sent instead, by the publisher's clock. So a player takes them for pictures of a quick camera that
//! come in time, decodes through them, and shows the newest one as soon as it is decoded.

use std::collections::VecDeque;
use std::time::Duration;

/// Between two pictures, as a part of a second: browsers count milliseconds.
const STEP_PART: u32 = 1_000;
/// Pictures whose told times are remembered, for packets of theirs that come late.
const MAX_PICTURES: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Stamps {
    clock_rate: u32,
    /// What the publisher's clock said at first, as far as is known: when the newest picture was taken.
    live: u32,
    /// The last pictures: their own timestamps, and what was told.
    pictures: VecDeque<(u32, u32)>,
    /// The latest that was told.
    last: Option<u32>,
}

impl Stamps {
    /// `live`: the newest picture's timestamp now. `last`: what the player has been told last, if anything.
    pub fn new(clock_rate: u32, live: u32, last: Option<u32>) -> Self {
        Self {
            clock_rate,
            live,
            pictures: VecDeque::new(),
            last,
        }
    }

    /// The timestamp that is told of one. `since`: the time that has passed since [`Self::new`]; `None` for what is sent as it comes.
    pub fn tell(&mut self, own: u32, since: Option<Duration>) -> u32 {
        if let Some((_, told)) = self.pictures.iter().find(|(known, _)| *known == own) {
            return *told;
        }
        let step = self.clock_rate / STEP_PART;
        let sent = since.map(|since| self.live.wrapping_add(ticks(since, self.clock_rate)));
        let behind = self.last.map(|last| last.wrapping_add(step));
        let told = [sent, behind].into_iter().flatten().fold(own, later);
        if self.pictures.len() >= MAX_PICTURES {
            self.pictures.pop_front();
        }
        self.pictures.push_back((own, told));
        self.last = Some(told);
        told
    }

    /// The latest that was told.
    pub fn last(&self) -> Option<u32> {
        self.last
    }

    /// Whether pictures have their own times again, and will have.
    pub fn is_over(&self) -> bool {
        let own = |(own, told): &(u32, u32)| own == told;
        self.pictures.len() >= MAX_PICTURES && self.pictures.iter().all(own)
    }
}

fn ticks(time: Duration, clock_rate: u32) -> u32 {
    (time.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
}

fn later(one: u32, other: u32) -> u32 {
    if one.wrapping_sub(other) as i32 > 0 { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn what_is_late_is_told_when_it_is_sent_and_what_is_live_keeps_its_time() {
        let mut stamps = Stamps::new(90_000, 900_000, None);
        assert_eq!(stamps.tell(540_000, ms(0)), 900_000);
        assert_eq!(stamps.tell(540_000, ms(1)), 900_000, "the same picture");
        assert_eq!(stamps.tell(543_600, ms(3)), 900_270);
        assert_eq!(stamps.tell(547_200, ms(3)), 900_360, "never twice the same");
        assert_eq!(stamps.tell(900_000, ms(38)), 903_420);
        assert_eq!(stamps.tell(903_600, ms(40)), 903_600);
        assert_eq!(stamps.tell(543_600, ms(41)), 900_270, "a packet that was lost");
        assert!(!stamps.is_over());
        let live: Vec<u32> = (1..=8).map(|picture| 903_600 + picture * 3_600).collect();
        let told: Vec<u32> = live.iter().map(|own| stamps.tell(*own, None)).collect();
        assert_eq!(told, live);
        assert!(stamps.is_over());
    }

    #[test]
    fn no_time_goes_back_where_a_clock_wraps_around_or_the_publisher_is_late() {
        let mut stamps = Stamps::new(90_000, 100, Some(50));
        assert_eq!(stamps.tell(u32::MAX - 3_000, ms(0)), 140, "behind what was told before");
        assert_eq!(stamps.tell(100, ms(500)), 45_100);
        assert_eq!(stamps.tell(3_700, None), 45_190, "it was under way for half a second");
        assert_eq!(stamps.tell(48_700, None), 48_700);
        assert_eq!(stamps.last(), Some(48_700));
    }
}
