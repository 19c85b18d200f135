//! One live stream: what its publisher sends goes to each of its players.

mod players;
#[cfg(test)]
mod tests;
mod track;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use protocol::TrackKind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Layer;
use super::audience::{Audience, Tap};
use super::beginning::{BEGINNING, Beginning};
use super::description::Description;
use super::group::Kept;
use super::groups::Groups;
use super::inflow::{Inflowing, Manner};
use super::keyframes::Keyframes;
use super::left_out::LeftOut;
use super::queue::{Flow, Packet};
use super::rtp::{self, RtpHead};
use crate::channel::StreamPath;
pub use players::{SubscribeError, Subscription};
use track::Track;

/// Pictures are shown a second before ones that came earlier at most: what goes back farther has begun anew.
const MAX_BACK_TICKS: u32 = 90_000;
/// A picture that has stood still for so long is asked for: recorders end a slice where it comes, and need not wait for what may
/// never come.
const STILL_MS: u64 = 10_000;
/// How often players are told that packets are left out.
const TOLD_EVERY_MS: u64 = 5_000;

/// See the module.
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
    audience: Audience,
}

impl Publication {
    pub fn new(path: StreamPath, description: Description, manner: Manner) -> Self {
        Self::keeping(path, description, manner, &Kept::default())
    }

    /// `kept`: the count of what is kept of pictures.
    pub(super) fn keeping(path: StreamPath, description: Description, manner: Manner, kept: &Kept) -> Self {
        let track = |(index, clock_rate): (usize, &u32)| {
            let described = description.tracks().get(index);
            let groups = described.and_then(|track| Groups::new(&track.codec, kept));
            Track::new(manner, *clock_rate, groups)
        };
        let tracks = description.clock_rates().iter().enumerate().map(track).collect();
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
                audience: Audience::default(),
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
                    known.last = None;
                    known.forget();
                }
                come = known.inflow.as_it_came();
                if let Some(groups) = &mut known.groups {
                    groups.come(&come, &self.keyframes);
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
                come.push(report.clone());
                due.push(report);
            }
            // One that costs no media is counted.
            Flow::Rtcp => drop(self.unreadable.fetch_add(1, Ordering::Relaxed)),
        }
        let has_lost = known.inflow.lost() > lost;
        if has_lost {
            known.forget();
        }
        if known.inflow.unreadable() > unreadable {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            if unreadable == 0 {
                tracing::warn!(path = %self.path, track, "a publisher sends packets that are no RTP; they are left out");
            }
            state.tell(track, LeftOut::NoRtp, now_ms);
        }
        for payload in come {
            state.audience.hand_to(Tap::Fast, &Packet { track, flow, payload });
        }
        self.hand_out(&mut state, track, flow, due);
        self.lost(track, has_lost);
    }

    /// A publisher's packet has come where none of its tracks is.
    pub fn stray(&self, payload: &Bytes) {
        self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
        if self.unreadable.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(path = %self.path, "a publisher sends packets on channels that no track has; they are left out");
        }
        let mut state = self.lock();
        let now_ms = self.now_ms();
        let silent = |track: &Track| track.heard_ms.is_none();
        let silent: Vec<usize> = (0..)
            .zip(&state.tracks)
            .filter(|(_, track)| silent(track))
            .map(|(index, _)| index)
            .collect();
        for track in silent {
            state.tell(track, LeftOut::OtherChannels, now_ms);
        }
    }

    /// None of what the publisher sends of this kind can be read, and that for long.
    pub fn is_unreadable(&self, kind: TrackKind) {
        let now_ms = self.now_ms();
        // By any track: there may be none of this kind.
        self.lock().tell(0, LeftOut::Unreadable(kind), now_ms);
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
                if has_lost {
                    known.forget();
                }
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
                if let (Some(groups), Some(head)) = (&mut known.groups, head) {
                    groups.in_order(&payload, head, &self.keyframes);
                }
            }
            let packet = Packet { track, flow, payload };
            if self.began.elapsed() < BEGINNING {
                state.beginning = state.beginning.take().and_then(|beginning| beginning.with(&packet));
            } else {
                state.beginning = None;
            }
            state.audience.hand_to(Tap::Ordered, &packet);
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

    /// Whether anybody plays it.
    pub fn has_players(&self) -> bool {
        self.players() > 0
    }

    /// How many play it.
    pub fn players(&self) -> usize {
        self.lock().audience.count()
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
        state.audience.dismiss();
    }

    /// The synchronisation source of a track, once it has sent.
    pub fn ssrc(&self, track: usize) -> Option<u32> {
        self.lock().tracks.get(track)?.last.map(|head| head.ssrc)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells players why packets of a track do not come.
    fn tell(&mut self, track: usize, left_out: LeftOut, now_ms: u64) {
        let Some(known) = self.tracks.get_mut(track) else {
            return;
        };
        if known
            .told_ms
            .is_some_and(|told_ms| now_ms.saturating_sub(told_ms) < TOLD_EVERY_MS)
        {
            return;
        }
        known.told_ms = Some(now_ms);
        let payload = left_out.told_by(known.last.map_or(0, |head| head.ssrc));
        let flow = Flow::Rtcp;
        self.audience.hand_to(Tap::Ordered, &Packet { track, flow, payload });
    }
}
