//! How well a publisher's packets arrive, as a receiver report tells it (RFC 3550, 6.4 and appendix A). Pure: times are
//! arguments.

use super::rtp::{REPORT_BLOCK_BYTES as BLOCK_BYTES, RtpHead};

/// A greater step in the sequence numbers is a sender that counts anew.
const MAX_STEP: u16 = 3_000;

/// One track, from one source.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    source: Option<Source>,
    /// Of the last sender report its source, the middle of its time, and when it came. It may come ahead of the first packet.
    reported: Option<(u32, u32, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    /// The first sequence number, and the highest, continued over its wraps.
    first: u64,
    highest: u64,
    received: u64,
    /// What was expected and received when the last report was made.
    expected_before: u64,
    received_before: u64,
    /// How long the last packet was under way, in ticks, from a beginning that nobody knows.
    transit: i64,
    /// In sixteenths of a tick.
    jitter: u64,
}

impl Reception {
    /// `clock_rate`: of the timestamps, in ticks a second.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            source: None,
            reported: None,
        }
    }

    /// The source that it is of.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.map(|source| source.ssrc)
    }

    /// A packet has come.
    pub fn take(&mut self, head: RtpHead, now_us: u64) {
        let arrival = i64::try_from(u128::from(now_us) * u128::from(self.clock_rate) / 1_000_000).unwrap_or_default();
        let transit = arrival - i64::from(head.timestamp);
        let begun = Source {
            ssrc: head.ssrc,
            first: u64::from(head.sequence),
            highest: u64::from(head.sequence),
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit,
            jitter: 0,
        };
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == head.ssrc) else {
            self.source = Some(begun);
            return;
        };
        let ahead = head.sequence.wrapping_sub(source.highest as u16);
        match ahead {
            0..MAX_STEP => source.highest += u64::from(ahead),
            _ if ahead > u16::MAX - MAX_STEP => {}
            _ => {
                *source = begun;
                return;
            }
        }
        source.received += 1;
        // Timestamps wrap: only the difference of two says something.
        let change = i64::from((transit - source.transit) as i32).unsigned_abs();
        source.transit = transit;
        source.jitter = (source.jitter + change).saturating_sub((source.jitter + 8) >> 4);
    }

    /// A sender report has come.
    pub fn reported(&mut self, report: &[u8], now_us: u64) {
        let Some(&[s0, s1, s2, s3, _, _, n2, n3, n4, n5]) = report.get(4..).and_then(<[u8]>::first_chunk) else {
            return;
        };
        let (source, middle) = (
            u32::from_be_bytes([s0, s1, s2, s3]),
            u32::from_be_bytes([n2, n3, n4, n5]),
        );
        if self.ssrc().is_none_or(|own| own == source) {
            self.reported = Some((source, middle, now_us));
        }
    }

    /// The block that tells of it; `None` where nothing has come.
    pub fn block(&mut self, now_us: u64) -> Option<[u8; BLOCK_BYTES]> {
        let source = self.source.as_mut()?;
        let expected = source.highest - source.first + 1;
        let (lately_expected, lately_received) = (
            expected - source.expected_before,
            source.received - source.received_before,
        );
        (source.expected_before, source.received_before) = (expected, source.received);
        let lately_lost = lately_expected.saturating_sub(lately_received);
        let fraction = (lately_lost * 256)
            .checked_div(lately_expected)
            .unwrap_or_default()
            .min(255);
        // Duplicates may make it less than nothing.
        let lost = (expected as i64 - source.received as i64).clamp(-0x80_0000, 0x7f_ffff);
        let reported = self.reported.filter(|(of, _, _)| *of == source.ssrc);
        let (middle, since) = reported.map_or((0, 0), |(_, middle, came_us)| {
            let since = u128::from(now_us.saturating_sub(came_us)) * 65_536 / 1_000_000;
            (middle, u32::try_from(since).unwrap_or(u32::MAX))
        });
        let words = [
            source.ssrc,
            (fraction as u32) << 24 | (lost as u32 & 0xff_ffff),
            source.highest as u32,
            u32::try_from(source.jitter >> 4).unwrap_or(u32::MAX),
            middle,
            since,
        ];
        let mut block = [0; BLOCK_BYTES];
        for (field, word) in block.chunks_exact_mut(4).zip(words) {
            field.copy_from_slice(&word.to_be_bytes());
        }
        Some(block)
    }
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

    fn words(block: [u8; BLOCK_BYTES]) -> Vec<u32> {
        block
            .chunks_exact(4)
            .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn it_tells_of_losses_lately_and_in_all() {
        let mut reception = Reception::new(90_000);
        assert_eq!(reception.block(0), None);
        for number in (0..100u16).filter(|number| number % 4 != 1) {
            let sequence = 65_500u16.wrapping_add(number);
            reception.take(head(sequence, u32::from(number) * 3_600), u64::from(number) * 40_000);
        }
        let told = words(reception.block(4_000_000).unwrap());
        assert_eq!(told[0], 7);
        assert_eq!(told[1] >> 24, 64, "a quarter");
        assert_eq!(told[1] & 0xff_ffff, 25);
        assert_eq!(told[2], 65_536 + 63, "with one wrap");
        assert_eq!(told[3], 0, "they came as they were sent");
        reception.take(head(64, 360_000), 4_000_000);
        let told = words(reception.block(5_000_000).unwrap());
        assert_eq!((told[1] >> 24, told[1] & 0xff_ffff), (0, 25));
    }

    #[test]
    fn it_tells_how_unevenly_they_come() {
        let mut reception = Reception::new(8_000);
        for number in 0..1_000u32 {
            // Each second one is late by 10 ms, which are 80 ticks.
            let late_us = u64::from(number % 2) * 10_000;
            reception.take(head(number as u16, number * 160), u64::from(number) * 20_000 + late_us);
        }
        let told = words(reception.block(0).unwrap());
        assert!((75..=80).contains(&told[3]), "{}", told[3]);
    }

    #[test]
    fn it_tells_how_long_ago_the_last_sender_report_was() {
        let mut reception = Reception::new(8_000);
        reception.take(head(1, 0), 0);
        let mut report = [0u8; 28];
        report[4..16].copy_from_slice(&[0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8]);
        reception.reported(&report, 1_000_000);
        let told = words(reception.block(1_500_000).unwrap());
        assert_eq!((told[4], told[5]), (0x0304_0506, 32_768));
        report[7] = 8;
        reception.reported(&report, 2_000_000);
        assert_eq!(
            words(reception.block(2_000_000).unwrap())[5],
            65_536,
            "another source's"
        );
    }

    #[test]
    fn a_source_that_counts_anew_loses_nothing_by_that() {
        let mut reception = Reception::new(8_000);
        for sequence in [5, 6, 40_000, 40_001, 39_999, 40_001] {
            reception.take(head(sequence, 0), 0);
        }
        let told = words(reception.block(0).unwrap());
        assert_eq!(
            (told[1] & 0xff_ffff, told[2]),
            (0xff_fffe, 40_001),
            "two more than expected"
        );
    }
}
