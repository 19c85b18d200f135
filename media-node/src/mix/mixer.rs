use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{Scene, SecretUrl, StreamKind, StreamTypes, Subscription};

use super::areas::areas;
use super::counters::Counters;
use super::interleave::{Interleave, Output};
use super::layout;
use super::output::{AudioOutput, MixError, Shed, VideoOutput, block_us};
use super::pictures;
use super::scene::SceneState;
use super::settings::Settings;
use super::texts::Texts;
use super::user::User;
use crate::media::{AudioEncoder, MuxedTrack, Picture};
use crate::selection::Area;
use crate::speaking::Speakers;
use crate::stream::{AccessUnit, Coding, Format, PictureLimit, Track};
use crate::text::Fonts;

/// What changes at a time. It takes effect at the next picture of the output.
pub enum Change {
    Join {
        uid: String,
    },
    Leave {
        uid: String,
    },
    /// Which streams a user publishes, of those that may have places of their own.
    Streams {
        uid: String,
        streams: BTreeSet<StreamKind>,
    },
    /// Replaces the whole layout.
    Scene(Scene),
    Subscription(Subscription),
    /// An image that the scene names has come.
    Image {
        url: SecretUrl,
        picture: Picture,
    },
    /// The fonts that texts are drawn with have come. Without them there are no texts.
    Fonts(Fonts),
}

/// Makes one picture and one sound of a channel's users. Times are arguments: it has no clock.
pub struct Mixer {
    jitter_us: i64,
    limit: PictureLimit,
    /// What is written over the users, by the time at which the timeline began.
    texts: Texts,
    epoch_ms: u64,
    scene: SceneState,
    speakers: Speakers,
    /// Not in force yet, in the order of time.
    changes: VecDeque<(i64, Change)>,
    users: BTreeMap<String, User>,
    users_seen: u64,
    shed: Shed,
    rearrange: bool,
    /// How large the cameras of users are shown.
    areas: BTreeMap<String, Area>,
    video: Option<VideoOutput>,
    audio: Option<AudioOutput>,
    interleave: Interleave,
    counters: Counters,
}

impl Mixer {
    pub fn new(settings: &Settings, scene: Scene, subscription: Subscription) -> Result<Self, MixError> {
        let video = (settings.types != StreamTypes::Audio)
            .then(|| VideoOutput::new(settings))
            .transpose()?;
        // Sound begins with the picture.
        let start_us = video
            .as_ref()
            .map_or(settings.start_us, |video| video.time_us(video.next));
        let audio = (settings.types != StreamTypes::Video)
            .then(|| AudioOutput::new(settings, start_us))
            .transpose()?;
        let mut mixer = Self {
            jitter_us: settings.jitter_us,
            limit: settings.picture_limit,
            texts: Texts::default(),
            epoch_ms: settings.epoch_ms,
            scene: SceneState::new(scene, subscription),
            speakers: Speakers::default(),
            changes: VecDeque::new(),
            users: BTreeMap::new(),
            users_seen: 0,
            shed: Shed::Nothing,
            rearrange: true,
            areas: BTreeMap::new(),
            interleave: Interleave::new(video.is_some() && audio.is_some()),
            video,
            audio,
            counters: Counters::default(),
        };
        mixer.set_background();
        Ok(mixer)
    }

    /// Schedules a change. One for a time that is over comes into force at the next picture.
    pub fn change(&mut self, at_us: i64, change: Change) {
        let place = self.changes.partition_point(|(time, _)| *time <= at_us);
        self.changes.insert(place, (at_us, change));
    }

    /// A user's track is of this format from here on.
    pub fn format(&mut self, uid: &str, format: &Format) {
        self.user(uid).set_format(format);
    }

    /// Units of a user's track were lost in front of the next one.
    pub fn lost(&mut self, uid: &str, track: Track) {
        if track == Track::Video {
            self.user(uid).video.lost();
        }
    }

    /// Takes a user's next unit, in decoding order. The first unit of a video track, and the one behind a loss, is a key
    /// frame.
    pub fn unit(&mut self, uid: &str, track: Track, unit: AccessUnit) {
        let (video, audio) = (self.video.is_some(), self.audio.is_some());
        let mut counters = self.counters;
        match track {
            Track::Video if video => self.user(uid).video.push(unit, &mut counters),
            Track::Audio if audio => self.user(uid).audio.push(unit, &mut counters),
            _ => {}
        }
        self.counters = counters;
    }

    /// A stream that may have a place of its own is coded like this from here on.
    pub fn stream_coding(&mut self, uid: &str, stream: StreamKind, coding: Coding) {
        self.user(uid).set_stream_coding(stream, coding);
    }

    /// As [`lost`](Self::lost), of such a stream.
    pub fn stream_lost(&mut self, uid: &str, stream: StreamKind) {
        self.user(uid).lost_of_stream(stream);
    }

    /// As [`unit`](Self::unit), of the video of such a stream.
    pub fn stream_unit(&mut self, uid: &str, stream: StreamKind, unit: AccessUnit) {
        if self.video.is_some() {
            let mut counters = self.counters;
            self.user(uid).push_stream(stream, unit, &mut counters);
            self.counters = counters;
        }
    }

    /// Makes all that is due at `now_us`: everything older than the jitter budget.
    pub fn advance(&mut self, now_us: i64, shed: Shed, each: impl FnMut(Output)) -> Result<(), MixError> {
        self.shed = shed;
        self.run(now_us.saturating_sub(self.jitter_us), each)
    }

    /// Makes the rest, before `end_us`, without waiting for late units. Nothing can follow.
    pub fn finish(&mut self, end_us: i64, mut each: impl FnMut(Output)) -> Result<(), MixError> {
        for user in self.users.values_mut() {
            user.videos().for_each(|(_, video)| video.end());
        }
        self.run(end_us - 1, &mut each)?;
        while self.audio.as_ref().is_some_and(|audio| block_us(audio.next) < end_us) {
            self.make_sound()?;
        }
        let Self {
            video,
            audio,
            interleave,
            ..
        } = self;
        if let Some(video) = video {
            video.finish(interleave)?;
        }
        if let Some(audio) = audio {
            audio.finish(interleave)?;
        }
        interleave.finish();
        while let Some(output) = interleave.pop() {
            each(output);
        }
        Ok(())
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The users of whose media decoders have refused much, since that was last told.
    pub fn take_undecodable(&mut self) -> Vec<String> {
        let users = self.users.iter_mut();
        let of = users.filter_map(|(uid, user)| user.take_undecodable().then(|| uid.clone()));
        of.collect()
    }

    /// The users' pictures of which nothing that comes can be shown before the next keyframe, and of which stream, if that has a place of
    /// its own.
    pub fn lacking_keyframes(&self) -> impl Iterator<Item = (&str, Option<StreamKind>)> {
        let users = self.users.iter();
        users.flat_map(|(uid, user)| user.lacking_keyframes().map(move |stream| (uid.as_str(), stream)))
    }

    /// Who speaks, or spoke last, where the picture follows the speaker.
    pub fn speaker(&self) -> Option<&str> {
        self.speakers.speaker().filter(|_| self.scene.follows_speaker())
    }

    /// How large the cameras of users are shown, who have a place in the picture or could have one.
    pub fn areas(&self) -> &BTreeMap<String, Area> {
        &self.areas
    }

    /// What the output's tracks are, video first; `None` before the first key frame is made.
    pub fn tracks(&self) -> Option<Vec<MuxedTrack>> {
        let video = self.video.as_ref().map(VideoOutput::track);
        let audio = self.audio.as_ref().map(AudioOutput::track);
        video.into_iter().chain(audio.map(Some)).collect()
    }

    fn user(&mut self, uid: &str) -> &mut User {
        let Self {
            users,
            users_seen,
            limit,
            ..
        } = self;
        users.entry(uid.to_owned()).or_insert_with(|| {
            *users_seen += 1;
            User::new(*users_seen, *limit)
        })
    }

    fn run(&mut self, until_us: i64, mut each: impl FnMut(Output)) -> Result<(), MixError> {
        loop {
            let picture = self.video.as_ref().map_or(i64::MAX, |video| video.time_us(video.next));
            let sound = self.audio.as_ref().map_or(i64::MAX, |audio| block_us(audio.next + 1));
            if picture.min(sound) > until_us {
                return Ok(());
            }
            if picture <= sound {
                self.apply_changes(picture);
                self.make_picture()?;
            } else {
                self.apply_changes(self.audio.as_ref().map_or(sound, |audio| block_us(audio.next)));
                self.make_sound()?;
            }
            while let Some(output) = self.interleave.pop() {
                each(output);
            }
        }
    }

    fn apply_changes(&mut self, at_us: i64) {
        while self.changes.front().is_some_and(|(time, _)| *time <= at_us) {
            let Some((time, change)) = self.changes.pop_front() else {
                break;
            };
            self.rearrange = true;
            match change {
                Change::Join { uid } => {
                    self.user(&uid);
                    self.scene.join(uid);
                }
                Change::Leave { uid } => {
                    self.scene.leave(&uid);
                    self.speakers.left(&uid);
                    self.forget(&uid, time);
                }
                Change::Streams { uid, streams } => {
                    self.user(&uid).publish(streams, time);
                }
                Change::Scene(scene) => {
                    self.scene.set_scene(scene);
                    self.set_background();
                }
                Change::Subscription(subscription) => self.scene.subscribe(subscription),
                Change::Image { url, picture } => {
                    self.scene.set_image(url, picture);
                    self.set_background();
                }
                Change::Fonts(fonts) => self.texts.set_fonts(fonts),
            }
        }
    }

    fn forget(&mut self, uid: &str, at_us: i64) {
        let Some(user) = self.users.get_mut(uid) else { return };
        user.leave(at_us);
        if user.is_empty() {
            self.users.remove(uid);
        }
    }

    /// An image that cannot be used leaves the colour.
    fn set_background(&mut self) {
        let Some(video) = &mut self.video else { return };
        let set = video
            .composer
            .set_background(self.scene.scene().background, self.scene.background_image());
        self.counters.pictures_unusable += u64::from(set.is_err());
    }

    /// Gives the users their regions anew.
    fn arrange(&mut self) {
        let Some(video) = &mut self.video else { return };
        let shown = |uid: &str| self.users.get(uid).map(User::shown_streams).unwrap_or_default();
        let seen = self.scene.seen().into_iter().map(|uid| layout::Seen {
            uid,
            streams: shown(uid),
        });
        let seen: Vec<layout::Seen<'_>> = seen.collect();
        let layout = self.scene.layout(self.speakers.speaker());
        let regions = layout::arrange(&layout, video.size, &seen);
        self.areas = areas(&regions, &seen);
        let key = |region: &layout::Region| Some(self.users.get(seen.get(region.user)?.uid)?.key(region.stream));
        video
            .composer
            .set_regions(regions.iter().filter_map(|region| Some((key(region)?, *region))));
    }

    fn make_picture(&mut self) -> Result<(), MixError> {
        if let Some(video) = &self.video {
            let at_us = video.shown_until_us(video.next);
            for user in self.users.values_mut() {
                self.rearrange |= user.begin_streams(at_us);
            }
        }
        if std::mem::take(&mut self.rearrange) {
            self.arrange();
        }
        let Self {
            video: Some(video),
            users,
            scene,
            texts,
            epoch_ms,
            counters,
            interleave,
            shed,
            ..
        } = self
        else {
            return Ok(());
        };
        let index = video.next;
        video.next += 1;
        if !video.keeps(index, *shed) {
            counters.frames_shed += 1;
            return Ok(());
        }
        let at_us = video.time_us(index);
        let view = pictures::View {
            scene,
            at_us: video.shown_until_us(index),
            key_frames_only: *shed == Shed::AllButKeyFrames,
        };
        *counters += pictures::update(users, video.composer.slots(), view, video.workers);
        let unix_ms = at_us.div_euclid(1000).saturating_add_unsigned(*epoch_ms);
        texts.update(scene.scene(), unix_ms, video.size, &mut video.composer);
        let changed = video.composer.paint()?;
        counters.frames_repeated += u64::from(!changed);
        counters.frames += 1;
        Ok(video.encode(index, interleave)?)
    }

    fn make_sound(&mut self) -> Result<(), MixError> {
        let Self {
            audio: Some(audio),
            users,
            scene,
            speakers,
            counters,
            interleave,
            ..
        } = self
        else {
            return Ok(());
        };
        let at_us = block_us(audio.next);
        let follows_speaker = scene.follows_speaker();
        let start = audio.next * AudioEncoder::FRAME as i64;
        audio.next += 1;
        let mut block = vec![vec![0.0; AudioEncoder::FRAME]; audio.channels];
        for (uid, user) in users.iter_mut() {
            if scene.hears(uid) {
                let energy = user.audio.mix_into(start, &mut block, counters);
                if follows_speaker {
                    speakers.heard(uid, at_us, energy);
                }
            } else {
                user.audio.skip(start);
            }
        }
        // The picture turns to the speaker with the next one.
        self.rearrange |= follows_speaker && speakers.update(at_us);
        counters.samples += AudioEncoder::FRAME as u64;
        Ok(audio.encode(block, interleave)?)
    }
}

#[cfg(test)]
mod tests;
