//! One live stream: what its publisher sends goes to each of its players.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::description::Description;
use super::queue::{self, Flow, Overflow, Packet, Receiver, Sender};
use super::rtp::{self, RtpHead};
use crate::channel::StreamPath;

/// Players of one stream.
const MAX_PLAYERS: usize = 256;

pub(super) struct Publication {
    pub(super) path: StreamPath,
    pub(super) description: Description,
    /// Cancelled when the publication is over, whoever ended it.
    pub(super) ended: CancellationToken,
    /// All that the publisher has sent.
    pub(super) bytes: Arc<AtomicU64>,
    state: Mutex<State>,
}

struct State {
    /// As long as the description's tracks.
    tracks: Vec<Track>,
    players: Vec<Player>,
}

#[derive(Clone, Default)]
struct Track {
    last: Option<RtpHead>,
    sender_report: Option<Bytes>,
}

struct Player {
    /// Which tracks it has set up, by index.
    tracks: Vec<bool>,
    queue: Sender,
}

/// A player's view of a publication, from a certain packet on.
pub(super) struct Subscription {
    pub(super) packets: Receiver,
    /// For each track of the description the last packet before the first that is delivered.
    pub(super) last: Vec<Option<RtpHead>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubscribeError {
    Ended,
    TooManyPlayers,
}

impl Publication {
    pub(super) fn new(path: StreamPath, description: Description) -> Self {
        let tracks = vec![Track::default(); description.track_count()];
        Self {
            path,
            description,
            ended: CancellationToken::new(),
            bytes: Arc::default(),
            state: Mutex::new(State {
                tracks,
                players: Vec::new(),
            }),
        }
    }

    /// Hands a publisher's packet to the players. What is neither RTP nor RTCP, or not as it should be, is dropped: a player
    /// may take it for the end of the session.
    pub(super) fn relay(&self, track: usize, flow: Flow, payload: Bytes) {
        self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
        let mut state = self.lock();
        let Some(known) = state.tracks.get_mut(track) else {
            return;
        };
        match flow {
            Flow::Rtp => match rtp::rtp_head(&payload) {
                Some(head) => known.last = Some(head),
                None => return,
            },
            Flow::Rtcp if !rtp::is_compound(&payload) => return,
            Flow::Rtcp if rtp::is_sender_report(&payload) => {
                // A copy, since the payload may be a small part of a large receive buffer.
                known.sender_report = Some(Bytes::copy_from_slice(&payload));
            }
            Flow::Rtcp => {}
        }
        let packet = Packet { track, flow, payload };
        state
            .players
            .retain(|player| !player.wants(track) || player.queue.push(packet.clone()));
    }

    /// Adds a player of these tracks. Its queue begins with the last sender report of each, so that it can place the first
    /// packet in time.
    pub(super) fn subscribe(
        &self,
        tracks: &[usize],
        limit: usize,
        overflow: Overflow,
    ) -> Result<Subscription, SubscribeError> {
        let mut state = self.lock();
        if self.ended.is_cancelled() {
            return Err(SubscribeError::Ended);
        }
        if state.players.len() >= MAX_PLAYERS {
            return Err(SubscribeError::TooManyPlayers);
        }
        let (queue, packets) = queue::channel(limit, overflow);
        let wanted: Vec<bool> = (0..state.tracks.len()).map(|track| tracks.contains(&track)).collect();
        let player = Player { tracks: wanted, queue };
        for (index, track) in state
            .tracks
            .iter()
            .enumerate()
            .filter(|(index, _)| player.wants(*index))
        {
            if let Some(report) = &track.sender_report {
                player.queue.push(Packet {
                    track: index,
                    flow: Flow::Rtcp,
                    payload: report.clone(),
                });
            }
        }
        state.players.push(player);
        Ok(Subscription {
            packets,
            last: state.tracks.iter().map(|track| track.last).collect(),
        })
    }

    /// Whether anybody plays it.
    pub(super) fn has_players(&self) -> bool {
        let mut state = self.lock();
        state.players.retain(|player| !player.queue.is_closed());
        !state.players.is_empty()
    }

    /// Ends the stream for its players: they get what is queued, then the end.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        self.ended.cancel();
        state.players.clear();
    }

    /// The synchronisation source of a track, once it has sent.
    pub(super) fn ssrc(&self, track: usize) -> Option<u32> {
        self.lock().tracks.get(track)?.last.map(|head| head.ssrc)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player {
    fn wants(&self, track: usize) -> bool {
        self.tracks.get(track).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &[u8] = b"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n";

    fn publication() -> Publication {
        let path = StreamPath::parse("/a/b/c").unwrap();
        Publication::new(path, Description::parse(SDP).unwrap())
    }

    fn rtp(sequence: u8) -> Bytes {
        Bytes::from(vec![0x80, 96, 0, sequence, 0, 0, 0, sequence, 0, 0, 0, 7])
    }

    fn report() -> Bytes {
        let mut report = vec![0u8; 28];
        report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        report.into()
    }

    async fn all(mut packets: Receiver) -> Vec<(usize, Flow, u8)> {
        let mut seen = Vec::new();
        while let Some(packet) = packets.next().await {
            // The sequence number, or how many sources a report tells of.
            let number = match packet.flow {
                Flow::Rtp => packet.payload[3],
                Flow::Rtcp => packet.payload[0] & 0x1f,
            };
            seen.push((packet.track, packet.flow, number));
        }
        seen
    }

    #[tokio::test]
    async fn a_late_player_learns_the_time_and_where_the_stream_is() {
        let publication = publication();
        publication.relay(1, Flow::Rtp, rtp(1));
        publication.relay(1, Flow::Rtcp, report());
        publication.relay(0, Flow::Rtcp, report());
        let subscription = publication.subscribe(&[1], 10_000, Overflow::CutOff).unwrap();
        assert_eq!(subscription.last[0], None);
        assert_eq!(subscription.last[1].unwrap().sequence, 1);
        publication.relay(1, Flow::Rtp, rtp(2));
        publication.relay(0, Flow::Rtp, rtp(9));
        publication.relay(7, Flow::Rtp, rtp(9));
        publication.relay(1, Flow::Rtp, Bytes::from_static(b"no packet"));
        publication.relay(1, Flow::Rtp, rtp(3));
        publication.end();
        publication.relay(1, Flow::Rtp, rtp(4));
        let expected = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 2), (1, Flow::Rtp, 3)];
        assert_eq!(all(subscription.packets).await, expected);
        let late = publication.subscribe(&[1], 10_000, Overflow::CutOff);
        assert_eq!(late.err(), Some(SubscribeError::Ended));
        assert_eq!((publication.ssrc(1), publication.ssrc(7)), (Some(7), None));
    }

    #[tokio::test]
    async fn a_bad_report_is_neither_passed_on_nor_kept_for_later_players() {
        let publication = publication();
        let early = publication.subscribe(&[1], 10_000, Overflow::CutOff).unwrap();
        publication.relay(1, Flow::Rtcp, report());
        publication.relay(1, Flow::Rtcp, [&report()[..], &[0; 4]].concat().into());
        let mut padded = rtp(5).to_vec();
        padded[0] |= 0x20;
        padded.extend([1, 0]);
        publication.relay(1, Flow::Rtp, padded.into());
        let late = publication.subscribe(&[1], 10_000, Overflow::CutOff).unwrap();
        publication.end();
        assert_eq!(all(early.packets).await, [(1, Flow::Rtcp, 0)]);
        assert_eq!(all(late.packets).await, [(1, Flow::Rtcp, 0)]);
    }

    #[test]
    fn players_are_counted() {
        let publication = publication();
        let kept: Vec<_> = (0..MAX_PLAYERS)
            .map(|_| publication.subscribe(&[0], 100, Overflow::Drop).ok().unwrap())
            .collect();
        assert_eq!(
            publication.subscribe(&[0], 100, Overflow::Drop).err(),
            Some(SubscribeError::TooManyPlayers)
        );
        drop(kept);
        publication.relay(0, Flow::Rtp, rtp(1));
        assert!(publication.subscribe(&[0], 100, Overflow::Drop).is_ok());
    }
}
