//! One run of sequence numbers and timestamps of whatever a slot shows, one source after another. Pure: times are arguments.

use std::time::{Duration, Instant};

/// A greater step in a source's sequence numbers is none.
const MAX_STEP: u16 = 3_000;
/// From the last packet of one source to the first one of the next, at least.
const LEAST_STEP: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Numbers {
    clock_rate: u32,
    /// The number that is free. It begins low, since the receiver has to guess how often it has wrapped around.
    next: u64,
    last: Option<Last>,
    /// What is added to the present source's timestamps.
    offset: u32,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    source: u64,
    sequence: u16,
    timestamp: u32,
    at: Instant,
    ends_picture: bool,
}

/// A packet as its source has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    /// Differs from one source to the next.
    pub(super) source: u64,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ends_picture: bool,
}

impl Numbers {
    pub(super) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            next: 1,
            last: None,
            offset: 0,
        }
    }

    /// Sequence number and timestamp of the next packet, for `packets` packets of which it is the last.
    pub(super) fn take(&mut self, packet: Numbered, packets: u64, now: Instant) -> (u64, u32) {
        match self.last {
            Some(last) if last.source == packet.source => {
                // What was lost keeps its number.
                self.next += match packet.sequence.wrapping_sub(last.sequence) {
                    step @ 1..MAX_STEP => u64::from(step - 1),
                    _ => 0,
                };
            }
            Some(last) => {
                // Who puts pictures together must not take what follows for the rest of an unfinished one.
                self.next += u64::from(!last.ends_picture);
                let since = now.saturating_duration_since(last.at).max(LEAST_STEP);
                self.offset = last
                    .timestamp
                    .wrapping_add(self.ticks(since))
                    .wrapping_sub(packet.timestamp);
            }
            None => {}
        }
        let timestamp = packet.timestamp.wrapping_add(self.offset);
        self.next += packets;
        self.last = Some(Last {
            source: packet.source,
            sequence: packet.sequence,
            timestamp,
            at: now,
            ends_picture: packet.ends_picture,
        });
        (self.next - 1, timestamp)
    }

    fn ticks(&self, time: Duration) -> u32 {
        (time.as_micros() * u128::from(self.clock_rate) / 1_000_000) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(source: u64, sequence: u16, timestamp: u32, ends_picture: bool) -> Numbered {
        Numbered {
            source,
            sequence,
            timestamp,
            ends_picture,
        }
    }

    #[test]
    fn one_source_keeps_its_times_and_losses() {
        let mut numbers = Numbers::new(90_000);
        let now = Instant::now();
        let taken = [(65_535, 7), (0, 7), (3, 9)]
            .map(|(sequence, timestamp)| numbers.take(packet(1, sequence, timestamp, true), 1, now));
        assert_eq!(taken, [(1, 7), (2, 7), (5, 9)]);
        assert_eq!(
            numbers.take(packet(1, 4, 12, true), 2, now),
            (7, 12),
            "one stands in front of it"
        );
    }

    #[test]
    fn another_source_goes_on_where_the_former_stopped() {
        let mut numbers = Numbers::new(90_000);
        let now = Instant::now();
        numbers.take(packet(1, 9, 4_000_000_000, true), 1, now);
        let later = now + Duration::from_millis(100);
        assert_eq!(numbers.take(packet(2, 500, 17, true), 1, later), (2, 4_000_009_000));
        assert_eq!(numbers.take(packet(2, 501, 3_017, false), 1, later), (3, 4_000_012_000));
        let at_once = numbers.take(packet(3, 1, 0, true), 1, later);
        assert_eq!(at_once, (5, 4_000_012_090), "a gap behind an unfinished picture");
    }

    #[test]
    fn a_source_that_counts_anew_makes_no_gap() {
        let mut numbers = Numbers::new(48_000);
        let now = Instant::now();
        numbers.take(packet(1, 9, 0, true), 1, now);
        assert_eq!(numbers.take(packet(1, 30_000, 960, true), 1, now), (2, 960));
    }
}
