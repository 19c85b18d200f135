//! From a track's packets to its frames, with their times on the sender's clock.

use super::depacketize::{Depacketizer, Frame, Packet};
use super::locked::{Passed, Unlock};
use super::succession::{Succession, Timed};
use super::turned::Turned;
use super::way_in::WayIn;
use super::{Quarters, StreamEvent, Track};

/// RFC 3550 A.1: a greater step in the sequence numbers is a sender that counts anew.
const MAX_DROPOUT: u16 = 3000;
/// Packets up to this much behind are duplicates or come too late.
const MAX_MISORDER: u16 = 100;

const EMPTY: &str = "they are empty";
const NOT_ARRIVING: &str = "its publisher says that it sends them, and none arrives: is UDP let through to the node?";

/// See the module.
pub(super) struct Intake {
    kind: Track,
    depacketizer: Box<dyn Depacketizer>,
    turned: Turned,
    lock: Box<dyn Unlock>,
    expected_sequence: Option<u16>,
    /// How many packets were sent, as the last sender report has it.
    told_packets: Option<u32>,
    pub(super) succession: Succession,
    way_in: WayIn,
    /// Why a packet could not be read, since the last unit.
    unreadable: Option<&'static str>,
    /// A format was told: whoever joins may begin in the midst of a picture.
    entered: bool,
    /// Something is missing in front of the next frame.
    damaged: bool,
}

impl Intake {
    pub(super) fn new(
        kind: Track,
        clock_rate: u32,
        depacketizer: Box<dyn Depacketizer>,
        lock: Box<dyn Unlock>,
    ) -> Self {
        Self {
            kind,
            depacketizer,
            turned: Turned::default(),
            lock,
            expected_sequence: None,
            told_packets: None,
            succession: Succession::new(kind, clock_rate),
            way_in: WayIn::default(),
            unreadable: None,
            entered: false,
            damaged: false,
        }
    }

    /// A unit was made of a frame.
    pub(super) fn is_used(&mut self) {
        self.way_in.found();
        self.unreadable = None;
    }

    /// The format of what comes is known.
    pub(super) fn enter(&mut self) {
        self.entered = true;
    }

    /// Whether something was missing in front of a keyframe that has come.
    pub(super) fn take_damage(&mut self) -> bool {
        std::mem::take(&mut self.damaged)
    }

    /// Whoever has nothing enters wherever that can be done, though there were better places before.
    pub(super) fn enter_anywhere(&mut self) {
        self.depacketizer.lost();
    }

    /// Depacketizes; losses go to `events`, whole frames to `frames`.
    pub(super) fn receive(&mut self, packet: &Packet, events: &mut Vec<StreamEvent>, frames: &mut Vec<Timed>) {
        if !self.in_sequence(packet.sequence, events) {
            return;
        }
        let mut whole = Vec::new();
        if packet.payload.is_empty() {
            self.unreadable = Some(EMPTY);
        }
        if let Err(malformed) = self.depacketizer.push(packet, &mut whole) {
            // A packet that cannot be read is as good as lost.
            tracing::debug!(track = ?self.kind, %malformed, "packet dropped");
            self.unreadable = Some(malformed.0);
            if self.entered {
                events.push(StreamEvent::Unreadable(self.kind, malformed.0));
            }
            self.damaged = true;
        }
        self.unlock(whole, events, frames);
        // Sound that is read needs nothing more.
        let may_be_missed = self.kind == Track::Video || self.unreadable.is_some();
        if may_be_missed {
            self.miss(packet.arrival_us, events);
        }
    }

    /// Whether a packet with this number is used; notes what is missing in front of it.
    fn in_sequence(&mut self, sequence: u16, events: &mut Vec<StreamEvent>) -> bool {
        let expected = self.expected_sequence.replace(sequence.wrapping_add(1));
        match expected.map_or(0, |expected| sequence.wrapping_sub(expected)) {
            0 => {}
            missing @ 1..=MAX_DROPOUT => {
                events.push(StreamEvent::Lost(self.kind, u64::from(missing)));
                self.lost();
            }
            late if late > u16::MAX - MAX_MISORDER => {
                self.expected_sequence = expected;
                return false;
            }
            _ => {
                events.push(StreamEvent::Lost(self.kind, 0));
                self.lost();
            }
        }
        true
    }

    /// A packet has come whose payload is none of the track's media.
    pub(super) fn pass_over(&mut self, sequence: u16, events: &mut Vec<StreamEvent>) {
        self.in_sequence(sequence, events);
    }

    /// Packets have come that are of no use, for this reason.
    pub(super) fn left_out(&mut self, why: &'static str, now_us: i64, events: &mut Vec<StreamEvent>) {
        self.unreadable = Some(why);
        self.miss(now_us, events);
    }

    fn miss(&mut self, now_us: i64, events: &mut Vec<StreamEvent>) {
        if self.way_in.is_missed(now_us) {
            events.push(StreamEvent::NoEntry(self.kind, self.unreadable));
        }
    }

    /// No more packets come: the last whole frame goes to `frames`.
    pub(super) fn end(&mut self, events: &mut Vec<StreamEvent>, frames: &mut Vec<Timed>) {
        let mut whole = Vec::new();
        self.depacketizer.end(&mut whole);
        self.unlock(whole, events, frames);
        self.succession.end(frames);
    }

    fn unlock(&mut self, whole: Vec<Frame>, events: &mut Vec<StreamEvent>, frames: &mut Vec<Timed>) {
        for mut frame in whole {
            self.turned.tell(&mut frame);
            match self.lock.pass(frame) {
                Passed::Clear(frame) => self.succession.take(frame, frames),
                Passed::Out(news) => {
                    // Why nothing comes of it is told by itself.
                    self.way_in.found();
                    events.extend(news.map(|locked| StreamEvent::Locked(self.kind, locked)));
                    self.damaged = true;
                }
            }
        }
    }

    /// Its sender says how the picture has to be turned that the next packet is of.
    pub(super) fn turned(&mut self, quarters: Quarters) {
        self.turned.set(quarters);
    }

    fn lost(&mut self) {
        self.depacketizer.lost();
        self.damaged = true;
    }

    /// A sender report says that so many packets were sent so far.
    pub(super) fn sent(&mut self, packets: u32, now_us: i64, events: &mut Vec<StreamEvent>) {
        let before = self.told_packets.replace(packets);
        if self.expected_sequence.is_none() && before.is_some_and(|before| packets != before) {
            self.left_out(NOT_ARRIVING, now_us, events);
        }
    }
}
