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
/// A picture that has stood still for so long is asked for: recorders end a slice where it comes, and need not wait for what may
/// never come.
const STILL_MS: u64 = 10_000;
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
    /// Packets of it that were left out because they are no RTP; the hub counts those of all publishers.
    pub unreadable: Arc<AtomicU64>,
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
    /// When its last packet came, or was asked for.
    heard_ms: Option<u64>,
    sender_report: Option<Bytes>,
    /// A picture has come that is shown before one that came earlier.
    is_out_of_order: bool,
}

struct Player {
    /// Which tracks it has set up, by index.
    tracks: Vec<bool>,
    tap: Tap,
    queue: Sender,
}

/// What a player gets of the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tap {
    /// In order, and what is lost is waited for.
    Ordered,
    /// As they come.
    Fast,
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
            heard_ms: None,
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
            unreadable: Arc::default(),
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
        let (mut due, lost, unreadable) = (Vec::new(), known.inflow.lost(), known.inflow.unreadable());
        let mut come = Vec::new();
        match flow {
            Flow::Rtp => {
                known.heard_ms = Some(now_ms);
                if let Some(head) = rtp::rtp_head(&payload) {
                    known.reception.take(head, now_us);
                }
                if known.inflow.take(payload, now_ms, &mut due) == Inflowing::Another {
                    known.sender_report = None;
                }
                come = known.inflow.as_it_came();
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
                come.push(report.clone());
                due.push(report);
            }
            Flow::Rtcp => {}
        }
        let has_lost = known.inflow.lost() > lost;
        if known.inflow.unreadable() > unreadable {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            if unreadable == 0 {
                tracing::warn!(path = %self.path, track, "a publisher sends packets that are no RTP; they are left out");
            }
        }
        for payload in come {
            state.hand_to(Tap::Fast, &Packet { track, flow, payload });
        }
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
                let is_still = |heard_ms: &u64| now_ms.saturating_sub(*heard_ms) >= STILL_MS;
                if known.heard_ms.as_ref().is_some_and(is_still) {
                    known.heard_ms = Some(now_ms);
                    has_lost = true;
                }
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
            state.hand_to(Tap::Ordered, &packet);
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

    /// Adds a player of these tracks who reckons with losses, and with packets that come out of order since they were sent again. It
    /// gets them as they come.
    pub fn subscribe_fast(&self, tracks: &[usize], limit: usize) -> Result<Receiver, SubscribeError> {
        let subscription = self.add(tracks, limit, Overflow::Drop, Tap::Fast, false)?;
        Ok(subscription.packets)
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
        self.add(tracks, limit, overflow, Tap::Ordered, from_beginning)
    }

    fn add(
        &self,
        tracks: &[usize],
        limit: usize,
        overflow: Overflow,
        tap: Tap,
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
        let player = Player {
            tracks: wanted,
            tap,
            queue,
        };
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
        // No packet is waited for any longer: what has come behind one is played.
        for track in 0..state.tracks.len() {
            let mut due = Vec::new();
            if let Some(known) = state.tracks.get_mut(track) {
                known.inflow.release(u64::MAX, &mut due);
            }
            self.hand_out(&mut state, track, Flow::Rtp, due);
        }
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

impl State {
    /// Hands a packet to who wants it; who takes nothing any more is forgotten.
    fn hand_to(&mut self, tap: Tap, packet: &Packet) {
        let is_for = |player: &Player| player.tap == tap && player.wants(packet.track);
        self.players
            .retain(|player| !is_for(player) || player.queue.push(packet.clone()));
    }
}

impl Player {
    fn wants(&self, track: usize) -> bool {
        self.tracks.get(track).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
