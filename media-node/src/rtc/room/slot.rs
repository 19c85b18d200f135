//! One slot of a subscribing connection: a medium by which the client gets one source after another.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use protocol::{RoomSlot, RoomSource, TrackKind};
use str0m::Rtc;
use str0m::media::Mid;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::offer::{Format, Kind, Section};
use super::super::play::{OUT_OF_ORDER, Relief, best, index_of};
use super::commons::Commons;
use super::origins::Origins;
use super::seek::{Found, paths, seek};
use super::source::{Arrived, Out, Source};
use crate::channel::MediaTrack;
use crate::hub::Publication;
use crate::layers::{Switch, Wish};
use crate::transcode::{Transcoding, is_convertible, is_out_of_order};

/// Packets that are sent before anything else is looked at.
const BATCH: usize = 32;
/// How large a picture is taken to be shown of which the client has not said it.
const HEIGHT: u32 = 1_080;
/// What is measured anew counts for so much of a rate, in hundredths.
const NEW_PERCENT: u64 = 20;

/// See the module.
pub(super) struct Slot {
    pub(super) mid: String,
    section: Section,
    formats: Vec<Format>,
    wish: Option<RoomSlot>,
    /// Of the slot's wishes the number of the present one.
    generation: u64,
    /// Looks for the publication that is wished for.
    seeking: JoinSet<()>,
    current: Option<Source>,
    /// It takes the place of the current one at its first keyframe.
    next: Option<Source>,
    /// The numbers and times of whatever it shows. Its sources have clocks of their own, which say nothing of one another: their
    /// arrival does.
    run: Switch,
    /// Sources that there have been.
    sources: usize,
    /// What there was for it at the last look, in bits a second.
    carried: Option<u64>,
    sent: Sent,
}

/// What is sent by a slot.
#[derive(Debug, Default)]
struct Sent {
    bytes: u64,
    bits_per_second: u64,
    at: Duration,
}

/// What has come for a slot.
pub(in crate::rtc) struct Come {
    is_of_next: bool,
    /// `None` at the end of the source.
    arrived: Option<Arrived>,
}

impl Slot {
    pub(super) fn new(section: &Section) -> Self {
        let clock_rate = match section.kind {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        };
        Self {
            mid: section.mid.clone(),
            section: section.clone(),
            formats: section.formats(),
            wish: None,
            generation: 0,
            seeking: JoinSet::new(),
            current: None,
            next: None,
            // It begins low, since the receiver has to guess how often a number has wrapped around.
            run: Switch::new(clock_rate, 0, 1),
            sources: 0,
            carried: None,
            sent: Sent::default(),
        }
    }

    fn kind(&self) -> TrackKind {
        match self.section.kind {
            Kind::Audio => TrackKind::Audio,
            Kind::Video => TrackKind::Video,
        }
    }

    /// Another source, another size of the same one, or none.
    pub(super) fn set(
        &mut self,
        wish: Option<RoomSlot>,
        commons: &Arc<Commons>,
        app: &str,
        found: &mpsc::Sender<Found>,
    ) {
        if wish == self.wish {
            return;
        }
        let of = |wish: &Option<RoomSlot>| {
            let wish = wish.as_ref()?;
            Some((wish.room_id.clone(), wish.peer_id.clone(), wish.source))
        };
        let is_same = of(&wish) == of(&self.wish);
        self.wish = wish;
        self.generation += 1;
        self.seeking = JoinSet::new();
        self.next = None;
        let of_kind = |wish: &&RoomSlot| (wish.source == RoomSource::Audio) == (self.section.kind == Kind::Audio);
        let plays = self.wish.as_ref().filter(of_kind);
        let plays = plays.filter(|wish| !wish.paused && wish.height != Some(0));
        if !is_same || plays.is_none() {
            self.current = None;
            self.carried = None;
        }
        if let Some(wish) = plays {
            let for_whom = (self.mid.clone(), self.generation);
            let seeking = seek(commons.clone(), paths(app, wish), self.kind(), for_whom, found.clone());
            self.seeking.spawn_on(seeking, &commons.runtime);
        }
    }

    /// `now`: since any moment.
    pub(super) fn found(&mut self, found: Found, queue_bytes: usize, transcoding: &Transcoding, now: Duration) {
        if found.generation != self.generation {
            return;
        }
        let publication = found.publication;
        let is_current = |source: &Source| Arc::ptr_eq(&source.found, &publication);
        if self.current.as_ref().is_some_and(is_current) {
            self.next = None;
            return;
        }
        self.sources += 1;
        let playable = self.playable(publication.clone(), transcoding);
        let kind = self.section.kind;
        let source = playable
            .and_then(|playable| Source::begin(self.sources, publication, playable, kind, &self.formats, queue_bytes));
        match (source, kind) {
            (Ok(source), Kind::Audio) => self.current = Some(source),
            (Ok(mut source), Kind::Video) => {
                source.look(self.wanted(), now);
                self.next = Some(source);
            }
            (Err(reason), _) => tracing::info!(mid = self.mid, reason, "a slot stays empty"),
        }
    }

    /// What the client can play of a publication, and the track's index. An error says for a person why it cannot.
    fn playable(
        &self,
        publication: Arc<Publication>,
        transcoding: &Transcoding,
    ) -> Result<(Arc<Publication>, usize), String> {
        let kind = self.section.kind;
        let index = index_of(&publication, kind).ok_or("the stream has no track of this kind")?;
        if kind == Kind::Video && is_out_of_order(&publication) {
            if !transcoding.has_pictures() {
                return Err(OUT_OF_ORDER.to_owned());
            }
            let plain = transcoding.plain(&publication, index);
            return plain.map(|plain| (plain, 0)).map_err(|error| error.to_string());
        }
        let description = &publication.description;
        let track = description.tracks().get(index);
        let is_taken = track.is_some_and(|track| best(track, &self.formats).is_some());
        let clock_rate = description.clock_rates().get(index);
        let converts = |(track, rate): (&MediaTrack, &u32)| is_convertible(track, *rate);
        if is_taken || kind == Kind::Video || !track.zip(clock_rate).is_some_and(converts) {
            return Ok((publication, index));
        }
        let opus = transcoding.opus(&publication, index);
        opus.map(|opus| (opus, 0)).map_err(|error| error.to_string())
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Come> {
        for (is_of_next, source) in [(true, &mut self.next), (false, &mut self.current)] {
            if let Some(source) = source
                && let Poll::Ready(arrived) = source.poll(context)
            {
                return Poll::Ready(Come { is_of_next, arrived });
            }
        }
        Poll::Pending
    }

    /// Sends what has come, and what is queued behind it. `now`: since any moment.
    pub(super) fn take(&mut self, come: Come, rtc: &mut Rtc, origins: &mut Origins, now: Duration) {
        let Come { is_of_next, arrived } = come;
        let source = if is_of_next { &mut self.next } else { &mut self.current };
        let Some(arrived) = arrived else {
            *source = None;
            return;
        };
        let mut out = Out {
            rtc,
            mid: Mid::from(self.mid.as_str()),
            run: &mut self.run,
            origins,
            now,
            bytes: &mut self.sent.bytes,
        };
        let has_sent = source.as_mut().is_some_and(|source| source.take(&arrived, &mut out));
        if is_of_next {
            if !has_sent {
                return;
            }
            self.current = self.next.take();
        }
        let Some(current) = &mut self.current else { return };
        for _ in 0..BATCH {
            let Some(arrived) = current.try_next() else { return };
            current.take(&arrived, &mut out);
        }
    }

    /// Chooses the layer anew. `carried`: what there is for it, in bits a second, where that is known.
    pub(super) fn look(&mut self, carried: Option<u64>, now: Duration) {
        self.carried = carried;
        let wish = self.wanted();
        for source in [&mut self.current, &mut self.next].into_iter().flatten() {
            source.look(wish, now);
        }
        self.sent.look(now);
    }

    /// Whether some of its pictures can be left out; `None` where it shows none, or has a smaller one instead.
    pub(super) fn has_spare(&self, now: Duration) -> Option<bool> {
        let pictures = self.current.as_ref().filter(|_| self.section.kind == Kind::Video);
        pictures.and_then(|source| source.has_spare(now))
    }

    /// Sends fewer pictures, or none, or all again, where there is no smaller one.
    pub(super) fn relieve(&mut self, relief: Relief) {
        if self.section.kind == Kind::Video {
            let sources = [&mut self.current, &mut self.next].into_iter().flatten();
            sources.for_each(|source| source.relieve(relief));
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.section.kind == Kind::Audio && self.current.is_some()
    }

    /// Of its medium, if it has this name.
    pub(super) fn kind_of(&self, mid: &str) -> Option<Kind> {
        (self.mid == mid).then_some(self.section.kind)
    }

    fn wanted(&self) -> Wish {
        Wish {
            height: self.wish.as_ref().and_then(|wish| wish.height),
            bits_per_second: self.carried,
            ..Wish::default()
        }
    }

    /// What it sends, in bits a second, if there is no choice of that.
    pub(super) fn fixed(&self) -> u64 {
        match self.need() {
            Some(_) => 0,
            None => self.sent.bits_per_second,
        }
    }

    /// The bits a second that are wished for, and how large the picture is shown beside others, if there is a choice of layers.
    pub(super) fn need(&self) -> Option<(u64, u64)> {
        let (wanted, _) = self.rates()?;
        let height = u64::from(self.wish.as_ref()?.height.unwrap_or(HEIGHT));
        Some((wanted, height * height))
    }

    /// As of [`Source::rates`].
    pub(super) fn rates(&self) -> Option<(u64, u64)> {
        let shown = self.next.as_ref().or(self.current.as_ref());
        shown.and_then(Source::rates)
    }

    /// The client misses a picture.
    pub(super) fn ask_for_keyframe(&mut self) {
        if self.section.kind == Kind::Video
            && let Some(source) = self.next.as_mut().or(self.current.as_mut())
        {
            source.ask_for_keyframe();
        }
    }
}

impl Sent {
    fn look(&mut self, now: Duration) {
        let since = now.saturating_sub(self.at).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX).max(1);
        let rate = std::mem::take(&mut self.bytes).saturating_mul(8_000) / since;
        self.bits_per_second = (self.bits_per_second * (100 - NEW_PERCENT) + rate.saturating_mul(NEW_PERCENT)) / 100;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_measured_and_forgotten() {
        let mut sent = Sent::default();
        for look in 1..=30 {
            sent.bytes += 12_500;
            sent.look(Duration::from_millis(250 * look));
        }
        assert!((390_000..=400_000).contains(&sent.bits_per_second), "{sent:?}");
        for look in 31..=60 {
            sent.look(Duration::from_millis(250 * look));
        }
        assert!(sent.bits_per_second < 1_000, "{sent:?}");
    }
}
