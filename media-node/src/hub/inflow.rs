//! One track as its publisher sends it, made fit for players: in order, without duplicates, from one source. Pure: times are
//! arguments.
//!
//! Players count on what RTP promises and networks do not keep: one that a packet overtakes takes it for a loss, and a client
//! library may end its session at another source. So packets wait for the ones before them, for a short time; and a source
//! that takes the place of another goes on under its name and with its sequence numbers. Timestamps stay as they are. Players who
//! reckon with all that get packets as they come.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::fast::Fast;
use super::rtp::{self, RtpHead};

/// How long a packet waits for the ones before it: more than packets of a network overtake one another,
const BUDGET_MS: u64 = 100;
/// and as long as one takes that the publisher sends again.
const RESENT_BUDGET_MS: u64 = 250;
/// The most that wait: a large picture's, so that one loss in it holds back no more.
const MOST_HELD: usize = 256;
/// RFC 3550 A.1: a greater step in the sequence numbers is a sender that counts anew.
const MAX_DROPOUT: u16 = 3000;
/// Packets up to this much behind are duplicates or come too late.
const MAX_MISORDER: u16 = 300;
/// From here on a number is behind the next one rather than ahead of it.
const FAR_BEHIND: u16 = 1 << 15;
/// A packet up to this much ahead has overtaken others, whatever became of those between.
const NEAR: u64 = 4;
/// A source whose padding was none so often means nothing by its padding bit.
const WRONG_PADDINGS: u8 = 2;

/// How a publisher sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Each packet once.
    #[default]
    Once,
    /// Lost packets again when asked, and packets without a payload, by which it measures the network and which are
    /// nothing to players.
    Resending,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Inflow {
    manner: Manner,
    /// Packets that were not waited for any longer,
    lost: u64,
    /// and those that were none.
    unreadable: u64,
    /// Packets whose padding was none.
    wrong_paddings: u8,
    source: Option<Source>,
    /// The first packet of what may be another source, or the same one that counts anew: a second one has to agree.
    suspect: Option<(RtpHead, Bytes)>,
    /// What waits for the packets before it, by sequence number.
    held: BTreeMap<u64, Waiting>,
    /// How many packets have come,
    come: u64,
    /// and of those that were handed on the one that came last, by its place among them.
    last_come: u64,
    /// The numbers that were passed over last, up to the packet that was not waited any longer with.
    skipped: Range<u64>,
    /// The same for players who put packets in order themselves.
    fast: Fast,
}

impl Manner {
    fn budget_ms(self) -> u64 {
        match self {
            Self::Once => BUDGET_MS,
            Self::Resending => RESENT_BUDGET_MS,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    since_ms: u64,
    /// Its place among the packets that have come.
    place: u64,
    packet: Bytes,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// The sequence number that comes next, continued over its wrap.
    next: u64,
    /// How players know it,
    known_as: u32,
    /// and what is added to its sequence numbers for them.
    shift: u16,
}

/// What a packet led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflowing {
    Same,
    /// Another source has taken the place of the one before: what was known of that one's clock is void.
    Another,
}

impl Inflow {
    pub fn new(manner: Manner) -> Self {
        Self {
            manner,
            ..Self::default()
        }
    }

    /// Packets that have not come in time, or never.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets that were left out because they are no RTP.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn repaired(&mut self, packet: Bytes) -> Bytes {
        match rtp::without_wrong_padding(&packet, self.wrong_paddings >= WRONG_PADDINGS) {
            Some(repaired) => {
                self.wrong_paddings = self.wrong_paddings.saturating_add(1);
                repaired.into()
            }
            None => packet,
        }
    }

    /// The next packet of RTP; those that are due go to `out`. What is no RTP is dropped.
    pub fn take(&mut self, packet: Bytes, now_ms: u64, out: &mut Vec<Bytes>) -> Inflowing {
        let packet = self.repaired(packet);
        let Some(head) = rtp::rtp_head(&packet) else {
            self.unreadable += 1;
            return Inflowing::Same;
        };
        let Some(source) = &self.source else {
            self.begin(head, head.ssrc, 0);
            self.came(0, &packet);
            self.deliver(packet, out);
            return Inflowing::Same;
        };
        let next = source.next;
        let ahead = head.sequence.wrapping_sub(next as u16);
        if head.ssrc != source.ssrc || self.is_out_of_line(next, ahead) {
            return self.suspect(head, packet, out);
        }
        self.suspect = None;
        self.come += 1;
        self.came(i64::from(ahead as i16), &packet);
        match ahead {
            0 => {
                self.last_come = self.come;
                self.deliver(packet, out);
                self.release(now_ms, out);
            }
            1..MAX_DROPOUT => {
                let place = self.come;
                self.held.entry(next + u64::from(ahead)).or_insert(Waiting {
                    since_ms: now_ms,
                    place,
                    packet,
                });
                self.release(now_ms, out);
            }
            // It was there already, or is not waited for any more.
            _ => {}
        }
        Inflowing::Same
    }

    /// Whether a number, so much ahead of the next one, is none that packets of the same run have.
    fn is_out_of_line(&self, next: u64, ahead: u16) -> bool {
        // What is sent again comes as late as it was lost for, however many follow it; and it cannot be forged.
        if self.manner == Manner::Resending {
            return (MAX_DROPOUT..FAR_BEHIND).contains(&ahead);
        }
        // Where nothing has followed the packet that others were passed over for, its number was a stray one if these come.
        let behind = next.saturating_sub(u64::from(ahead.wrapping_neg()));
        let was_stray =
            next == self.skipped.end + 1 && self.skipped.contains(&behind) && ahead > u16::MAX - MAX_MISORDER;
        was_stray || (MAX_DROPOUT..=u16::MAX - MAX_MISORDER).contains(&ahead)
    }

    /// Time passes: what has waited long enough goes to `out`.
    pub fn release(&mut self, now_ms: u64, out: &mut Vec<Bytes>) {
        while let Some((&sequence, waiting)) = self.held.first_key_value() {
            let Some(source) = &mut self.source else { return };
            let is_early = sequence > source.next;
            let over =
                now_ms.saturating_sub(waiting.since_ms) >= self.manner.budget_ms() || self.held.len() > MOST_HELD;
            if is_early && !over {
                return;
            }
            // What nothing follows, while what came later belongs in front of it, has a number that is not its own.
            let is_near = sequence <= source.next + NEAR;
            let is_stray = waiting.place < self.last_come && self.held.len() == 1 && !is_near;
            if is_early && is_stray {
                self.held.pop_first();
                continue;
            }
            if is_early {
                self.skipped = source.next..sequence;
                self.lost += sequence - source.next;
            }
            source.next = sequence;
            if let Some((_, waiting)) = self.held.pop_first() {
                self.last_come = self.last_come.max(waiting.place);
                self.deliver(waiting.packet, out);
            }
        }
    }

    /// What has come since this was asked last, as it came: nothing has waited.
    pub fn as_it_came(&mut self) -> Vec<Bytes> {
        self.fast.come()
    }

    /// Takes what waits for packets before it.
    pub fn waiting(&mut self) -> Vec<Bytes> {
        let held = std::mem::take(&mut self.held).into_values();
        held.map(|waiting| waiting.packet).collect()
    }

    /// A packet of the present source has come, so many numbers ahead of the one that is awaited.
    fn came(&mut self, ahead: i64, packet: &Bytes) {
        if let Some(number) = self
            .source
            .as_ref()
            .and_then(|source| source.next.checked_add_signed(ahead))
        {
            self.fast.take(number, packet, self.manner == Manner::Resending);
        }
    }

    /// How players know the source of a report: itself in the report's place.
    pub fn report(&self, report: Bytes) -> Bytes {
        let Some(source) = self.source.as_ref().filter(|source| source.known_as != source.ssrc) else {
            return report;
        };
        rtp::with_reporter(&report, source.ssrc, source.known_as).map_or(report, Bytes::from)
    }

    fn suspect(&mut self, head: RtpHead, packet: Bytes, out: &mut Vec<Bytes>) -> Inflowing {
        let agrees = self.suspect.as_ref().is_some_and(|(first, _)| {
            first.ssrc == head.ssrc && head.sequence.wrapping_sub(first.sequence).wrapping_sub(1) < MAX_MISORDER
        });
        let Some((first, first_packet)) = self.suspect.take().filter(|_| agrees) else {
            self.suspect = Some((head, packet));
            return Inflowing::Same;
        };
        self.release(u64::MAX, out);
        let (known_as, next_known) = match &self.source {
            Some(source) => (source.known_as, (source.next as u16).wrapping_add(source.shift)),
            None => (head.ssrc, head.sequence),
        };
        self.begin(first, known_as, next_known.wrapping_sub(first.sequence));
        self.came(0, &first_packet);
        self.deliver(first_packet, out);
        if let Some(source) = &mut self.source {
            // What lies between the two is not waited for.
            source.next = source
                .next
                .wrapping_add(u64::from(head.sequence.wrapping_sub(source.next as u16)));
        }
        self.came(0, &packet);
        self.deliver(packet, out);
        Inflowing::Another
    }

    fn begin(&mut self, head: RtpHead, known_as: u32, shift: u16) {
        self.skipped = 0..0;
        // So that nothing lies before it.
        let next = u64::from(head.sequence) + (1 << 32);
        self.fast.begin(next, known_as);
        self.source = Some(Source {
            ssrc: head.ssrc,
            next,
            known_as,
            shift,
        });
    }

    /// Hands on the packet that is next.
    fn deliver(&mut self, packet: Bytes, out: &mut Vec<Bytes>) {
        let Some(source) = &mut self.source else { return };
        let known_sequence = (source.next as u16).wrapping_add(source.shift);
        source.next += 1;
        if self.manner == Manner::Resending && !rtp::has_payload(&packet) {
            // What follows takes its number.
            source.shift = source.shift.wrapping_sub(1);
            return;
        }
        if source.shift == 0 && source.known_as == source.ssrc {
            out.push(packet);
            return;
        }
        let mut packet = BytesMut::from(packet.as_ref());
        rtp::rename(&mut packet, known_sequence, source.known_as);
        out.push(packet.freeze());
    }
}

#[cfg(test)]
mod tests;
