//! One track as its publisher's packets come, for players who put them in order themselves. Pure.
//!
//! Nothing waits here: a packet that was lost and is sent again comes behind others, by the number that belongs to it. Numbers are
//! such that packets without a payload, which are left out, leave no gap.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::rtp;

/// Packets that may come late, as their numbers have it; a multiple of 64. It is a second of a fast publisher.
const WINDOW: u64 = 1_024;
/// Packets without a payload whose places are remembered, for those that come late.
const MAX_EMPTY: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Fast {
    /// The first number that belongs to the present source, and the highest that has come.
    first: u64,
    highest: u64,
    /// How players know the source,
    known_as: u32,
    /// and what is added to its numbers for them, as far as no packet without a payload lies before.
    shift: u16,
    empty: VecDeque<u64>,
    /// A bit for each number of the window that has come.
    seen: [u64; (WINDOW / 64) as usize],
    come: Vec<Bytes>,
}

impl Fast {
    /// Another source begins, or the same one anew, with a packet of this number.
    pub(super) fn begin(&mut self, number: u64, known_as: u32) {
        let next = match self.first {
            0 => number as u16,
            _ => self.told(self.highest).wrapping_add(1),
        };
        *self = Self {
            first: number,
            highest: number.wrapping_sub(1),
            known_as,
            shift: next.wrapping_sub(number as u16),
            come: std::mem::take(&mut self.come),
            ..Self::default()
        };
    }

    /// A packet has come. `leaves_out`: what has no payload is left out.
    pub(super) fn take(&mut self, number: u64, packet: &Bytes, leaves_out: bool) {
        let is_newest = number > self.highest;
        if number < self.first || !self.is_new(number) {
            return;
        }
        // What has been told cannot be told otherwise: behind a later packet, an empty one is passed on.
        if leaves_out && is_newest && !rtp::has_payload(packet) {
            self.empty.push_back(number);
            if self.empty.len() > MAX_EMPTY
                && let Some(oldest) = self.empty.pop_front()
            {
                self.shift = self.shift.wrapping_sub(1);
                self.first = oldest + 1;
            }
            return;
        }
        let told = self.told(number);
        let is_as_told = rtp::rtp_head(packet).is_some_and(|head| (head.sequence, head.ssrc) == (told, self.known_as));
        if is_as_told {
            self.come.push(packet.clone());
            return;
        }
        let mut renamed = BytesMut::from(packet.as_ref());
        rtp::rename(&mut renamed, told, self.known_as);
        self.come.push(renamed.freeze());
    }

    /// What has come since it was asked last.
    pub(super) fn come(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.come)
    }

    fn told(&self, number: u64) -> u16 {
        let before = self.empty.iter().filter(|empty| **empty < number).count();
        (number as u16).wrapping_add(self.shift).wrapping_sub(before as u16)
    }

    fn is_new(&mut self, number: u64) -> bool {
        if number > self.highest {
            let passed = number - self.highest;
            if passed >= WINDOW {
                self.seen = Default::default();
            } else {
                (self.highest + 1..=number).for_each(|passed| self.set(passed, false));
            }
            self.highest = number;
        } else if self.highest - number >= WINDOW {
            return false;
        }
        let is_new = self.word(number).is_some_and(|(word, bit)| *word & bit == 0);
        self.set(number, true);
        is_new
    }

    fn set(&mut self, number: u64, to: bool) {
        if let Some((word, bit)) = self.word(number) {
            *word = if to { *word | bit } else { *word & !bit };
        }
    }

    fn word(&mut self, number: u64) -> Option<(&mut u64, u64)> {
        let at = number % WINDOW;
        let word = self.seen.get_mut(usize::try_from(at / 64).ok()?)?;
        Some((word, 1 << (at % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64, has_payload: bool) -> Bytes {
        let [high, low] = (number as u16).to_be_bytes();
        let mut packet = vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend(has_payload.then_some(1));
        packet.into()
    }

    /// Numbers as players see them, of packets of which some have no payload.
    fn told(fast: &mut Fast, packets: &[(u64, bool)]) -> Vec<u16> {
        for (number, has_payload) in packets {
            fast.take(*number, &packet(*number, *has_payload), true);
        }
        let come = fast.come();
        come.iter()
            .map(|packet| rtp::rtp_head(packet).unwrap().sequence)
            .collect()
    }

    #[test]
    fn packets_come_as_they_come_and_once() {
        let mut fast = Fast::default();
        fast.begin(100, 7);
        let got = told(&mut fast, &[100, 102, 101, 102, 99, 105].map(|number| (number, true)));
        assert_eq!(got, [100, 102, 101, 105]);
        assert_eq!(
            told(&mut fast, &[(105 + WINDOW, true), (105, true), (106, true)]),
            [1_129, 106]
        );
    }

    #[test]
    fn packets_without_a_payload_leave_no_gap() {
        let mut fast = Fast::default();
        fast.begin(100, 7);
        let sent = [
            (100, true),
            (101, false),
            (103, true),
            (102, true),
            (104, true),
            (106, true),
        ];
        assert_eq!(told(&mut fast, &sent), [100, 102, 101, 103, 105]);
        let late = [(105, false), (107, true)];
        assert_eq!(told(&mut fast, &late), [104, 106], "its number was kept free");
        let many: Vec<_> = (108..108 + 2 * MAX_EMPTY as u64)
            .map(|number| (number, false))
            .collect();
        assert_eq!(told(&mut fast, &many), [0u16; 0]);
        let next = 108 + 2 * MAX_EMPTY as u64;
        assert_eq!(told(&mut fast, &[(next, true), (107, true)]), [107]);
    }

    #[test]
    fn another_source_goes_on_with_the_numbers_of_the_one_before() {
        let mut fast = Fast::default();
        fast.begin(65_534, 7);
        assert_eq!(told(&mut fast, &[(65_534, true), (65_535, true)]), [65_534, 65_535]);
        fast.begin(500, 7);
        assert_eq!(
            told(&mut fast, &[(500, true), (502, true), (501, true), (65_535, true)])[..3],
            [0, 2, 1]
        );
    }
}
