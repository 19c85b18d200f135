//! The way of packets from one publisher to one player: bounded in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;

/// What a queued packet costs beside its own bytes.
const OVERHEAD: usize = 64;

#[derive(Clone, Debug)]
pub struct Packet {
    /// Index in the session description.
    pub track: usize,
    pub flow: Flow,
    pub payload: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Rtp,
    Rtcp,
}

/// What happens to a player that is slower than its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Packets are dropped and counted: over UDP a player reckons with losses.
    Drop,
    /// The player is cut off: over TCP it relies on getting everything.
    CutOff,
}

struct Shared {
    bytes: AtomicUsize,
    limit: usize,
    overflow: Overflow,
    dropped: AtomicU64,
    cut_off: AtomicBool,
}

pub fn channel(limit: usize, overflow: Overflow) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        bytes: AtomicUsize::new(0),
        limit,
        overflow,
        dropped: AtomicU64::new(0),
        cut_off: AtomicBool::new(false),
    });
    (
        Sender {
            packets: sender,
            shared: shared.clone(),
        },
        Receiver {
            packets: receiver,
            shared,
        },
    )
}

pub struct Sender {
    packets: mpsc::UnboundedSender<Packet>,
    shared: Arc<Shared>,
}

impl Sender {
    /// False when the player is gone or cut off: it wants no more.
    pub fn push(&self, packet: Packet) -> bool {
        let cost = packet.payload.len() + OVERHEAD;
        // One publisher pushes at a time, so nobody else adds in between.
        if self.shared.bytes.load(Ordering::Acquire) + cost > self.shared.limit {
            return match self.shared.overflow {
                Overflow::Drop => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Overflow::CutOff => {
                    self.shared.cut_off.store(true, Ordering::Release);
                    false
                }
            };
        }
        self.shared.bytes.fetch_add(cost, Ordering::AcqRel);
        self.packets.send(packet).is_ok()
    }
}

impl Sender {
    /// Whether the player is gone.
    pub fn is_closed(&self) -> bool {
        self.packets.is_closed()
    }
}

pub struct Receiver {
    packets: mpsc::UnboundedReceiver<Packet>,
    shared: Arc<Shared>,
}

impl Receiver {
    /// `None` when the publication has ended, or this player was cut off, and all that was queued has been taken.
    pub async fn next(&mut self) -> Option<Packet> {
        let packet = self.packets.recv().await;
        self.taken(packet)
    }

    /// As [`Self::next`], for those who wait for several at once.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Packet>> {
        self.packets.poll_recv(context).map(|packet| self.taken(packet))
    }

    /// A packet that is there already.
    pub fn try_next(&mut self) -> Option<Packet> {
        let packet = self.packets.try_recv().ok();
        self.taken(packet)
    }

    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    pub fn was_cut_off(&self) -> bool {
        self.shared.cut_off.load(Ordering::Acquire)
    }

    fn taken(&self, packet: Option<Packet>) -> Option<Packet> {
        let cost = packet.as_ref().map_or(0, |packet| packet.payload.len() + OVERHEAD);
        self.shared.bytes.fetch_sub(cost, Ordering::AcqRel);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(n: usize) -> Packet {
        Packet {
            track: n,
            flow: Flow::Rtp,
            payload: Bytes::from(vec![0; 36]),
        }
    }

    #[tokio::test]
    async fn a_slow_udp_player_loses_packets_and_goes_on() {
        let (sender, mut receiver) = channel(200, Overflow::Drop);
        assert!((0..5).all(|n| sender.push(packet(n))));
        assert_eq!(receiver.dropped(), 3);
        assert_eq!(receiver.next().await.unwrap().track, 0);
        assert!(sender.push(packet(9)));
        drop(sender);
        assert_eq!(receiver.next().await.unwrap().track, 1);
        assert_eq!(receiver.try_next().unwrap().track, 9);
        assert!(receiver.next().await.is_none());
        assert!(!receiver.was_cut_off());
    }

    #[tokio::test]
    async fn a_slow_tcp_player_is_cut_off() {
        let (sender, mut receiver) = channel(200, Overflow::CutOff);
        assert!(sender.push(packet(0)) && sender.push(packet(1)));
        assert!(!sender.push(packet(2)));
        assert!(receiver.was_cut_off());
        assert_eq!(receiver.try_next().unwrap().track, 0);
        drop(receiver);
        assert!(!sender.push(packet(3)));
    }
}
