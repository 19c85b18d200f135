//! One slot of a subscribing connection: a medium by which the client gets one source after another.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use protocol::{RoomSlot, RoomSource, TrackKind};
use str0m::Rtc;
use str0m::media::{Mid, Pt};
use str0m::rtp::RtpWrite;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::offer::{Format, Kind, Section};
use super::super::parameter_sets::ParameterSets;
use super::super::play::{OUT_OF_ORDER, best, index_of};
use super::commons::Commons;
use super::keyframe;
use super::numbers::{Numbered, Numbers};
use super::seek::{Found, paths, seek};
use crate::channel::MediaTrack;
use crate::hub::{Flow, Overflow, Packet, Publication, Receiver, rtp};
use crate::transcode::{Transcoding, is_convertible, is_out_of_order};

/// Packets that are sent before anything else is looked at.
const BATCH: usize = 32;
/// A source that is asked for a keyframe and sends none is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

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
    numbers: Numbers,
    /// Sources that there have been.
    sources: u64,
}

struct Source {
    number: u64,
    publication: Arc<Publication>,
    packets: Receiver,
    payload_type: Pt,
    codec: String,
    /// What a browser needs in front of keyframes.
    sets: Option<ParameterSets>,
    asked: Instant,
}

/// What has come for a slot.
pub(in crate::rtc) struct Come {
    is_of_next: bool,
    /// `None` at the end of the source.
    packet: Option<Packet>,
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
            numbers: Numbers::new(clock_rate),
            sources: 0,
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
        }
        if let Some(wish) = plays {
            let for_whom = (self.mid.clone(), self.generation);
            let seeking = seek(commons.clone(), paths(app, wish), self.kind(), for_whom, found.clone());
            self.seeking.spawn_on(seeking, &commons.runtime);
        }
    }

    pub(super) fn found(&mut self, found: Found, queue_bytes: usize, transcoding: &Transcoding) {
        if found.generation != self.generation {
            return;
        }
        let publication = found.publication;
        let is_current = |source: &Source| Arc::ptr_eq(&source.publication, &publication);
        if self.current.as_ref().is_some_and(is_current) {
            self.next = None;
            return;
        }
        self.sources += 1;
        let playable = self.playable(publication, transcoding);
        let source = playable.and_then(|(publication, track)| {
            Source::begin(self.sources, publication, track, &self.formats, queue_bytes)
        });
        match (source, self.section.kind) {
            (Ok(source), Kind::Audio) => self.current = Some(source),
            (Ok(source), Kind::Video) => self.next = Some(source),
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
            return Err(OUT_OF_ORDER.to_owned());
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
                && let Poll::Ready(packet) = source.packets.poll_next(context)
            {
                return Poll::Ready(Come { is_of_next, packet });
            }
        }
        Poll::Pending
    }

    /// Sends what has come, and what is queued behind it.
    pub(super) fn take(&mut self, come: Come, rtc: &mut Rtc) {
        let Come { is_of_next, packet } = come;
        let Some(packet) = packet else {
            let over = if is_of_next { &mut self.next } else { &mut self.current };
            *over = None;
            return;
        };
        if is_of_next {
            if !self.enters(&packet) {
                return;
            }
            self.current = self.next.take();
        }
        self.send(&packet, rtc);
        for _ in 0..BATCH {
            let more = self.current.as_mut().and_then(|source| source.packets.try_next());
            let Some(packet) = more else { return };
            self.send(&packet, rtc);
        }
    }

    /// Whether the next source can be shown from this packet on.
    fn enters(&mut self, packet: &Packet) -> bool {
        let Some(next) = self.next.as_mut().filter(|_| packet.flow == Flow::Rtp) else {
            return false;
        };
        if rtp::payload(&packet.payload).is_some_and(|payload| keyframe::begins(&next.codec, payload)) {
            return true;
        }
        if next.asked.elapsed() >= ASK_AGAIN {
            next.asked = Instant::now();
            next.publication.keyframes.ask();
        }
        false
    }

    fn send(&mut self, packet: &Packet, rtc: &mut Rtc) {
        let Some(source) = self.current.as_mut().filter(|_| packet.flow == Flow::Rtp) else {
            return;
        };
        let (Some(head), Some(payload)) = (rtp::rtp_head(&packet.payload), rtp::payload(&packet.payload)) else {
            return;
        };
        let sets = source.sets.as_mut();
        let ahead = sets.and_then(|sets| sets.ahead_of(head.timestamp, payload));
        let is_video = self.section.kind == Kind::Video;
        let marker = rtp::is_marked(&packet.payload);
        let now = Instant::now();
        let numbered = Numbered {
            source: source.number,
            sequence: head.sequence,
            timestamp: head.timestamp,
            // Each packet of sound is whole.
            ends_picture: marker || !is_video,
        };
        let count = 1 + u64::from(ahead.is_some());
        let (last, timestamp) = self.numbers.take(numbered, count, now);
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(Mid::from(self.mid.as_str()), None) else {
            return;
        };
        let packets = ahead.map(|sets| (sets, false)).into_iter().chain([(payload, marker)]);
        for (number, (payload, marker)) in (last + 1 - count..).zip(packets) {
            let write = RtpWrite::new(source.payload_type, number.into(), timestamp, now, payload);
            stream.write_rtp(write.marker(marker).nackable(is_video));
        }
    }

    /// The client misses a picture.
    pub(super) fn ask_for_keyframe(&self) {
        if self.section.kind == Kind::Video
            && let Some(source) = self.next.as_ref().or(self.current.as_ref())
        {
            source.publication.keyframes.ask();
        }
    }
}

impl Source {
    /// An error says for a person why it cannot be played by this medium.
    fn begin(
        number: u64,
        publication: Arc<Publication>,
        index: usize,
        formats: &[Format],
        queue_bytes: usize,
    ) -> Result<Self, String> {
        let track = publication
            .description
            .tracks()
            .get(index)
            .ok_or("there is no such track")?;
        let format = best(track, formats).and_then(|best| formats.get(best));
        let format = format.ok_or_else(|| format!("the client does not take {}", track.codec))?;
        let sets = ParameterSets::told(&track.parameters).filter(|_| format.name == "H264");
        let codec = track.codec.clone();
        // It asks for a keyframe.
        let subscribed = publication.subscribe(&[index], queue_bytes, Overflow::Drop, false);
        let packets = subscribed.map_err(|error| format!("{error:?}"))?.packets;
        Ok(Self {
            number,
            payload_type: Pt::from(format.payload_type),
            publication,
            packets,
            codec,
            sets,
            asked: Instant::now(),
        })
    }
}
