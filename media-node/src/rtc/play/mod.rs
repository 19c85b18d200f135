//! What a player gets: the packets of a publication, numbered anew for it, with times from its publisher's sender reports. Of a
//! picture in layers it gets the one that fits its way; a picture that has none pauses where the way does not carry it.

mod choice;
mod strain;
mod track;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use str0m::bwe::{Bitrate, BweKind};
use str0m::{Event, Rtc};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::offer::{Format, Kind, Offer, OfferError, Section};
use crate::channel::StreamPath;
use crate::hub::{Flow, Packet, SubscribeError, rtp};
use crate::layers::{View, Wish};
pub(super) use choice::{OUT_OF_ORDER, Played, best, index_of};
pub(super) use strain::{Relief, Strain};
pub(super) use track::Origin;
use track::Track;

/// Packets that are sent before anything else is looked at.
const BATCH: usize = 32;
/// How often it is looked at which layer fits.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What a way carries is not known at first: a picture of middle size is a fair beginning.
pub(super) const FIRST_ESTIMATE_BPS: u64 = 1_000_000;
/// What is left for the sound, and for packets that are sent again.
const BESIDE_PICTURE_BPS: u64 = 60_000;
/// What is looked for beyond the wished layer's rate, in hundredths, so that it can be seen to fit.
pub(super) const HEADROOM_PERCENT: u64 = 140;

/// One player.
pub(super) struct Playing {
    played: Played,
    tracks: Vec<Track>,
    queue_bytes: usize,
    /// The picture, where it has layers.
    view: Option<View>,
    /// Whether the way carries the picture, where it has none.
    strain: Strain,
    relief: Relief,
    is_measured: bool,
    looks: Interval,
    began: Instant,
    origin: Option<Origin>,
}

/// What a player has to do.
pub(super) enum Came {
    /// A packet of this track.
    Packet(usize, Packet),
    /// A packet of this layer.
    OfLayer(usize, Packet),
    /// It is time to see which layer fits.
    Look,
}

impl Playing {
    /// `formats`: those of the offer's media, as [`Played::choose`] says.
    pub(super) fn new(
        played: Played,
        queue_bytes: usize,
        offer: &Offer,
        formats: &[Format],
    ) -> Result<Self, OfferError> {
        let taken = offer
            .sections
            .iter()
            .zip(formats)
            .filter(|(section, _)| section.receives);
        let track = |(section, format): (&Section, &Format)| {
            let (publication, index) = played.source(section.kind)?;
            Track::new(publication, index, section, format)
        };
        let tracks: Vec<Track> = taken.filter_map(track).collect();
        if tracks.is_empty() {
            return Err(nothing(&played, offer));
        }
        let is_seen = tracks.iter().any(|track| track.kind == Kind::Video);
        let view = View::new(&played.publication, queue_bytes, track::FIRST_NUMBER).filter(|_| is_seen);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut media = offer.sections.iter().zip(formats);
        let is_measured = view.is_some() && media.any(|(section, format)| section.tells_arrivals(format));
        let mut playing = Self {
            played,
            tracks,
            queue_bytes,
            view,
            strain: Strain::default(),
            relief: Relief::Nothing,
            is_measured,
            looks,
            began: Instant::now(),
            origin: None,
        };
        playing.wish(is_measured.then_some(FIRST_ESTIMATE_BPS));
        Ok(playing)
    }

    pub(super) fn path(&self) -> &StreamPath {
        &self.played.publication.path
    }

    pub(super) fn ended(&self) -> CancellationToken {
        self.played.publication.ended.clone()
    }

    /// Whether it depends on what the way carries, and the client tells what arrives by it: who does not would be sent as little as
    /// is supposed at first.
    pub(super) fn is_measured(&self) -> bool {
        self.is_measured
    }

    pub(super) fn connected(&mut self) -> Result<(), End> {
        if self.tracks.iter().any(|track| track.packets.is_some()) || self.is_in_view() {
            // By another network: what is shown begins anew.
            self.ask();
            return Ok(());
        }
        for track in &mut self.tracks {
            let is_layered = self.view.is_some() && track.kind == Kind::Video;
            if !is_layered {
                track.begin(self.queue_bytes)?;
            }
        }
        let now = self.began.elapsed();
        if let Some(view) = &mut self.view {
            view.look(now)?;
        }
        Ok(())
    }

    fn is_in_view(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.layer().is_some())
    }

    /// The next thing to do; `None` when there will be none. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Came> {
        let is_idle = self.tracks.iter().all(|track| track.packets.is_none()) && self.view.is_none();
        if is_idle {
            return std::future::pending().await;
        }
        poll_fn(|context| self.poll(context)).await
    }

    /// Why there is no more.
    pub(super) fn over(&self) -> End {
        match self.is_out_of_order() {
            true => End::OutOfOrder(OUT_OF_ORDER),
            false => End::StreamEnded,
        }
    }

    /// Whether a picture has begun to come that browsers show wrongly, which was not known at the beginning.
    fn is_out_of_order(&self) -> bool {
        let mut seen = self.tracks.iter().filter(|track| track.kind == Kind::Video);
        self.view.is_none() && seen.any(|track| track.publication.is_out_of_order(track.index))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Came>> {
        if let Some(view) = &mut self.view {
            if self.looks.poll_tick(context).is_ready() {
                return Poll::Ready(Some(Came::Look));
            }
            if let Poll::Ready(packet) = view.poll_next(context) {
                return Poll::Ready(packet.map(|(layer, packet)| Came::OfLayer(layer, packet)));
            }
        }
        if self.view.is_none() && self.looks.poll_tick(context).is_ready() {
            let came = (!self.is_out_of_order()).then_some(Came::Look);
            return Poll::Ready(came);
        }
        for (index, track) in self.tracks.iter_mut().enumerate() {
            if let Some(packets) = &mut track.packets
                && let Poll::Ready(packet) = packets.poll_next(context)
            {
                return Poll::Ready(packet.map(|packet| Came::Packet(index, packet)));
            }
        }
        Poll::Pending
    }

    /// Does what is to be done, and what waits behind it.
    pub(super) fn take(&mut self, first: Came, rtc: &mut Rtc) {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(came) = next else { return };
            self.take_one(came, rtc);
            next = self.next().now_or_never().flatten();
        }
        if let Some(came) = next {
            self.take_one(came, rtc);
        }
    }

    fn take_one(&mut self, came: Came, rtc: &mut Rtc) {
        match came {
            Came::Look => self.look(rtc),
            Came::Packet(track, packet) => {
                self.learn(&packet);
                if let Some(track) = self.tracks.get_mut(track) {
                    track.take(&packet, self.began.elapsed(), self.origin, rtc);
                }
            }
            Came::OfLayer(layer, packet) => {
                self.learn(&packet);
                let track = self.tracks.iter_mut().find(|track| track.kind == Kind::Video);
                if let (Some(track), Some(view)) = (track, &mut self.view) {
                    let origin = self.origin;
                    view.take(layer, &packet, self.began.elapsed(), |packet, numbered| {
                        track.write(packet, numbered, origin, rtc);
                    });
                }
            }
        }
    }

    /// The first report tells what the publisher's clock says now.
    fn learn(&mut self, packet: &Packet) {
        if self.origin.is_none()
            && packet.flow == Flow::Rtcp
            && let Some((_, sent)) = rtp::reported_time(&packet.payload)
        {
            self.origin = Some(Origin {
                at: Instant::now(),
                sent,
            });
        }
    }

    /// Whether the picture is not sent, because the way to the client does not carry it.
    pub(super) fn is_paused(&self) -> bool {
        self.relief == Relief::Sound
    }

    /// Sends fewer pictures or none, or all again, as the way to the client is.
    fn spare(&mut self, now: Duration) {
        let pictures = || self.tracks.iter().filter(|track| track.kind == Kind::Video);
        let has_spare = pictures().count() > 0 && pictures().all(|track| track.has_spare(now));
        let relief = self.strain.relief(has_spare, now);
        for track in self.tracks.iter_mut().filter(|track| track.kind == Kind::Video) {
            track.relieve(relief, self.queue_bytes);
        }
        if relief != std::mem::replace(&mut self.relief, relief) {
            let path = &self.played.publication.path;
            tracing::info!(%path, ?relief, "a player's way does not carry the picture, or does again");
        }
    }

    fn look(&mut self, rtc: &mut Rtc) {
        let now = self.began.elapsed();
        let Some(view) = &mut self.view else {
            // Who gets the picture alone has nothing else that would be better without it.
            if self.tracks.len() > 1 {
                self.spare(now);
            }
            return;
        };
        if view.look(now).is_err() {
            // The layer that it has goes on.
            tracing::debug!(path = %self.played.publication.path, "a layer has as many players as it may have");
        }
        let (wanted, current) = view.rates();
        let with_headroom = wanted.saturating_mul(HEADROOM_PERCENT) / 100 + BESIDE_PICTURE_BPS;
        // Padding in the place of the larger layer shows whether that would fit.
        let sustained = if current < wanted { with_headroom } else { 0 };
        rtc.bwe()
            .set_bitrate(Bitrate::from(sustained), Bitrate::from(with_headroom));
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::KeyframeRequest(_) => self.ask(),
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. }) => {
                self.wish(Some(estimate.as_u64()));
            }
            Event::MediaEgressStats(stats) => {
                let now = self.began.elapsed();
                let kind = self
                    .tracks
                    .iter()
                    .find(|track| track.is_of(stats.mid))
                    .map(|track| track.kind);
                if let Some(kind) = kind {
                    self.strain.told(kind, stats.loss, stats.rtt, now);
                }
            }
            _ => {}
        }
    }

    /// `carried`: by the way to the client, in bits a second, where that is known.
    fn wish(&mut self, carried: Option<u64>) {
        let height = self.played.height;
        if let Some(view) = &mut self.view {
            view.set_wish(Wish {
                height,
                bits_per_second: carried.map(|carried| carried.saturating_sub(BESIDE_PICTURE_BPS)),
                ..Wish::default()
            });
        }
    }

    fn ask(&mut self) {
        match &self.view {
            Some(view) => view.ask(),
            None => {
                let pictures = self.tracks.iter_mut().filter(|track| track.kind == Kind::Video);
                pictures.for_each(|track| track.ask(self.queue_bytes));
            }
        }
    }
}

/// Why an offer gets none of what is to be played.
fn nothing(played: &Played, offer: &Offer) -> OfferError {
    let has = |kind| played.source(kind).is_some();
    let receives = offer.sections.iter().any(|section| section.receives);
    let reason = match (receives, has(Kind::Audio), has(Kind::Video)) {
        (true, true, false) => "the stream has sound only: offer to receive that",
        (true, false, true) => "the stream has a picture only: offer to receive that",
        _ => "the offer receives nothing: offer media that are recvonly",
    };
    OfferError::NotTaken(reason.to_owned())
}

impl From<SubscribeError> for End {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Ended => Self::StreamEnded,
            SubscribeError::TooManyPlayers => {
                Self::NotPublished("the stream has as many players as it may have".to_owned())
            }
        }
    }
}
