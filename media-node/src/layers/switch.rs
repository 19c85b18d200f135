//! One run of sequence numbers and timestamps, whichever layer packets come from. Pure: times are arguments.
//!
//! Each layer has numbers and a clock of its own. Who plays them must see neither a step in the numbers, which would be a loss,
//! nor a time that goes back. The layers' sender reports tell how their clocks stand to each other; before these have come, the
//! times at which packets arrive do. A packet that was lost and is sent again, and so comes behind others, gets the number that was
//! left free for it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::hub::rtp::{self, RtpHead};

/// A greater step in the sequence numbers is none.
const MAX_STEP: u16 = 3_000;
/// Pictures whose told times are remembered, for packets of theirs that come late.
const MAX_RETIMED: usize = 8;
/// From the last picture of one layer to the first one of another, where they were taken at the same time: a millisecond.
const LEAST_STEP_PART: u32 = 1_000;

/// See the module.
#[derive(Debug)]
pub struct Switch {
    clock_rate: u32,
    /// Of each layer a timestamp, and the sender's time then.
    clocks: Vec<Option<(u32, Duration)>>,
    from: Option<From>,
    /// Timestamps of the layer that is played, and what was told in their place.
    retimed: VecDeque<(u32, u32)>,
    /// The number that is free.
    next: u64,
    /// The next packet is not the one behind the last.
    rests: bool,
    last: Option<Last>,
}

/// The layer that is played.
#[derive(Clone, Copy, Debug)]
struct From {
    layer: usize,
    /// Its first packet's number, and the highest one, continued over its wraps.
    first: u64,
    highest: u64,
    /// What is added to its numbers, wrapping.
    shift: u64,
    /// What is added to its timestamps.
    offset: u32,
    /// What the layer before it has come to; until its own time has passed that.
    floor: Option<u32>,
}

/// The last packet.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// As the layer had it,
    timestamp: u32,
    /// and as it was told.
    told: u32,
    at: Duration,
    ends_picture: bool,
}

/// What a packet is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub sequence: u64,
    pub timestamp: u32,
    /// When its picture or sound was taken, by the sender's clock, if that is known.
    pub sent: Option<Duration>,
}

impl Switch {
    /// `first`: the first sequence number.
    pub fn new(clock_rate: u32, layers: usize, first: u64) -> Self {
        Self {
            clock_rate,
            clocks: vec![None; layers],
            from: None,
            retimed: VecDeque::new(),
            next: first,
            rests: false,
            last: None,
        }
    }

    /// The layer that is played.
    pub fn layer(&self) -> Option<usize> {
        self.from.map(|from| from.layer)
    }

    /// What comes of the layer for a while is not taken. What follows then has the numbers behind those before.
    pub fn pass_over(&mut self) {
        self.rests = true;
    }

    /// A sender report of a layer.
    pub fn report(&mut self, layer: usize, report: &[u8]) {
        if let (Some(clock), Some(told)) = (self.clocks.get_mut(layer), rtp::reported_time(report)) {
            *clock = Some(told);
        }
    }

    /// The report of the layer that is played, by the time that is told; `None` for another layer's.
    pub fn told_report(&self, layer: usize, report: &[u8]) -> Option<Vec<u8>> {
        let from = self.from.filter(|from| from.layer == layer)?;
        rtp::with_later_timestamp(report, from.offset)
    }

    /// The next packet that has come. Its layer is played from here on. `now`: since any moment. `None` for one that has no number,
    /// since it comes too late.
    pub fn take(&mut self, layer: usize, head: RtpHead, ends_picture: bool, now: Duration) -> Option<Numbered> {
        let rested = std::mem::take(&mut self.rests);
        if let Some(from) = self.from.filter(|from| from.layer == layer && !rested) {
            let behind = (from.highest as u16).wrapping_sub(head.sequence);
            if behind < MAX_STEP {
                return self.late(from, head, u64::from(behind));
            }
        }
        let mut from = match self.from {
            Some(from) if from.layer == layer => {
                let step = head.sequence.wrapping_sub(from.highest as u16);
                let highest = from.highest + u64::from(step);
                // A sender that counts anew leaves no gap; what was lost keeps its number.
                self.next += u64::from(rested && self.last.is_some_and(|last| !last.ends_picture));
                let (first, shift) = match step < MAX_STEP && !rested {
                    true => (from.first, from.shift),
                    false => (highest, self.next.wrapping_sub(highest)),
                };
                From {
                    first,
                    highest,
                    shift,
                    ..from
                }
            }
            former => {
                // Whoever puts pictures together must not take what follows for the rest of an unfinished one.
                self.next += u64::from(self.last.is_some_and(|last| !last.ends_picture));
                self.retimed.clear();
                // So that nothing lies before it.
                let first = u64::from(head.sequence) + (1 << 16);
                From {
                    layer,
                    first,
                    highest: first,
                    shift: self.next.wrapping_sub(first),
                    offset: former.map_or(0, |former| self.offset(former, layer, head.timestamp, now)),
                    floor: self.last.map(|last| last.told),
                }
            }
        };
        let told = self.told(&mut from, head.timestamp);
        let sequence = from.highest.wrapping_add(from.shift);
        self.next = sequence + 1;
        self.from = Some(from);
        self.last = Some(Last {
            timestamp: head.timestamp,
            told,
            at: now,
            ends_picture,
        });
        Some(Numbered {
            sequence,
            timestamp: told,
            sent: self.sent(layer, head.timestamp),
        })
    }

    /// A packet behind the highest one, or that one again.
    fn late(&self, from: From, head: RtpHead, behind: u64) -> Option<Numbered> {
        let number = from
            .highest
            .checked_sub(behind)
            .filter(|number| *number >= from.first)?;
        let retimed = self.retimed.iter().find(|(timestamp, _)| *timestamp == head.timestamp);
        let timestamp = retimed.map_or(head.timestamp.wrapping_add(from.offset), |(_, told)| *told);
        Some(Numbered {
            sequence: number.wrapping_add(from.shift),
            timestamp,
            sent: self.sent(from.layer, head.timestamp),
        })
    }

    /// A number for the packet that was taken last, which leaves its own to one in front of it. What came before has no numbers any
    /// more.
    pub fn insert(&mut self) -> u64 {
        if let Some(from) = &mut self.from {
            from.first = from.highest;
            from.shift = from.shift.wrapping_add(1);
        }
        self.next += 1;
        self.next - 1
    }

    /// The next packet of the layer that is played has come, and is left out: what follows has the numbers behind those before. What
    /// came before has no numbers any more.
    pub fn leave_out(&mut self, layer: usize, head: RtpHead) {
        let Some(from) = self.from.as_mut().filter(|from| from.layer == layer) else {
            return;
        };
        let step = head.sequence.wrapping_sub(from.highest as u16);
        // One that comes late leaves a gap: it is missed by nobody who can do without it.
        if (1..MAX_STEP).contains(&step) {
            from.highest += u64::from(step);
            from.first = from.highest + 1;
            from.shift = from.shift.wrapping_sub(1);
        }
    }

    fn told(&mut self, from: &mut From, timestamp: u32) -> u32 {
        if let Some(last) = self.last.filter(|last| last.timestamp == timestamp)
            && self.layer() == Some(from.layer)
        {
            return last.told;
        }
        let own = timestamp.wrapping_add(from.offset);
        let Some(floor) = from.floor else { return own };
        if is_later(own, floor) {
            from.floor = None;
            return own;
        }
        let told = floor.wrapping_add(self.clock_rate / LEAST_STEP_PART);
        from.floor = Some(told);
        if self.retimed.len() >= MAX_RETIMED {
            self.retimed.pop_front();
        }
        self.retimed.push_back((timestamp, told));
        told
    }

    /// What is added to a layer's timestamps, so that they go on where the former's stood.
    fn offset(&self, former: From, layer: usize, timestamp: u32, now: Duration) -> u32 {
        let clock = |layer: usize| self.clocks.get(layer).copied().flatten();
        if let (Some((before, before_sent)), Some((after, after_sent))) = (clock(former.layer), clock(layer)) {
            let ticks = match after_sent.checked_sub(before_sent) {
                Some(later) => self.ticks(later),
                None => self.ticks(before_sent.saturating_sub(after_sent)).wrapping_neg(),
            };
            return before
                .wrapping_add(former.offset)
                .wrapping_add(ticks)
                .wrapping_sub(after);
        }
        let Some(last) = self.last else { return former.offset };
        last.told
            .wrapping_add(self.ticks(now.saturating_sub(last.at)))
            .wrapping_sub(timestamp)
    }

    fn ticks(&self, time: Duration) -> u32 {
        (time.as_micros() * u128::from(self.clock_rate) / 1_000_000) as u32
    }

    fn sent(&self, layer: usize, timestamp: u32) -> Option<Duration> {
        let (reported, sent) = self.clocks.get(layer).copied().flatten()?;
        let ticks = i64::from(timestamp.wrapping_sub(reported) as i32);
        let since = Duration::from_micros(ticks.unsigned_abs() * 1_000_000 / u64::from(self.clock_rate.max(1)));
        match ticks {
            0.. => sent.checked_add(since),
            _ => sent.checked_sub(since),
        }
    }
}

fn is_later(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) as i32 > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u16, timestamp: u32) -> RtpHead {
        RtpHead {
            sequence,
            timestamp,
            ssrc: 7,
        }
    }

    /// A report that a timestamp was at so many milliseconds.
    fn report(timestamp: u32, ms: u64) -> Vec<u8> {
        let mut report = vec![0u8; 28];
        report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        report[8..12].copy_from_slice(&((ms / 1_000) as u32).to_be_bytes());
        report[12..16].copy_from_slice(&((((ms % 1_000) << 32) / 1_000) as u32).to_be_bytes());
        report[16..20].copy_from_slice(&timestamp.to_be_bytes());
        report
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn named(numbered: Option<Numbered>) -> (u64, u32) {
        let numbered = numbered.unwrap();
        (numbered.sequence, numbered.timestamp)
    }

    #[test]
    fn one_layer_keeps_its_times_and_its_losses() {
        let mut switch = Switch::new(90_000, 1, 1);
        let got = [(65_535, 5, true), (0, 5, false), (3, 9, true), (2, 9, true)]
            .map(|(sequence, timestamp, ends)| named(switch.take(0, head(sequence, timestamp), ends, ms(0))));
        assert_eq!(got, [(1, 5), (2, 5), (5, 9), (4, 9)]);
        assert_eq!(named(switch.take(0, head(4, 20), false, ms(0))), (6, 20));
        assert_eq!(switch.insert(), 7, "another one has taken the number 6");
        assert_eq!(
            named(switch.take(0, head(4, 20), false, ms(0))),
            (7, 20),
            "the same again"
        );
        assert_eq!(
            switch.take(0, head(1, 5), true, ms(0)),
            None,
            "it would be number 4 or 3"
        );
        assert_eq!(named(switch.take(0, head(6, 30), true, ms(0))), (9, 30));
        assert_eq!(
            named(switch.take(0, head(5, 20), true, ms(0))),
            (8, 20),
            "it was sent again"
        );
        assert_eq!(
            named(switch.take(0, head(40_000, 90), true, ms(0))),
            (10, 90),
            "it counts anew"
        );
    }

    #[test]
    fn what_comes_late_of_a_layer_has_the_time_of_its_picture_and_nothing_of_the_former_layer_comes() {
        let mut switch = Switch::new(90_000, 2, 1);
        switch.report(0, &report(1_000, 5_000));
        switch.report(1, &report(1_000, 5_000));
        switch.take(0, head(1, 10_000), true, ms(0));
        assert_eq!(named(switch.take(1, head(50, 10_000), false, ms(1))), (2, 10_090));
        assert_eq!(named(switch.take(1, head(52, 13_000), true, ms(2))), (4, 13_000));
        assert_eq!(named(switch.take(1, head(51, 10_000), true, ms(3))), (3, 10_090));
        assert_eq!(switch.take(1, head(49, 9_000), true, ms(3)), None);
    }

    #[test]
    fn layers_with_reports_go_on_by_the_senders_clock() {
        let mut switch = Switch::new(90_000, 2, 1);
        switch.report(0, &report(1_000, 5_000));
        switch.report(1, &report(4_000_000_000, 5_125));
        assert_eq!(named(switch.take(0, head(1, 1_000), true, ms(0))), (1, 1_000));
        // 300 ms after its own report, and so 425 ms after the first picture, however late it comes.
        let other = switch.take(1, head(500, 4_000_000_000 + 27_000), false, ms(9_000));
        let sent = other.and_then(|other| other.sent);
        assert_eq!(named(other), (2, 39_250));
        assert_eq!(sent, Some(ms(5_425)));
        assert_eq!(
            named(switch.take(1, head(501, 4_000_000_000 + 27_000), true, ms(9_000))),
            (3, 39_250)
        );
        let back = switch.take(0, head(90, 1_000 + 45_000), true, ms(9_100));
        assert_eq!(named(back), (4, 46_000), "there and back adds nothing");
        let told = switch.told_report(0, &report(1_000, 5_000)).unwrap();
        assert_eq!(rtp::reported_time(&told), Some((1_000, ms(5_000))));
        assert_eq!(switch.told_report(1, &report(1_000, 5_000)), None);
    }

    #[test]
    fn layers_without_reports_go_on_by_their_arrival() {
        let mut switch = Switch::new(90_000, 2, 1);
        switch.take(0, head(1, 1_000), true, ms(0));
        assert_eq!(named(switch.take(1, head(9, 77), true, ms(40))), (2, 4_600));
        assert_eq!(named(switch.take(1, head(10, 77 + 3_600), true, ms(95))), (3, 8_200));
    }

    #[test]
    fn a_picture_of_the_same_moment_is_told_a_little_later_and_time_does_not_go_back() {
        let mut switch = Switch::new(90_000, 2, 1);
        switch.report(0, &report(1_000, 5_000));
        switch.report(1, &report(1_000, 5_000));
        switch.take(0, head(1, 10_000), true, ms(0));
        let same = [(5, false), (6, true)]
            .map(|(sequence, ends)| switch.take(1, head(sequence, 7_000), ends, ms(1)).unwrap().timestamp);
        assert_eq!(same, [10_090, 10_090]);
        assert_eq!(named(switch.take(1, head(7, 10_000), true, ms(2))).1, 10_180);
        assert_eq!(named(switch.take(1, head(8, 13_000), true, ms(3))).1, 13_000);
        assert_eq!(
            named(switch.take(1, head(9, 12_000), true, ms(4))).1,
            12_000,
            "from there on its times are its own"
        );
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut switch = Switch::new(90_000, 1, 1);
        let take = |switch: &mut Switch, sequence: u16| {
            let numbered = switch.take(0, head(sequence, u32::from(sequence) * 3_000), true, ms(0));
            numbered.map(|numbered| numbered.sequence)
        };
        switch.leave_out(0, head(65_532, 0));
        assert_eq!(take(&mut switch, 65_533), Some(1));
        switch.leave_out(0, head(65_534, 0));
        assert_eq!(take(&mut switch, 65_535), Some(2));
        switch.leave_out(0, head(1, 0));
        assert_eq!(take(&mut switch, 2), Some(4), "number 0 was lost, and keeps its number");
        assert_eq!(
            (take(&mut switch, 0), take(&mut switch, 1)),
            (None, None),
            "they come too late"
        );
        switch.leave_out(0, head(1, 0));
        assert_eq!((take(&mut switch, 2), take(&mut switch, 3)), (Some(4), Some(5)));
    }

    #[test]
    fn what_is_passed_over_leaves_no_gap_but_in_time() {
        let mut switch = Switch::new(90_000, 1, 1);
        switch.take(0, head(10, 0), true, ms(0));
        switch.pass_over();
        assert_eq!(named(switch.take(0, head(900, 90_000), false, ms(1_000))), (2, 90_000));
        assert_eq!(switch.take(0, head(899, 87_000), true, ms(1_000)), None);
        assert_eq!(named(switch.take(0, head(902, 90_000), true, ms(1_000))), (4, 90_000));
        assert_eq!(named(switch.take(0, head(901, 90_000), false, ms(1_000))), (3, 90_000));
    }

    #[test]
    fn an_unfinished_picture_is_followed_by_a_gap() {
        let mut switch = Switch::new(90_000, 2, 1);
        switch.take(0, head(1, 0), false, ms(0));
        assert_eq!(named(switch.take(1, head(1, 0), true, ms(10))).0, 3);
    }
}
