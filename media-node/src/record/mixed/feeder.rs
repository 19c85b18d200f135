//! What goes into the mixer and when, as a function of what happens and of the time at which it happens.

mod streams;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{SecretUrl, StreamKind, StreamName};

use streams::Streams;
pub use wishes::{MixSpec, Present, Wishes};

use super::load_shedder::{LoadShedder, Overload};
use crate::media::{MuxedTrack, Picture};
use crate::mix::{Change, Counters, MixError, Mixer, Output, Settings, Split, images};
use crate::selection::{Area, Pass, Sources};
use crate::stream::{StreamEvent, Track};
use crate::text::Fonts;

/// How long nothing has come from a channel before it counts as empty: what would be mixed is neither seen nor heard.
const EMPTY_US: i64 = 60_000_000;

/// The gap between the end of what is recorded and what begins behind it, so that decoding times grow.
const APART_US: i64 = 500_000;

/// How long after a failure of an encoder the mix begins anew.
const PAUSE_US: i64 = 10_000_000;

/// The most that is mixed at a time, so that what comes meanwhile is taken in.
const STEP_US: i64 = 100_000;

/// What the feeder makes.
#[derive(Debug)]
pub enum Made {
    /// The mix begins, with these tracks; behind one that ended it begins anew.
    Begin(Vec<MuxedTrack>),
    Unit(Output),
    /// Nothing follows until the recording is resumed; the next mix goes on where this one ended.
    Pause,
    /// Nothing more follows of this mix.
    End,
    /// An encoder failed. The mix begins anew later.
    Failed(MixError),
    /// The node does not keep up any more, or does again.
    Overload(Overload),
}

/// Feeds one mixer after the other: each from the first media until the channel is empty.
pub struct Feeder {
    spec: MixSpec,
    wishes: Wishes,
    /// The streams of each user who is present or still sends, by uid.
    sources: BTreeMap<String, Sources>,
    /// Those of them that may have places of their own.
    streams: Streams,
    /// The images of the scene, by URL.
    images: BTreeMap<SecretUrl, Picture>,
    /// What texts are drawn with, once a scene has had any.
    fonts: Option<Fonts>,
    mix: Option<Mix>,
    /// The time before which no mix begins.
    free_us: i64,
    /// What the mixes between pauses have made so far, in microseconds: the next one goes on in the same files.
    done_us: i64,
    shedder: LoadShedder,
    /// What the mixes that have ended did.
    counters: Counters,
}

struct Mix {
    mixer: Mixer,
    /// Where it begins.
    start_us: i64,
    /// The time up to which it has been fed.
    fed_us: i64,
    last_media_us: i64,
    announced: bool,
}

impl Feeder {
    /// `recorded_us`: where what is recorded already ends.
    pub fn new(spec: MixSpec, wishes: Wishes, recorded_us: i64) -> Self {
        Self {
            spec,
            streams: Streams::new(&wishes.scene),
            wishes,
            sources: BTreeMap::new(),
            images: BTreeMap::new(),
            fonts: None,
            mix: None,
            free_us: recorded_us.saturating_add(APART_US),
            done_us: 0,
            shedder: LoadShedder::default(),
            counters: Counters::default(),
        }
    }

    /// What all mixes have done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        if let Some(mix) = &self.mix {
            counters += *mix.mixer.counters();
        }
        counters
    }

    /// The users of whose media decoders have refused much, since that was last told.
    pub fn take_undecodable(&mut self) -> Vec<String> {
        let mix = self.mix.as_mut();
        mix.map(|mix| mix.mixer.take_undecodable()).unwrap_or_default()
    }

    /// The users' streams of whose pictures nothing that comes can be shown before the next keyframe.
    pub fn lacking_keyframes(&self) -> BTreeSet<(String, StreamName)> {
        let lacking = self.mix.iter().flat_map(|mix| mix.mixer.lacking_keyframes());
        let named = lacking.filter_map(|(uid, kind)| {
            let picture = || self.sources.get(uid)?.stream(Track::Video);
            Some((uid.to_owned(), kind.map(StreamName::from).or_else(picture)?))
        });
        named.collect()
    }

    /// Who speaks, or spoke last, where the picture follows the speaker.
    pub fn speaker(&self) -> Option<&str> {
        self.mix.as_ref()?.mixer.speaker()
    }

    /// How large the cameras of users are shown; `None` while nothing is mixed.
    pub fn areas(&self) -> Option<&BTreeMap<String, Area>> {
        Some(self.mix.as_ref()?.mixer.areas())
    }

    /// How far the mix is behind, in microseconds.
    pub fn behind_us(&self, now_us: i64) -> i64 {
        self.mix.as_ref().map_or(0, |mix| (now_us - mix.fed_us).max(0))
    }

    /// What is wanted or who is there has changed. It takes effect at the next picture.
    pub fn follow(&mut self, wishes: Wishes, now_us: i64, each: &mut impl FnMut(Made)) {
        let before = std::mem::replace(&mut self.wishes, wishes);
        if self.wishes.paused {
            self.finish(Made::Pause, now_us, each);
        }
        if before.scene != self.wishes.scene {
            let scene = &self.wishes.scene;
            self.images.retain(|url, _| images(scene).any(|named| named == url));
            self.streams.set_scene(scene);
        }
        let changes = self.wishes.changes_since(&before, now_us);
        if let Some(mix) = &mut self.mix {
            changes
                .into_iter()
                .for_each(|(at_us, change)| mix.mixer.change(at_us, change));
        }
        let there = |uid: &str| self.wishes.present.iter().any(|present| present.uid == uid);
        self.sources.retain(|uid, sources| there(uid) || !sources.is_empty());
        self.streams.retain(there);
    }

    /// An image of the scene has come.
    pub fn image(&mut self, url: SecretUrl, picture: Picture, now_us: i64) {
        if !images(&self.wishes.scene).any(|named| *named == url) {
            return;
        }
        if let (Some(mix), Ok(picture)) = (&mut self.mix, picture.share()) {
            let url = url.clone();
            mix.mixer.change(now_us, Change::Image { url, picture });
        }
        self.images.insert(url, picture);
    }

    /// The fonts for the texts of scenes have come.
    pub fn fonts(&mut self, fonts: Fonts, now_us: i64) {
        if let Some(mix) = &mut self.mix {
            mix.mixer.change(now_us, Change::Fonts(fonts.clone()));
        }
        self.fonts = Some(fonts);
    }

    /// One of a user's streams has brought something.
    pub fn event(&mut self, uid: &str, stream: StreamName, event: StreamEvent, now_us: i64) -> Result<(), MixError> {
        let present = self.wishes.present.iter().find(|present| present.uid == uid);
        let there = present.is_some();
        let split = self.streams.split(uid, present, stream, event);
        for (kind, event) in split.stream {
            self.stream_event(uid, kind, event, now_us)?;
        }
        let Some(event) = split.own else { return Ok(()) };
        let sources = self.sources.entry(uid.to_owned()).or_default();
        match event {
            StreamEvent::Format(track, format) => {
                if sources.format(track, stream, &format)
                    && let Some(mix) = &mut self.mix
                {
                    mix.mixer.format(uid, &format);
                }
            }
            StreamEvent::Unit(track, unit) => {
                let takes_over = match sources.unit(track, stream, unit.keyframe) {
                    Pass::Drop => return Ok(()),
                    Pass::Take => None,
                    Pass::TakeOver(format) => Some(format),
                };
                // What a user who has left sent before is not recorded.
                if there
                    && !self.wishes.paused
                    && let Some(mix) = self.mix_for(unit.pts_us, now_us)?
                {
                    if let Some(format) = takes_over {
                        mix.mixer.format(uid, &format);
                    }
                    mix.mixer.unit(uid, track, unit);
                }
            }
            StreamEvent::Ended(_) => {
                sources.ended(stream);
                if sources.is_empty() && !there {
                    self.sources.remove(uid);
                }
            }
            StreamEvent::Lost(track, _) | StreamEvent::Unreadable(track, _) | StreamEvent::Locked(track, _) => {
                if sources.is(track, stream)
                    && let Some(mix) = &mut self.mix
                {
                    mix.mixer.lost(uid, track);
                }
            }
            StreamEvent::Moved(_)
            | StreamEvent::Restamped(_)
            | StreamEvent::TooLate(_)
            | StreamEvent::NoEntry(..)
            | StreamEvent::Skipped(_)
            | StreamEvent::Unsupported(..) => {}
        }
        Ok(())
    }

    /// Feeds the video of a stream that has a place of its own.
    fn stream_event(&mut self, uid: &str, stream: StreamKind, event: StreamEvent, now_us: i64) -> Result<(), MixError> {
        if let StreamEvent::Unit(_, unit) = event {
            if !self.wishes.paused
                && let Some(mix) = self.mix_for(unit.pts_us, now_us)?
            {
                mix.mixer.stream_unit(uid, stream, unit);
            }
        } else if let Some(mix) = &mut self.mix {
            match event {
                StreamEvent::Format(_, format) => {
                    if let Some(coding) = format.coding() {
                        mix.mixer.stream_coding(uid, stream, coding);
                    }
                }
                StreamEvent::Lost(..) | StreamEvent::Unreadable(..) | StreamEvent::Locked(..) => {
                    mix.mixer.stream_lost(uid, stream);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The mix to which media goes; it begins if there is none and one may begin.
    fn mix_for(&mut self, first_us: i64, now_us: i64) -> Result<Option<&mut Mix>, MixError> {
        if self.mix.is_none() {
            self.mix = self.begin(first_us, now_us)?;
        }
        if let Some(mix) = &mut self.mix {
            mix.last_media_us = now_us;
        }
        Ok(self.mix.as_mut())
    }

    /// A mix that begins with the first unit; `None` while none may begin.
    fn begin(&mut self, first_us: i64, now_us: i64) -> Result<Option<Mix>, MixError> {
        if now_us < self.free_us {
            return Ok(None);
        }
        let MixSpec {
            output,
            types,
            options,
            epoch_ms,
            mp3,
            split_us,
        } = &self.spec;
        let start_us = first_us
            .clamp(now_us.saturating_sub(options.jitter_us), now_us)
            .max(self.free_us);
        let settings = Settings {
            epoch_ms: *epoch_ms,
            mp3: *mp3,
            split: split_us.map(|every_us| Split {
                every_us,
                done_us: self.done_us.rem_euclid(every_us.max(1)),
            }),
            ..options.settings(*output, *types, start_us)
        };
        let Wishes {
            scene,
            subscription,
            present,
            paused: _,
        } = &self.wishes;
        let mut mixer = Mixer::new(&settings, scene.clone(), subscription.clone())?;
        for stay in present {
            let (uid, streams) = (stay.uid.clone(), stay.streams.clone());
            mixer.change(i64::MIN, Change::Join { uid: uid.clone() });
            mixer.change(i64::MIN, Change::Streams { uid, streams });
        }
        for (url, picture) in &self.images {
            if let Ok(picture) = picture.share() {
                let url = url.clone();
                mixer.change(i64::MIN, Change::Image { url, picture });
            }
        }
        if let Some(fonts) = &self.fonts {
            mixer.change(i64::MIN, Change::Fonts(fonts.clone()));
        }
        for (uid, sources) in &self.sources {
            let formats = [Track::Audio, Track::Video].map(|track| sources.current(track));
            formats
                .into_iter()
                .flatten()
                .for_each(|format| mixer.format(uid, format));
        }
        for (uid, stream, coding) in self.streams.codings() {
            mixer.stream_coding(uid, stream, coding);
        }
        Ok(Some(Mix {
            mixer,
            start_us,
            fed_us: now_us,
            last_media_us: now_us,
            announced: false,
        }))
    }

    /// Mixes what is due, at most a tenth of a second of it.
    pub fn advance(&mut self, now_us: i64, each: &mut impl FnMut(Made)) {
        let Some(mix) = &mut self.mix else { return };
        if let Some(overload) = self.shedder.observe(now_us - mix.fed_us, now_us) {
            each(Made::Overload(overload));
        }
        mix.fed_us = now_us.min(mix.fed_us + STEP_US).max(mix.fed_us);
        let mut made = Vec::new();
        let result = mix
            .mixer
            .advance(mix.fed_us, self.shedder.shed(), |output| made.push(output));
        mix.hand_over(made, each);
        let (fed_us, empty_us) = (mix.fed_us, now_us - mix.last_media_us);
        match result {
            Ok(()) if empty_us >= EMPTY_US => self.end(fed_us, each),
            Ok(()) => {}
            Err(error) => self.fail(error, now_us, each),
        }
    }

    /// Mixes the rest, up to `end_us`.
    pub fn end(&mut self, end_us: i64, each: &mut impl FnMut(Made)) {
        self.finish(Made::End, end_us, each);
    }

    /// `last`: what is told behind the rest.
    fn finish(&mut self, last: Made, end_us: i64, each: &mut impl FnMut(Made)) {
        let Some(mut mix) = self.mix.take() else { return };
        let mut made = Vec::new();
        let result = mix.mixer.finish(end_us, |output| made.push(output));
        mix.hand_over(made, each);
        self.counters += *mix.mixer.counters();
        self.free_us = self.free_us.max(end_us.saturating_add(APART_US));
        self.done_us = match &last {
            Made::Pause => self.done_us.saturating_add((end_us - mix.start_us).max(0)),
            _ => 0,
        };
        each(last);
        if let Err(error) = result {
            each(Made::Failed(error));
        }
    }

    /// Gives up the mix; another one begins later.
    pub fn fail(&mut self, error: MixError, now_us: i64, each: &mut impl FnMut(Made)) {
        if let Some(mix) = self.mix.take() {
            self.counters += *mix.mixer.counters();
            self.done_us = 0;
            each(Made::End);
        }
        self.free_us = now_us.saturating_add(PAUSE_US);
        each(Made::Failed(error));
    }
}

impl Mix {
    fn hand_over(&mut self, made: Vec<Output>, each: &mut impl FnMut(Made)) {
        if !self.announced
            && !made.is_empty()
            && let Some(tracks) = self.mixer.tracks()
        {
            self.announced = true;
            each(Made::Begin(tracks));
        }
        if self.announced {
            made.into_iter().map(Made::Unit).for_each(each);
        }
    }
}

#[cfg(test)]
mod tests;
