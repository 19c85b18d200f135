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
use super::super::play::{OUT_OF_ORDER, best, index_of};
use super::commons::Commons;
use super::origins::{Origins, Peer};
use super::ration::Picture;
use super::seek::{Found, paths, seek};
use super::sent::Sent;
use super::source::{Arrived, Out, Source};
use super::speakers::LOUD;
use crate::channel::MediaTrack;
use crate::hub::Publication;
use crate::layers::{Switch, Wish};
use crate::transcode::{Transcoding, is_convertible, is_out_of_order};

/// Packets that are sent before anything else is looked at.
const BATCH: usize = 32;
/// How large a picture is taken to be shown of which the client has not said it.
const HEIGHT: u32 = 1_080;
/// A way that seems too narrow for a picture has that long to widen again.
const SHORT_FOR: Duration = Duration::from_secs(2);
/// One that has widened has that long to show that it is wide.
const FITS_FOR: Duration = Duration::from_secs(1);
/// A picture that pauses, because the way does not carry it, does so for that long at least.
const PAUSES_FOR: Duration = Duration::from_secs(3);
/// Somebody speaks still who was loud so long ago: pictures do not come and go with words.
const SPEAKS_FOR: Duration = Duration::from_secs(4);

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
    /// It pauses because the way does not carry it.
    pause: Option<Pause>,
    /// Since when there has been not enough for its smallest size, or enough again.
    other_since: Option<Duration>,
    /// When its sound was loud.
    loud: Option<Duration>,
    sent: Sent,
}

/// A picture that is not sent for the time being.
struct Pause {
    publication: Arc<Publication>,
    since: Duration,
    /// What it had, in bits a second: of its smallest size, and of the one that is wished for.
    rates: (u64, u64),
    /// Whether some of its pictures could be left out.
    has_spare: Option<bool>,
}

/// What a slot needs to begin to show something.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) queue_bytes: usize,
    pub(super) transcoding: &'a Transcoding,
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
            pause: None,
            other_since: None,
            loud: None,
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
            self.pause = None;
            self.loud = None;
        }
        if let Some(wish) = plays {
            let for_whom = (self.mid.clone(), self.generation);
            let seeking = seek(commons.clone(), paths(app, wish), self.kind(), for_whom, found.clone());
            self.seeking.spawn_on(seeking, &commons.runtime);
        }
    }

    /// Says why it cannot be played, if it cannot. `now`: since any moment.
    pub(super) fn found(&mut self, found: Found, means: Means<'_>, now: Duration) -> Result<(), String> {
        if found.generation != self.generation {
            return Ok(());
        }
        let publication = found.publication;
        if let Some(pause) = &mut self.pause {
            pause.publication = publication;
            return Ok(());
        }
        let is_current = |source: &Source| Arc::ptr_eq(&source.found, &publication);
        if self.current.as_ref().is_some_and(is_current) {
            self.next = None;
            return Ok(());
        }
        self.begin(publication, means, now)
    }

    fn begin(&mut self, publication: Arc<Publication>, means: Means<'_>, now: Duration) -> Result<(), String> {
        self.sources += 1;
        let (number, kind) = (self.sources, self.section.kind);
        let playable = self.playable(publication.clone(), means.transcoding);
        let mut source = playable.and_then(|playable| {
            Source::begin(number, publication, playable, kind, &self.formats, means.queue_bytes)
        })?;
        match kind {
            Kind::Audio => self.current = Some(source),
            Kind::Video => {
                source.look(self.wanted(), now);
                self.next = Some(source);
            }
        }
        Ok(())
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
        if arrived.level().is_some_and(|level| level > LOUD) {
            self.loud = Some(now);
        }
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

    /// Sends its picture, or does not for the time being, since the way does not carry it. Answers whether it is sent again now, as
    /// it may be if `may_begin`.
    pub(super) fn spare(&mut self, is_short: bool, may_begin: bool, means: Means<'_>, now: Duration) -> bool {
        if is_short == self.pause.is_some() {
            self.other_since = None;
            return false;
        }
        let time = if is_short { SHORT_FOR } else { FITS_FOR };
        let lasts = now.saturating_sub(*self.other_since.get_or_insert(now));
        if lasts < time || !(is_short || may_begin) {
            return false;
        }
        self.other_since = None;
        match is_short {
            true => self.pause(now),
            false => self.go_on(means, now),
        }
        !is_short
    }

    fn pause(&mut self, now: Duration) {
        let Some(rates) = self.needed() else { return };
        let has_spare = self.has_spare(now);
        let shown = self.next.take().or(self.current.take());
        self.current = None;
        if let Some(source) = shown {
            self.pause = Some(Pause {
                publication: source.found,
                since: now,
                rates,
                has_spare,
            });
        }
    }

    /// From a keyframe on.
    fn go_on(&mut self, means: Means<'_>, now: Duration) {
        let Some(Pause { publication, .. }) = self.pause.take() else {
            return;
        };
        // Of another one it is told when that is found.
        if !publication.ended.is_cancelled()
            && let Err(reason) = self.begin(publication, means, now)
        {
            tracing::info!(
                mid = self.mid,
                reason,
                "a picture that has paused cannot be shown again"
            );
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// Whether some of its pictures can be left out; `None` where it shows none, or has a smaller one instead.
    pub(super) fn has_spare(&self, now: Duration) -> Option<bool> {
        if let Some(pause) = &self.pause {
            return pause.has_spare;
        }
        let pictures = self.current.as_ref().filter(|_| self.section.kind == Kind::Video);
        pictures.and_then(|source| source.has_spare(now))
    }

    /// Sends fewer pictures, or all again, where there is no smaller one.
    pub(super) fn thin(&mut self, thins: bool) {
        if self.section.kind == Kind::Video {
            let sources = [&mut self.current, &mut self.next].into_iter().flatten();
            sources.for_each(|source| source.thin(thins));
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.section.kind == Kind::Audio && self.current.is_some()
    }

    fn wanted(&self) -> Wish {
        Wish {
            height: self.wish.as_ref().and_then(|wish| wish.height),
            bits_per_second: self.carried,
            ..Wish::default()
        }
    }

    /// The sound that it sends, in bits a second.
    pub(super) fn sound(&self) -> u64 {
        match self.section.kind {
            Kind::Audio => self.sent.bits_per_second,
            Kind::Video => 0,
        }
    }

    /// What it sends, in bits a second.
    pub(super) fn sent(&self) -> u64 {
        self.sent.bits_per_second
    }

    /// Whose sound it has that is or was loud just now.
    pub(super) fn speaker(&self, now: Duration) -> Option<Peer> {
        let is_loud = |loud: &Duration| now.saturating_sub(*loud) < SPEAKS_FOR;
        self.loud.as_ref().filter(|loud| is_loud(loud)).and(self.peer())
    }

    fn peer(&self) -> Option<Peer> {
        let wish = self.wish.as_ref()?;
        Some((wish.room_id.clone(), wish.peer_id.clone()))
    }

    /// The picture that it shows or would show. `speakers`: who speaks.
    pub(super) fn picture(&self, speakers: &[Peer], now: Duration) -> Option<Picture> {
        let ((least, wanted), sent) = match &self.pause {
            Some(pause) => (pause.rates, 0),
            None => (self.needed()?, self.present()),
        };
        let height = u64::from(self.wish.as_ref()?.height.unwrap_or(HEIGHT));
        Some(Picture {
            least,
            wanted,
            weight: height * height,
            sent,
            speaks: self.peer().is_some_and(|peer| speakers.contains(&peer)),
            is_sent: self.pause.is_none(),
            rests: self
                .pause
                .as_ref()
                .is_some_and(|pause| now.saturating_sub(pause.since) < PAUSES_FOR),
        })
    }

    /// The bits a second of its picture's smallest size, and of the one that is wished for, if there is one.
    fn needed(&self) -> Option<(u64, u64)> {
        if self.section.kind == Kind::Audio {
            return None;
        }
        let shown = self.next.as_ref().or(self.current.as_ref())?;
        let sent = self.sent.bits_per_second;
        let wanted = shown.rates().map_or(sent, |(wanted, _)| wanted);
        Some((shown.least_rate().unwrap_or(sent).min(wanted), wanted))
    }

    /// What it has, as far as it is known.
    fn present(&self) -> u64 {
        let shown = self.next.as_ref().or(self.current.as_ref());
        let rates = shown.and_then(Source::rates);
        rates.map_or(self.sent.bits_per_second, |(_, present)| present)
    }

    /// What it is of.
    pub(super) fn media(&self) -> Kind {
        self.section.kind
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
