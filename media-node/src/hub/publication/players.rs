//! How players come to a publication: with what was kept of it, from its beginning, or with what comes next.

use super::super::audience::{Player, Tap};
use super::super::beginning::BEGINNING;
use super::super::joined::Joined;
use super::super::queue::{self, Flow, Overflow, Packet, Receiver};
use super::super::rtp::RtpHead;
use super::{Publication, State};

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
    /// Adds a player of one track who reckons with losses and may come in the middle: it begins with the last keyframe where the
    /// publisher is not known to send one when it is asked. `in_order`: what is lost is waited for; else it gets packets as they come.
    pub fn join(&self, track: usize, limit: usize, in_order: bool) -> Result<Joined, SubscribeError> {
        self.join_behind(track, limit, in_order, None)
    }

    /// As [`Self::join`] for a player in the place of `former`, which misses a picture. `None` where another keyframe will come, or
    /// this one came not long ago.
    pub fn join_anew(&self, former: &Joined, limit: usize, in_order: bool) -> Option<Joined> {
        if self.keyframes.are_answered() || !former.may_begin_anew() {
            return None;
        }
        let joined = self.join_behind(former.track(), limit, in_order, former.last());
        joined.ok().filter(Joined::has_kept)
    }

    fn join_behind(
        &self,
        track: usize,
        limit: usize,
        in_order: bool,
        last: Option<u32>,
    ) -> Result<Joined, SubscribeError> {
        let mut state = self.lock();
        let tap = if in_order { Tap::Ordered } else { Tap::Fast };
        let (player, packets) = self.player(&state, &[track], limit, Overflow::Drop, tap)?;
        let known = state.tracks.get(track);
        let report = known.and_then(|known| known.sender_report.clone());
        let report = report.map(|payload| (Flow::Rtcp, payload));
        let groups = known.and_then(|known| known.groups.as_ref());
        let kept = groups.filter(|_| !self.keyframes.are_answered());
        let kept = kept.map(|groups| groups.packets(in_order)).unwrap_or_default();
        let kept = kept.iter().map(|packet| (Flow::Rtp, packet.clone()));
        let kept = report.into_iter().chain(kept);
        let kept = kept.map(|(flow, payload)| Packet { track, flow, payload }).collect();
        let clock_rate = self.description.clock_rates().get(track).copied().unwrap_or_default();
        state.audience.add(player);
        Ok(Joined::new(track, clock_rate, kept, packets, last))
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
        let (player, packets) = self.player(&state, tracks, limit, overflow, tap)?;
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
        state.audience.add(player);
        Ok(Subscription { packets, next })
    }

    /// One more player.
    fn player(
        &self,
        state: &State,
        tracks: &[usize],
        limit: usize,
        overflow: Overflow,
        tap: Tap,
    ) -> Result<(Player, Receiver), SubscribeError> {
        if self.ended.is_cancelled() {
            return Err(SubscribeError::Ended);
        }
        if state.audience.is_full() {
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
        Ok((player, packets))
    }
}
