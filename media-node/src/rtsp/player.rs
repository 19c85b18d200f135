//! The playing side of a connection: SETUP, PLAY, PAUSE, and the packets that follow.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rtsp_types::headers::{self};
use rtsp_types::{Request, StatusCode, Url};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Shared;
use super::carrier::{Carrier, Carriers};
use super::reply::{Answer, Refusal, Reply};
use super::target::content_base;
use crate::hub::{
    Ends, Flow, Liveness, Overflow, Packet, Publication, Receiver, SubscribeError, Subscription, bye, rtp,
    track_control,
};

/// How long a client over UDP has for its TEARDOWN once it was told that the stream is over.
const GOODBYE: Duration = Duration::from_secs(2);

pub(super) struct Player {
    publication: Arc<Publication>,
    carriers: Carriers,
    playing: Option<Playing>,
    /// It has played before.
    played: bool,
    /// When the client was told that the stream is over.
    over: Option<Instant>,
    /// Datagrams that could not be sent.
    unsent: u64,
}

struct Playing {
    packets: Receiver,
    /// Receivers of the player's RTCP; they end with it.
    _receivers: JoinSet<()>,
}

impl Player {
    pub(super) fn new(publication: Arc<Publication>) -> Self {
        let carriers = Carriers::new(publication.description.track_count());
        Self {
            publication,
            carriers,
            playing: None,
            played: false,
            over: None,
            unsent: 0,
        }
    }

    pub(super) fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// Answers with the reply's Transport header.
    pub(super) fn set_up(
        &mut self,
        track: Option<usize>,
        request: &Request<Vec<u8>>,
        ends: Ends,
    ) -> Result<String, Refusal> {
        if self.playing.is_some() {
            return Err(Refusal::wrong_state("Tracks are set up before PLAY"));
        }
        let track = match track {
            Some(track) => track,
            None if self.publication.description.track_count() == 1 => 0,
            None => {
                let reason = "SETUP names one track: use the control attributes of the description";
                return Err(Refusal::new(StatusCode::AggregateOperationNotAllowed, reason));
            }
        };
        self.carriers.set_up(track, request, ends.local, ends.peer)
    }

    pub(super) fn play(&mut self, server: &Shared, url: &Url, ends: Ends, heard: &Arc<Liveness>) -> Answer {
        if self.playing.is_some() {
            return Ok(Reply::default());
        }
        let tracks: Vec<usize> = self.carriers.iter().map(|(track, _)| track).collect();
        let overflow = if self.carriers.any_interleaved() {
            Overflow::CutOff
        } else {
            Overflow::Drop
        };
        let subscription = self
            .publication
            .subscribe(&tracks, server.hub.limits.player_queue_bytes, overflow, !self.played)
            .map_err(|error| match error {
                SubscribeError::Ended => Refusal::not_found("The publisher has left"),
                SubscribeError::TooManyPlayers => Refusal::new(
                    StatusCode::ServiceUnavailable,
                    "This stream has as many players as it may",
                ),
            })?;
        let mut receivers = JoinSet::new();
        for (_, carrier) in self.carriers.iter() {
            if let Carrier::Udp { ports, .. } = carrier {
                let heard = heard.clone();
                let publication = self.publication.clone();
                ports.receive(&mut receivers, ends.peer, move |_, payload| {
                    heard.touch();
                    told(&publication, &payload);
                });
            }
        }
        tracing::info!(path = %self.publication.path, peer = %ends.peer, tcp = self.carriers.any_interleaved(), "playing");
        let reply = Reply::default();
        let reply = match rtp_info(&tracks, &subscription, url) {
            Some(info) => reply.header(headers::RTP_INFO, info),
            None => reply,
        };
        self.played = true;
        self.playing = Some(Playing {
            packets: subscription.packets,
            _receivers: receivers,
        });
        Ok(reply)
    }

    /// What the client reports.
    pub(super) fn told(&self, report: &[u8]) {
        told(&self.publication, report);
    }

    pub(super) fn pause(&mut self) -> Answer {
        self.log_end();
        self.playing = None;
        Ok(Reply::default())
    }

    /// When the client counts as gone, if it was last heard at `heard` and has `patience` between two signs of life. `None`
    /// where a failing write tells.
    pub(super) fn deadline(&self, heard: Instant, patience: Duration) -> Option<Instant> {
        match (self.over, &self.playing) {
            (Some(over), _) => Some(over + GOODBYE),
            (None, Some(_)) if self.carriers.any_interleaved() => None,
            (None, _) => Some(heard + patience),
        }
    }

    pub(super) fn any_interleaved(&self) -> bool {
        self.carriers.any_interleaved()
    }

    /// The next packet; `None` when there will be no more. Waits for ever while nothing is played.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        match &mut self.playing {
            Some(playing) => playing.packets.next().await,
            None => std::future::pending().await,
        }
    }

    /// Sends `packet` and what is queued behind it, as far as `out` holds no more than `enough` bytes. Interleaved packets
    /// are left in `out`.
    pub(super) async fn send(&mut self, packet: Packet, out: &mut BytesMut, enough: usize) {
        let mut next = Some(packet);
        while let Some(packet) = next {
            if !self.carriers.send(&packet, out).await {
                self.unsent += 1;
            }
            next = match &mut self.playing {
                Some(playing) if out.len() < enough => playing.packets.try_next(),
                _ => None,
            };
        }
    }

    /// Ends playing, and tells the player by datagrams that the stream is over.
    pub(super) async fn say_goodbye(&mut self) {
        for (track, carrier) in self.carriers.iter() {
            if let (Carrier::Udp { ports, rtcp, .. }, Some(ssrc)) = (carrier, self.publication.ssrc(track))
                && let Err(error) = ports.send(Flow::Rtcp, &bye(ssrc), *rtcp).await
            {
                tracing::debug!(%error, "an RTCP BYE could not be sent");
            }
        }
        self.log_end();
        self.playing = None;
        self.over = Some(Instant::now());
    }

    fn log_end(&self) {
        let Some(playing) = &self.playing else { return };
        let (path, lost) = (&self.publication.path, playing.packets.dropped() + self.unsent);
        if playing.packets.was_cut_off() {
            tracing::warn!(%path, "a player was disconnected: it reads more slowly than its stream comes");
        } else {
            tracing::info!(%path, lost, "playing ended");
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.log_end();
    }
}

fn told(publication: &Publication, report: &[u8]) {
    if rtp::wants_keyframe(report) {
        publication.keyframes.ask();
    }
}

/// The first sequence number of each track that has sent, and its timestamp or, where it is still to come, one close before.
fn rtp_info(tracks: &[usize], subscription: &Subscription, url: &Url) -> Option<String> {
    let base = content_base(url);
    let entries: Vec<String> = tracks
        .iter()
        .filter_map(|track| {
            let next = subscription.next.get(*track).copied().flatten()?;
            let (seq, control) = (next.sequence, track_control(*track));
            Some(format!("url={base}{control};seq={seq};rtptime={}", next.timestamp))
        })
        .collect();
    (!entries.is_empty()).then(|| entries.join(","))
}
