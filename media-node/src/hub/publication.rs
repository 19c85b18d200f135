//! One live stream: what its publisher sends goes to each of its players.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use protocol::TrackKind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Layer;
use super::beginning::{BEGINNING, Beginning};
use super::description::Description;
use super::inflow::{Inflow, Inflowing, Manner};
use super::keyframes::Keyframes;
use super::queue::{self, Flow, Overflow, Packet, Receiver, Sender};
use super::reception::Reception;
use super::rtp::{self, RtpHead};
use crate::channel::StreamPath;

/// Pictures are shown a second before ones that came earlier at most: what goes back farther has begun anew.
const MAX_BACK_TICKS: u32 = 90_000;
/// Players of one stream. A viewer of a room is two: one for the picture and one for the sound.
const MAX_PLAYERS: usize = 1_024;

pub struct Publication {
    pub path: StreamPath,
    pub description: Description,
    /// Cancelled when the publication is over, whoever ended it.
    pub ended: CancellationToken,
    began: Instant,
    /// All that the publisher has sent.
    pub bytes: Arc<AtomicU64>,
    /// Wishes for keyframes, for the publisher if it can be asked.
    pub keyframes: Keyframes,
    /// The layers that its picture is taken from, where it has several.
    layers: OnceLock<Vec<Arc<Layer>>>,
    state: Mutex<State>,
}

struct State {
    /// What was sent so far, while the publication begins.
    beginning: Option<Beginning>,
    /// As long as the description's tracks.
    tracks: Vec<Track>,
    players: Vec<Player>,
}

struct Track {
    inflow: Inflow,
    reception: Reception,
    last: Option<RtpHead>,
    sender_report: Option<Bytes>,
    /// A picture has come that is shown before one that came earlier.
    is_out_of_order: bool,
}

struct Player {
    /// Which tracks it has set up, by index.
    tracks: Vec<bool>,
    queue: Sender,
}

/// A player's view of a publication, from a certain packet on.
pub struct Subscription {
    pub packets: Receiver,
    /// For each track of the description the first packet that is delivered; where it is still to come, the sequence number
    /// behind the last one, and that one's timestamp. `None` where nothing was sent.
    pub next: Vec<Option<RtpHead>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeError {
    Ended,
    TooManyPlayers,
}

impl Publication {
    pub fn new(path: StreamPath, description: Description, manner: Manner) -> Self {
        let track = |clock_rate: &u32| Track {
            inflow: Inflow::new(manner),
            reception: Reception::new(*clock_rate),
            last: None,
            sender_report: None,
            is_out_of_order: false,
        };
        let tracks = description.clock_rates().iter().map(track).collect();
        Self {
            path,
            description,
            ended: CancellationToken::new(),
            began: Instant::now(),
            bytes: Arc::default(),
            keyframes: Keyframes::default(),
            layers: OnceLock::new(),
            state: Mutex::new(State {
                beginning: Some(Beginning::default()),
                tracks,
                players: Vec::new(),
            }),
        }
    }

    /// Says which layers its picture is taken from; once.
    pub fn set_layers(&self, layers: Vec<Arc<Layer>>) {
        let _ = self.layers.set(layers);
    }

    /// The layers that its picture is taken from; none where it has only one.
    pub fn layers(&self) -> &[Arc<Layer>] {
        self.layers.get().map_or(&[], Vec::as_slice)
    }

    /// Hands a publisher's packet to the players, with what waited for it. What is neither RTP nor RTCP, or not as it should
    /// be, is dropped: a player may take it for the end of the session.
    pub fn relay(&self, track: usize, flow: Flow, payload: Bytes) {
        self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
        let mut state = self.lock();
        let (now_ms, now_us) = (self.now_ms(), self.now_us());
        let Some(known) = state.tracks.get_mut(track) else {
            return;
        };
        let (mut due, lost) = (Vec::new(), known.inflow.lost());
        match flow {
            Flow::Rtp => {
                if let Some(head) = rtp::rtp_head(&payload) {
                    known.reception.take(head, now_us);
                }
                if known.inflow.take(payload, now_ms, &mut due) == Inflowing::Another {
                    known.sender_report = None;
                }
            }
            Flow::Rtcp if rtp::is_compound(&payload) => {
                if rtp::is_sender_report(&payload) {
                    known.reception.reported(&payload, now_us);
                }
                let report = known.inflow.report(payload);
                if rtp::is_sender_report(&report) {
                    // A copy, since the payload may be a small part of a large receive buffer.
                    known.sender_report = Some(Bytes::copy_from_slice(&report));
                }
                due.push(report);
            }
            Flow::Rtcp => {}
        }
        let has_lost = known.inflow.lost() > lost;
        self.hand_out(&mut state, track, flow, due);
        self.lost(track, has_lost);
    }

    /// Hands out what has waited long enough for the packets before it.
    pub fn release(&self) {
        let mut state = self.lock();
        let now_ms = self.now_ms();
        for track in 0..state.tracks.len() {
            let (mut due, mut has_lost) = (Vec::new(), false);
            if let Some(known) = state.tracks.get_mut(track) {
                let lost = known.inflow.lost();
                known.inflow.release(now_ms, &mut due);
                has_lost = known.inflow.lost() > lost;
            }
            self.hand_out(&mut state, track, Flow::Rtp, due);
            self.lost(track, has_lost);
        }
    }

    /// Pictures behind a loss cannot be shown before the next keyframe.
    fn lost(&self, track: usize, has_lost: bool) {
        if has_lost && self.is_video(track) {
            self.keyframes.ask();
        }
    }

    fn is_video(&self, track: usize) -> bool {
        let track = self.description.tracks().get(track);
        track.is_some_and(|track| track.kind == TrackKind::Video)
    }

    fn hand_out(&self, state: &mut State, track: usize, flow: Flow, due: Vec<Bytes>) {
        for payload in due {
            if let (Flow::Rtp, Some(known)) = (flow, state.tracks.get_mut(track)) {
                let head = rtp::rtp_head(&payload);
                let goes_back = |(head, last): (RtpHead, RtpHead)| {
                    (1..MAX_BACK_TICKS).contains(&last.timestamp.wrapping_sub(head.timestamp))
                };
                known.is_out_of_order |= head.zip(known.last).is_some_and(goes_back);
                known.last = head;
            }
            let packet = Packet { track, flow, payload };
            if self.began.elapsed() < BEGINNING {
                state.beginning = state.beginning.take().and_then(|beginning| beginning.with(&packet));
            } else {
                state.beginning = None;
            }
            state
                .players
                .retain(|player| !player.wants(track) || player.queue.push(packet.clone()));
        }
    }

    /// Whether units of a track have come in another order than their times have: pictures with B-frames do.
    pub fn is_out_of_order(&self, track: usize) -> bool {
        self.lock().tracks.get(track).is_some_and(|track| track.is_out_of_order)
    }

    /// What its publisher is to be told of how a track arrives; `None` before anything has come, and where it has not shown
    /// that it takes such things.
    pub fn reception_report(&self, track: usize, reporter: u32) -> Option<Vec<u8>> {
        let now_us = self.now_us();
        let mut state = self.lock();
        let track = state
            .tracks
            .get_mut(track)
            .filter(|track| self.is_heard_by_publisher(track))?;
        let block = track.reception.block(now_us)?;
        Some(rtp::reception_report(reporter, &block))
    }

    /// What asks the publisher for a keyframe of each of its pictures, by track, where it has shown that it takes such things.
    pub fn keyframe_wishes(&self, reporter: u32) -> Vec<(usize, Vec<u8>)> {
        let state = self.lock();
        let tracks = state
            .tracks
            .iter()
            .enumerate()
            .filter(|(index, _)| self.is_video(*index));
        let wishes = tracks
            .filter(|(_, track)| self.is_heard_by_publisher(track))
            .filter_map(|(index, track)| {
                let source = track.reception.ssrc()?;
                Some((index, rtp::keyframe_wish(reporter, source)))
            });
        wishes.collect()
    }

    /// Whether its publisher listens to what receivers tell it, by its description or by reports of its own: some that do not
    /// would not expect it.
    fn is_heard_by_publisher(&self, track: &Track) -> bool {
        self.description.takes_feedback() || track.sender_report.is_some()
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Adds a player of these tracks. Its queue begins with a sender report of each, so that it can place the first packet in
    /// time; `from_beginning`: and with all that was sent, if that is not long ago.
    pub fn subscribe(
        &self,
        tracks: &[usize],
        limit: usize,
        overflow: Overflow,
        from_beginning: bool,
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
        if tracks.iter().any(|track| self.is_video(*track)) {
            self.keyframes.ask();
        }
        let player = Player { tracks: wanted, queue };
        let beginning = state.beginning.as_ref().filter(|beginning| {
            let fits = overflow == Overflow::CutOff || beginning.fits_datagrams();
            from_beginning && fits && self.began.elapsed() < BEGINNING
        });
        let tracks = state.tracks.iter().enumerate();
        let next = tracks
            .clone()
            .map(|(index, track)| match beginning {
                Some(beginning) => beginning.first(index),
                None => track.next(),
            })
            .collect();
        match beginning {
            Some(beginning) => {
                for packet in beginning.packets().filter(|packet| player.wants(packet.track)) {
                    player.queue.push(packet.clone());
                }
            }
            None => {
                for (index, track) in tracks.filter(|(index, _)| player.wants(*index)) {
                    if let Some(report) = &track.sender_report {
                        player.queue.push(Packet {
                            track: index,
                            flow: Flow::Rtcp,
                            payload: report.clone(),
                        });
                    }
                }
            }
        }
        state.players.push(player);
        Ok(Subscription { packets, next })
    }

    /// Whether anybody plays it.
    pub fn has_players(&self) -> bool {
        let mut state = self.lock();
        state.players.retain(|player| !player.queue.is_closed());
        !state.players.is_empty()
    }

    /// Ends the stream for its players: they get what is queued, then the end.
    pub fn end(&self) {
        let mut state = self.lock();
        self.ended.cancel();
        state.players.clear();
    }

    /// The synchronisation source of a track, once it has sent.
    pub fn ssrc(&self, track: usize) -> Option<u32> {
        self.lock().tracks.get(track)?.last.map(|head| head.ssrc)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    /// What is known of the packet that is handed on next.
    fn next(&self) -> Option<RtpHead> {
        self.last.map(|last| RtpHead {
            sequence: last.sequence.wrapping_add(1),
            ..last
        })
    }
}

impl Player {
    fn wants(&self, track: usize) -> bool {
        self.tracks.get(track).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SDP: &[u8] = b"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n";

    fn publication() -> Publication {
        let path = StreamPath::parse("/a/b/c").unwrap();
        Publication::new(path, Description::parse(SDP).unwrap(), Manner::Once)
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
        let subscription = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
        assert_eq!(subscription.next[0], None);
        assert_eq!(subscription.next[1].unwrap().sequence, 2);
        publication.relay(1, Flow::Rtp, rtp(2));
        publication.relay(0, Flow::Rtp, rtp(9));
        publication.relay(7, Flow::Rtp, rtp(9));
        publication.relay(1, Flow::Rtp, Bytes::from_static(b"no packet"));
        publication.relay(1, Flow::Rtp, rtp(3));
        publication.end();
        publication.relay(1, Flow::Rtp, rtp(4));
        let expected = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 2), (1, Flow::Rtp, 3)];
        assert_eq!(all(subscription.packets).await, expected);
        let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, false);
        assert_eq!(late.err(), Some(SubscribeError::Ended));
        assert_eq!((publication.ssrc(1), publication.ssrc(7)), (Some(7), None));
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_at_once_gets_the_stream_from_its_beginning() {
        let publication = publication();
        publication.relay(1, Flow::Rtp, rtp(5));
        publication.relay(1, Flow::Rtcp, report());
        publication.relay(0, Flow::Rtp, rtp(9));
        tokio::time::advance(Duration::from_secs(4)).await;
        let waiting = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
        let first = waiting.next[1].unwrap();
        assert_eq!((first.sequence, first.timestamp), (5, 5));
        let again = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
        assert_eq!(again.next[1].unwrap().sequence, 6);
        tokio::time::advance(Duration::from_secs(1)).await;
        let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
        publication.relay(1, Flow::Rtp, rtp(6));
        publication.end();
        let now = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 6)];
        let all_of_it = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 5), (1, Flow::Rtp, 6)];
        assert_eq!(all(waiting.packets).await, all_of_it);
        assert_eq!(all(again.packets).await, now);
        assert_eq!(all(late.packets).await, now);
        assert!(publication.lock().beginning.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn packets_that_overtake_one_another_are_put_in_order_for_players() {
        let publication = publication();
        let player = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
        for sequence in [1, 3, 2, 2, 5] {
            publication.relay(1, Flow::Rtp, rtp(sequence));
        }
        publication.release();
        tokio::time::advance(Duration::from_millis(100)).await;
        publication.release();
        publication.end();
        assert_eq!(
            all(player.packets).await,
            [1, 2, 3, 5].map(|sequence| (1, Flow::Rtp, sequence))
        );
    }

    #[tokio::test]
    async fn a_bad_report_is_neither_passed_on_nor_kept_for_later_players() {
        let publication = publication();
        let early = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
        publication.relay(1, Flow::Rtcp, report());
        publication.relay(1, Flow::Rtcp, [&report()[..], &[0; 4]].concat().into());
        let cut_off = rtp(5).slice(..11);
        publication.relay(1, Flow::Rtp, cut_off);
        let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
        publication.end();
        assert_eq!(all(early.packets).await, [(1, Flow::Rtcp, 0)]);
        assert_eq!(all(late.packets).await, [(1, Flow::Rtcp, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_player_that_joins_and_a_lost_picture_ask_for_a_keyframe() {
        let publication = publication();
        let asked = || tokio::time::timeout(Duration::from_secs(1), publication.keyframes.due());
        let _sound = publication.subscribe(&[0], 10_000, Overflow::Drop, false).unwrap();
        for sequence in [1, 3] {
            publication.relay(0, Flow::Rtp, rtp(sequence));
        }
        tokio::time::advance(Duration::from_millis(100)).await;
        publication.release();
        assert!(asked().await.is_err(), "sound needs none");
        let _picture = publication.subscribe(&[1], 10_000, Overflow::Drop, false).unwrap();
        assert!(asked().await.is_ok());
        publication.relay(1, Flow::Rtp, rtp(1));
        publication.relay(1, Flow::Rtp, rtp(3));
        assert!(asked().await.is_err(), "it may only have been overtaken");
        publication.release();
        assert!(asked().await.is_ok());
    }

    #[test]
    fn a_publisher_is_told_how_its_packets_arrive_and_asked_for_keyframes_where_it_listens() {
        let publication = publication();
        assert_eq!(publication.reception_report(1, 9), None);
        publication.relay(1, Flow::Rtp, rtp(1));
        publication.relay(1, Flow::Rtp, rtp(3));
        assert_eq!(
            publication.reception_report(1, 9),
            None,
            "it has not shown that it listens"
        );
        assert_eq!(publication.keyframe_wishes(9), []);
        publication.relay(1, Flow::Rtcp, report_of_7());
        let report = publication.reception_report(1, 9).unwrap();
        assert_eq!((&report[8..12], report[15]), (&[0, 0, 0, 7][..], 1), "one is lost");
        let wishes = publication.keyframe_wishes(9);
        assert_eq!(wishes.len(), 1);
        assert!(wishes[0].0 == 1 && rtp::wants_keyframe(&wishes[0].1) && wishes[0].1.ends_with(&[7]));
    }

    fn report_of_7() -> Bytes {
        let mut report = report().to_vec();
        report[7] = 7;
        report.into()
    }

    #[test]
    fn players_are_counted() {
        let publication = publication();
        let kept: Vec<_> = (0..MAX_PLAYERS)
            .map(|_| publication.subscribe(&[0], 100, Overflow::Drop, false).ok().unwrap())
            .collect();
        assert_eq!(
            publication.subscribe(&[0], 100, Overflow::Drop, false).err(),
            Some(SubscribeError::TooManyPlayers)
        );
        drop(kept);
        publication.relay(0, Flow::Rtp, rtp(1));
        assert!(publication.subscribe(&[0], 100, Overflow::Drop, false).is_ok());
    }
}
