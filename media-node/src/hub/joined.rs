//! What one player gets of a track who comes in the middle: what was kept since the last keyframe, quickly, and then what comes.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep_until};

use super::queue::{Flow, Packet, Receiver};
use super::rtp;
use super::stamps::Stamps;

/// What is kept is sent at 32 Mbit/s, until the player has caught up: a megabyte takes a quarter of a second, and the networks of most
/// viewers carry it. What a narrower one loses is sent again when the player asks for it.
const BYTES_PER_MS: u64 = 4_000;
/// The most that is sent at once, behind a moment in which this machine was busy.
const MAX_AT_ONCE_MS: u64 = 16;
/// Who has got what is kept does not get it again for so long: a picture that cannot be decoded is of no more use then.
const AGAIN: Duration = Duration::from_secs(3);

/// See the module.
pub struct Joined {
    track: usize,
    kept: VecDeque<Packet>,
    packets: Receiver,
    began: Instant,
    stamps: Option<Stamps>,
    pace: Option<Pace>,
    /// The timestamp of what was given last.
    last: Option<u32>,
}

/// As fast as what is late may be sent.
struct Pace {
    /// By when all that was sent may have been.
    until: Instant,
    /// The picture that is being sent.
    timestamp: Option<u32>,
    sleep: Pin<Box<Sleep>>,
}

impl Joined {
    /// `kept`: packets of RTP of this track, and what is in front of them; `last`: what the player has been told last.
    pub(super) fn new(
        track: usize,
        clock_rate: u32,
        kept: VecDeque<Packet>,
        packets: Receiver,
        last: Option<u32>,
    ) -> Self {
        let newest = kept.iter().rev().find(|packet| packet.flow == Flow::Rtp);
        let live = newest.and_then(|packet| rtp::rtp_head(&packet.payload));
        let began = Instant::now();
        Self {
            track,
            stamps: live.map(|live| Stamps::new(clock_rate, live.timestamp, last)),
            pace: live.map(|_| Pace::new(began)),
            kept,
            packets,
            began,
            last,
        }
    }

    /// The track of the publication.
    pub fn track(&self) -> usize {
        self.track
    }

    /// What was kept, and what comes behind it, by their own times: for who shows nothing of the past.
    pub fn apart(self) -> (VecDeque<Packet>, Receiver) {
        (self.kept, self.packets)
    }

    /// What it gave last.
    pub(super) fn last(&self) -> Option<u32> {
        self.stamps.as_ref().and_then(Stamps::last).or(self.last)
    }

    /// Whether it begins with what was kept.
    pub(super) fn has_kept(&self) -> bool {
        self.stamps.is_some()
    }

    /// Whether it is long enough since it began that it may begin anew.
    pub(super) fn may_begin_anew(&self) -> bool {
        self.began.elapsed() >= AGAIN
    }

    /// The next packet; `None` when the publication has ended, and all that was queued has been taken.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Packet>> {
        if let Some(pace) = &mut self.pace
            && pace.poll(context).is_pending()
        {
            return Poll::Pending;
        }
        let packet = match self.kept.pop_front() {
            Some(packet) => packet,
            None => match self.packets.poll_next(context) {
                Poll::Ready(Some(packet)) => packet,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    self.pace = None;
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(Some(self.given(packet)))
    }

    fn given(&mut self, packet: Packet) -> Packet {
        let Some(head) = rtp::rtp_head(&packet.payload).filter(|_| packet.flow == Flow::Rtp) else {
            return packet;
        };
        if let Some(pace) = &mut self.pace {
            pace.sent(head.timestamp, packet.payload.len());
        }
        let Some(stamps) = &mut self.stamps else {
            self.last = Some(head.timestamp);
            return packet;
        };
        let since = self.pace.as_ref().map(|_| self.began.elapsed());
        let told = stamps.tell(head.timestamp, since);
        if self.kept.is_empty() && told == head.timestamp {
            self.pace = None;
        }
        if self.pace.is_none() && stamps.is_over() {
            self.last = stamps.last();
            self.stamps = None;
        }
        Packet {
            payload: retimed(packet.payload, head.timestamp, told),
            ..packet
        }
    }
}

fn retimed(packet: Bytes, timestamp: u32, told: u32) -> Bytes {
    if timestamp == told {
        return packet;
    }
    let mut retimed = BytesMut::from(packet.as_ref());
    rtp::retime(&mut retimed, told);
    retimed.freeze()
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            until: now,
            timestamp: None,
            sleep: Box::pin(sleep_until(now)),
        }
    }

    /// Ready when something may be sent.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.until <= now {
            return Poll::Ready(());
        }
        self.sleep.as_mut().reset(self.until);
        self.sleep.as_mut().poll(context)
    }

    /// Each picture takes a millisecond at least, by which its time is told apart from that of the one before.
    fn sent(&mut self, timestamp: u32, bytes: usize) {
        let is_another = self.timestamp.replace(timestamp) != Some(timestamp);
        let cost_us = bytes as u64 * 1_000 / BYTES_PER_MS + if is_another { 1_000 } else { 0 };
        let earliest = Instant::now()
            .checked_sub(Duration::from_millis(MAX_AT_ONCE_MS))
            .unwrap_or(self.until);
        self.until = self.until.max(earliest) + Duration::from_micros(cost_us);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::super::queue::{Overflow, Sender, channel};
    use super::*;

    fn packet(picture: u32, bytes: usize) -> Packet {
        let mut packet = vec![0; 12.max(bytes)];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&(picture as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(picture * 3_600).to_be_bytes());
        Packet {
            track: 0,
            flow: Flow::Rtp,
            payload: packet.into(),
        }
    }

    fn joined(kept: impl Iterator<Item = Packet>, last: Option<u32>) -> (Joined, Sender) {
        let (sender, packets) = channel(1 << 20, Overflow::Drop);
        (Joined::new(0, 90_000, kept.collect(), packets, last), sender)
    }

    fn told(packet: &Packet) -> (u16, u32) {
        let head = rtp::rtp_head(&packet.payload).unwrap();
        (head.sequence, head.timestamp)
    }

    async fn next(joined: &mut Joined) -> (u16, u32) {
        told(&poll_fn(|context| joined.poll_next(context)).await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_come_within_a_third_of_one_and_end_in_time() {
        let (mut joined, sender) = joined((0..250).map(|picture| packet(picture, 1_200)), None);
        let began = Instant::now();
        let newest = 249 * 3_600;
        let mut before = None;
        for picture in 0..250 {
            let (sequence, timestamp) = next(&mut joined).await;
            let sent = newest + (began.elapsed().as_micros() * 9 / 100) as u32;
            assert!(
                timestamp.abs_diff(sent) <= 180,
                "{picture}: {timestamp}, sent at {sent}"
            );
            assert!(before.is_none_or(|before| before < timestamp) && sequence == picture);
            before = Some(timestamp);
        }
        let caught_up = began.elapsed();
        assert!(caught_up < Duration::from_millis(340), "{caught_up:?}");
        // What came meanwhile comes behind it, and then everything as it comes.
        for picture in 250..300u32 {
            let due = began + Duration::from_millis(40) * (picture - 249);
            if picture > 258 {
                tokio::time::sleep_until(due).await;
            }
            assert!(sender.push(packet(picture, 1_200)));
            let (sequence, timestamp) = next(&mut joined).await;
            assert!(u32::from(sequence) == picture && before.is_some_and(|before| before < timestamp));
            assert_eq!(timestamp == picture * 3_600, picture > 257, "{picture}");
            before = Some(timestamp);
        }
        assert!(joined.stamps.is_none() && joined.pace.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_large_is_sent_no_faster_than_a_network_carries_it() {
        let (mut joined, _sender) = joined((0..1_000).map(|number| packet(number / 50, 1_000)), None);
        let began = Instant::now();
        for _ in 0..1_000 {
            next(&mut joined).await;
        }
        let took = began.elapsed();
        assert!((250..300).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_kept_all_is_as_it_comes() {
        let (mut joined, sender) = joined(std::iter::empty(), None);
        for picture in [7, 5, 6] {
            sender.push(packet(picture, 100));
            assert_eq!(next(&mut joined).await, (picture as u16, picture * 3_600));
        }
        assert_eq!(joined.last(), Some(6 * 3_600));
        drop(sender);
        assert!(poll_fn(|context| joined.poll_next(context)).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_it_again_gets_it_behind_what_was_told_before() {
        let (mut joined, _sender) = joined((0..5).map(|picture| packet(picture, 100)), Some(14_500));
        let first = next(&mut joined).await;
        assert_eq!(first, (0, 14_590));
        assert!(!joined.may_begin_anew());
        tokio::time::advance(AGAIN).await;
        assert!(joined.may_begin_anew());
    }
}
