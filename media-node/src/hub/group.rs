//! What has come of a picture since its last keyframe, for players who come in the middle. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::rtp::RtpHead;

/// The most that is kept of one picture: ten seconds of a camera with 3 Mbit/s. Of a larger group nothing is.
const MAX_BYTES: usize = 4 << 20;
/// Browsers hold 800 pictures that wait for their decoder, and begin anew when there are more.
const MAX_PICTURES: usize = 600;
/// The most that a node keeps of all pictures together.
const MAX_NODE_BYTES: usize = 256 << 20;
/// What a packet costs beside its own bytes.
const OVERHEAD: usize = 96;

/// What a node keeps of all pictures, in bytes.
pub type Kept = Arc<AtomicUsize>;

/// See the module.
#[derive(Debug)]
pub struct Group {
    packets: Vec<Bytes>,
    bytes: usize,
    pictures: usize,
    /// Of the picture that is coming, its first packet here, and its timestamp.
    first: usize,
    timestamp: Option<u32>,
    /// The timestamp of the keyframe that it begins with.
    keyframe: Option<u32>,
    kept: Kept,
}

impl Group {
    /// `kept`: the count to which its bytes belong.
    pub fn new(kept: Kept) -> Self {
        Self {
            packets: Vec::new(),
            bytes: 0,
            pictures: 0,
            first: 0,
            timestamp: None,
            keyframe: None,
            kept,
        }
    }

    /// The next packet. `has_keyframe`: whether one begins in it. `is_wanted`: whether anything is to be kept.
    pub fn take(&mut self, packet: &Bytes, head: RtpHead, has_keyframe: bool, is_wanted: bool) {
        if !is_wanted {
            return self.forget();
        }
        // One that comes late belongs to a picture before, and does not begin another one.
        let is_later = |before: u32| head.timestamp.wrapping_sub(before) as i32 > 0;
        if self.timestamp.is_none_or(is_later) {
            if self.keyframe.is_none() {
                self.forget();
            }
            self.timestamp = Some(head.timestamp);
            self.first = self.packets.len();
            self.pictures += 1;
        }
        if has_keyframe && self.keyframe != Some(head.timestamp) {
            self.begin(head.timestamp);
        }
        self.packets.push(packet.clone());
        let cost = packet.len() + OVERHEAD;
        self.bytes += cost;
        let all = self.kept.fetch_add(cost, Ordering::Relaxed) + cost;
        if self.bytes > MAX_BYTES || self.pictures > MAX_PICTURES || all > MAX_NODE_BYTES {
            self.forget();
        }
    }

    /// The packets since the last keyframe, in order; none where something is missing.
    pub fn packets(&self) -> &[Bytes] {
        match self.keyframe {
            Some(_) => &self.packets,
            None => &[],
        }
    }

    /// What follows cannot be shown before the next keyframe.
    pub fn forget(&mut self) {
        // Its bytes are taken off the count when the former one is dropped.
        *self = Self::new(self.kept.clone());
    }

    /// Of what was kept only the beginning of this picture belongs to the group.
    fn begin(&mut self, timestamp: u32) {
        let before = self.packets.drain(..self.first.min(self.packets.len()));
        let cost = before.map(|packet| packet.len() + OVERHEAD).sum();
        self.kept.fetch_sub(cost, Ordering::Relaxed);
        self.bytes -= cost;
        self.first = 0;
        self.pictures = 1;
        self.keyframe = Some(timestamp);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sender {
        group: Group,
        sequence: u16,
    }

    impl Sender {
        fn new(kept: &Kept) -> Self {
            Self {
                group: Group::new(kept.clone()),
                sequence: 0,
            }
        }

        fn send(&mut self, timestamp: u32, has_keyframe: bool) {
            self.send_bytes(timestamp, has_keyframe, 20);
        }

        fn send_bytes(&mut self, timestamp: u32, has_keyframe: bool, bytes: usize) {
            self.sequence += 1;
            let head = RtpHead {
                sequence: self.sequence,
                timestamp,
                ssrc: 7,
            };
            let mut packet = vec![0; bytes];
            packet[..2].copy_from_slice(&self.sequence.to_be_bytes());
            self.group.take(&packet.into(), head, has_keyframe, true);
        }

        fn numbers(&self) -> Vec<u8> {
            self.group.packets().iter().map(|packet| packet[1]).collect()
        }
    }

    #[test]
    fn it_begins_with_the_first_packet_of_the_last_keyframe() {
        let kept = Kept::default();
        let mut sender = Sender::new(&kept);
        for timestamp in [10, 10, 20] {
            sender.send(timestamp, false);
        }
        assert_eq!(sender.numbers(), [0u8; 0], "there was none yet");
        for (timestamp, has_keyframe) in [(30, false), (30, true), (30, true), (40, false)] {
            sender.send(timestamp, has_keyframe);
        }
        assert_eq!(sender.numbers(), [4, 5, 6, 7]);
        // The sets of the next one, a late packet of the picture before, and the keyframe itself.
        for (timestamp, has_keyframe) in [(50, false), (40, false), (50, true), (60, false)] {
            sender.send(timestamp, has_keyframe);
        }
        assert_eq!(sender.numbers(), [8, 9, 10, 11]);
        assert_eq!(kept.load(Ordering::Relaxed), 4 * (20 + OVERHEAD));
        drop(sender);
        assert_eq!(kept.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_shown_before_what_came_earlier_is_of_the_group() {
        let mut sender = Sender::new(&Kept::default());
        for (timestamp, has_keyframe) in [(0, true), (90, false), (30, false), (60, false), (180, false)] {
            sender.send(timestamp, has_keyframe);
        }
        assert_eq!(sender.numbers(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_group_that_is_too_large_is_forgotten_up_to_the_next_keyframe() {
        let kept = Kept::default();
        let mut sender = Sender::new(&kept);
        sender.send(1, true);
        sender.send_bytes(2, false, MAX_BYTES);
        assert_eq!((sender.numbers(), kept.load(Ordering::Relaxed)), (vec![], 0));
        sender.send(3, false);
        assert_eq!(sender.numbers(), [0u8; 0]);
        sender.send(4, true);
        assert_eq!(sender.numbers(), [4]);
        for number in 0..MAX_PICTURES as u32 {
            assert!(!sender.numbers().is_empty());
            sender.send(5 + number, false);
        }
        assert_eq!(sender.numbers(), [0u8; 0], "more pictures than a browser holds");
    }

    #[test]
    fn a_node_keeps_so_much_of_all_together() {
        let kept = Kept::default();
        let mut senders: Vec<_> = (0..100).map(|_| Sender::new(&kept)).collect();
        for sender in &mut senders {
            sender.send_bytes(1, true, MAX_BYTES - 2 * OVERHEAD);
        }
        let served = senders.iter().filter(|sender| !sender.numbers().is_empty()).count();
        assert_eq!(served, MAX_NODE_BYTES / (MAX_BYTES - OVERHEAD));
        senders.clear();
        assert_eq!(kept.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn nothing_is_kept_that_is_not_wanted() {
        let mut sender = Sender::new(&Kept::default());
        sender.send(1, true);
        let head = RtpHead {
            sequence: 2,
            timestamp: 2,
            ssrc: 7,
        };
        sender.group.take(&Bytes::from_static(b"2"), head, false, false);
        sender.send(3, false);
        assert_eq!(sender.numbers(), [0u8; 0]);
    }
}
