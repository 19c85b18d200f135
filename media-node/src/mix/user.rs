use std::collections::{BTreeMap, BTreeSet};

use protocol::StreamKind;

use super::audio::AudioTrack;
use super::counters::Counters;
use super::video::VideoTrack;
use crate::media::AudioCodec;
use crate::stream::{AccessUnit, Coding, Format, PictureLimit};

/// So many units of a track that a decoder refuses are told of: a few may be what somebody's stream begins with.
const MANY: u32 = 10;

/// What one user sends, on its way into the mix.
pub struct User {
    key: u64,
    limit: PictureLimit,
    /// The stream that is the user's picture, whichever that is.
    pub video: VideoTrack,
    pub audio: AudioTrack,
    /// Streams that have places of their own.
    streams: BTreeMap<StreamKind, Stream>,
    /// Those of them that the user publishes.
    published: BTreeSet<StreamKind>,
}

struct Stream {
    video: VideoTrack,
    /// It has brought a picture.
    begun: bool,
}

impl User {
    pub fn new(key: u64, limit: PictureLimit) -> Self {
        Self {
            key,
            limit,
            video: VideoTrack::new(limit),
            audio: AudioTrack::default(),
            streams: BTreeMap::new(),
            published: BTreeSet::new(),
        }
    }

    /// Stands for one of the user's pictures in the composer.
    pub fn key(&self, stream: Option<StreamKind>) -> u64 {
        let number = match stream {
            None => 0,
            Some(StreamKind::Camera) => 1,
            Some(StreamKind::Screen) => 2,
            Some(StreamKind::Whiteboard) => 3,
        };
        self.key * 4 + number
    }

    /// A track is of this format from here on.
    pub fn set_format(&mut self, format: &Format) {
        // Each key frame carries all that a decoder of pictures has to know.
        if let Some(coding) = format.coding() {
            self.video.set_coding(coding);
        }
        if let Some(codec) = AudioCodec::of(format) {
            self.audio.set_codec(codec);
        }
    }

    pub fn set_stream_coding(&mut self, stream: StreamKind, coding: Coding) {
        self.stream(stream).video.set_coding(coding);
    }

    pub fn push_stream(&mut self, stream: StreamKind, unit: AccessUnit, counters: &mut Counters) {
        self.stream(stream).video.push(unit, counters);
    }

    /// Units of a stream were lost in front of the next one.
    pub fn lost_of_stream(&mut self, stream: StreamKind) {
        self.stream(stream).video.lost();
    }

    /// Which streams the user publishes from `at_us` on. What the others have sent until then is dropped.
    pub fn publish(&mut self, streams: BTreeSet<StreamKind>, at_us: i64) {
        self.published = streams;
        let Self { streams, published, .. } = self;
        streams.retain(|kind, stream| {
            if !published.contains(kind) {
                stream.leave(at_us);
            }
            !stream.video.is_empty()
        });
    }

    /// The streams that are published and have brought a picture.
    pub fn shown_streams(&self) -> BTreeSet<StreamKind> {
        let begun = self.streams.iter().filter(|(_, stream)| stream.begun);
        let shown = begun.filter(|(kind, _)| self.published.contains(kind));
        shown.map(|(kind, _)| *kind).collect()
    }

    /// Takes note of the streams that have brought their first picture by `at_us`. Answers whether there are any.
    pub fn begin_streams(&mut self, at_us: i64) -> bool {
        let mut any = false;
        for stream in self.streams.values_mut().filter(|stream| !stream.begun) {
            stream.begun = stream.video.has_begun(at_us);
            any |= stream.begun;
        }
        any
    }

    /// All of the user's pictures, each with what stands for it in the composer.
    pub fn videos(&mut self) -> impl Iterator<Item = (u64, &mut VideoTrack)> {
        let keys: Vec<u64> = self.streams.keys().map(|kind| self.key(Some(*kind))).collect();
        let own = (self.key(None), &mut self.video);
        let streams = self.streams.values_mut().map(|stream| &mut stream.video);
        std::iter::once(own).chain(keys.into_iter().zip(streams))
    }

    /// The pictures of which nothing that comes can be shown before the next keyframe: of which stream, if it has a place of its own.
    pub fn lacking_keyframes(&self) -> impl Iterator<Item = Option<StreamKind>> {
        let own = self.video.lacks_keyframe().then_some(None);
        let streams = self.streams.iter().filter(|(_, stream)| stream.video.lacks_keyframe());
        own.into_iter().chain(streams.map(|(kind, _)| Some(*kind)))
    }

    /// Whether decoders have refused much of what the user sends, since that was last told.
    pub fn take_undecodable(&mut self) -> bool {
        let videos = self.streams.values_mut().map(|stream| &mut stream.video.undecodable);
        let all = [&mut self.video.undecodable, &mut self.audio.undecodable].into_iter();
        let many = all.chain(videos).filter(|undecodable| **undecodable >= MANY);
        many.map(std::mem::take).count() > 0
    }

    /// Drops what was sent until `at_us`: the user left. One who is back already keeps what came since.
    pub fn leave(&mut self, at_us: i64) {
        self.video.leave(at_us);
        self.audio.leave(at_us);
        self.publish(BTreeSet::new(), at_us);
    }

    pub fn is_empty(&self) -> bool {
        self.video.is_empty() && self.audio.is_empty() && self.streams.is_empty()
    }

    fn stream(&mut self, kind: StreamKind) -> &mut Stream {
        let limit = self.limit;
        self.streams.entry(kind).or_insert_with(|| Stream {
            video: VideoTrack::new(limit),
            begun: false,
        })
    }
}

impl Stream {
    fn leave(&mut self, at_us: i64) {
        self.video.leave(at_us);
        self.begun = false;
    }
}
