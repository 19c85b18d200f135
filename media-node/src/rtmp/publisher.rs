//! One publisher: its messages become the tracks of a publication. What it sends is known only when the configurations of its codecs
//! have come, so its media waits for these for a moment; when they change to something else, a new publication begins.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use protocol::TrackKind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::codec::{Unreadable, codec};
use super::flv::{self, CodecId, Tag, Unit};
use super::refusal::Refusal;
use super::session::MediaKind;
use super::track::Track;
use crate::access::{Grant, Kinds};
use crate::channel::StreamPath;
use crate::hub::{Description, Hub, Published};

/// Media waits for the configuration of another track for so long,
const WAIT_MS: i64 = 1_000;
/// and takes no more memory than this.
const MAX_HELD_BYTES: usize = 4 << 20;
/// What each unit takes beside its own bytes.
const HELD_OVERHEAD: usize = 192;
/// Longer configurations are none: they stand in descriptions.
const MAX_CONFIGURATION_BYTES: usize = 16 << 10;
/// Whose codecs stay unknown for so long is told.
const UNKNOWN_MS: i64 = 10_000;
/// Each new publication costs so much time, which is given back as it passes,
const CHANGE_COSTS_MS: i64 = 2_000;
/// and so much can be owed.
const CHANGE_CREDIT_MS: i64 = 20_000;

const NO_CONFIGURATION: Unreadable = Unreadable("the configuration of a codec has not come, or was not understood");

/// See the module.
pub(super) struct Publisher {
    hub: Arc<Hub>,
    path: StreamPath,
    grant: Grant,
    /// Unix milliseconds at time 0.
    origin_ms: i64,
    clock: Clock,
    audio: Option<Track>,
    video: Option<Track>,
    /// What it says that it will send.
    announced: Option<Kinds>,
    held: Vec<Held>,
    held_bytes: usize,
    /// When its first unit came.
    first_ms: Option<i64>,
    live: Option<Live>,
    /// Up to when new publications are paid for.
    changes_paid_ms: i64,
    /// Units that were left out because they could not be read.
    unreadable: u64,
    /// Since when none of a kind could be read.
    unread_since_ms: BTreeMap<MediaKind, i64>,
}

struct Held {
    kind: MediaKind,
    unit: Unit,
    media_ms: i64,
}

struct Live {
    published: Published,
    /// When publishing is not allowed any more.
    expires: Option<Instant>,
}

impl Publisher {
    /// `origin_ms`: Unix milliseconds at the time that is 0 for [`Self::media`].
    pub(super) fn new(hub: Arc<Hub>, path: StreamPath, grant: Grant, origin_ms: i64) -> Self {
        Self {
            hub,
            path,
            grant,
            origin_ms,
            clock: Clock::default(),
            audio: None,
            video: None,
            announced: None,
            held: Vec::new(),
            held_bytes: 0,
            first_ms: None,
            live: None,
            changes_paid_ms: 0,
            unreadable: 0,
            unread_since_ms: BTreeMap::new(),
        }
    }

    pub(super) fn announced(&mut self, kinds: Kinds) {
        self.announced = Some(kinds);
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// When [`Self::wait_over`] is to be called, as for [`Self::media`].
    pub(super) fn due_ms(&self) -> Option<i64> {
        let is_waiting = !self.is_live() && (self.audio.is_some() || self.video.is_some());
        self.first_ms.filter(|_| is_waiting).map(|first_ms| first_ms + WAIT_MS)
    }

    /// Publishes what is known, if anything is.
    pub(super) fn wait_over(&mut self, now_ms: i64) -> Result<(), Refusal> {
        self.publish_when_known(now_ms)
    }

    /// Done when another publisher has taken the path over, or an operator has removed the user.
    pub(super) fn ended(&self) -> Option<&CancellationToken> {
        self.live.as_ref().map(|live| &live.published.publication.ended)
    }

    pub(super) fn expires(&self) -> Option<Instant> {
        self.live.as_ref()?.expires
    }

    /// Takes a message that came at `now_ms`.
    ///
    /// # Errors
    /// When it cannot be published at all. What is wrong with one message costs that message.
    pub(super) fn media(&mut self, kind: MediaKind, timestamp: u32, tag: Bytes, now_ms: i64) -> Result<(), Refusal> {
        let tag = match kind {
            MediaKind::Audio => flv::audio(tag),
            MediaKind::Video => flv::video(tag),
        };
        match tag {
            Ok(Tag::Configuration(codec_id, configuration)) => self.configure(kind, codec_id, &configuration, now_ms),
            Ok(Tag::Unit(unit)) => self.unit(kind, timestamp, unit, now_ms),
            Ok(Tag::Other) => Ok(()),
            Err(error @ flv::TagError::Codec(_)) => Err(error.into()),
            Err(error @ flv::TagError::CutOff) => {
                self.left_out(kind, &error, now_ms);
                Ok(())
            }
        }
    }

    fn configure(
        &mut self,
        kind: MediaKind,
        codec_id: CodecId,
        configuration: &Bytes,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        if configuration.len() > MAX_CONFIGURATION_BYTES {
            let error = Unreadable("the configuration of a codec is longer than any can be");
            self.left_out(kind, &error, now_ms);
            return Ok(());
        }
        let (place, payload_type) = match kind {
            MediaKind::Video => (&mut self.video, 96),
            MediaKind::Audio => (&mut self.audio, 97),
        };
        let configured = match place {
            Some(track) if track.codec_id == codec_id => track.reconfigure(configuration),
            _ => codec(codec_id, configuration).map(|codec| {
                // It need not be secret, and no two tracks of a stream have the same.
                let ssrc = RandomState::new().hash_one(payload_type) as u32;
                *place = Some(Track::new(codec_id, codec, payload_type, ssrc));
                false
            }),
        };
        match configured {
            Ok(true) => Ok(()),
            Ok(false) if self.is_live() => {
                self.changes_paid_ms = self.changes_paid_ms.max(now_ms) + CHANGE_COSTS_MS;
                if self.changes_paid_ms - now_ms > CHANGE_CREDIT_MS {
                    return Err(Refusal::failed(
                        "The configuration of its codecs changes again and again: set the encoder to one",
                    ));
                }
                self.publish(now_ms)
            }
            Ok(false) => self.publish_when_known(now_ms),
            Err(error) => {
                self.left_out(kind, &error, now_ms);
                Ok(())
            }
        }
    }

    fn unit(&mut self, kind: MediaKind, timestamp: u32, unit: Unit, now_ms: i64) -> Result<(), Refusal> {
        let track = match kind {
            MediaKind::Video => &self.video,
            MediaKind::Audio => &self.audio,
        };
        if unit.codec.needs_none() && track.as_ref().is_none_or(|track| track.codec_id != unit.codec) {
            self.configure(kind, unit.codec, &Bytes::new(), now_ms)?;
        }
        let media_ms = self.clock.place(kind, timestamp, now_ms);
        let held = Held { kind, unit, media_ms };
        if self.is_live() {
            self.hand_in(held, now_ms);
            return Ok(());
        }
        let first_ms = *self.first_ms.get_or_insert(now_ms);
        if self.audio.is_none() && self.video.is_none() && now_ms - first_ms >= UNKNOWN_MS {
            return Err(Refusal::failed(
                "No configuration of a codec has come with its media: set the encoder to H.264 and AAC",
            ));
        }
        self.held_bytes += held.unit.data.len() + HELD_OVERHEAD;
        if self.held_bytes <= MAX_HELD_BYTES {
            self.held.push(held);
        } else {
            self.left_out(kind, &NO_CONFIGURATION, now_ms);
        }
        self.publish_when_known(now_ms)
    }

    /// Publishes once it is known what, or waiting for it takes too long.
    fn publish_when_known(&mut self, now_ms: i64) -> Result<(), Refusal> {
        let known = self.kinds();
        let announced = self.announced.unwrap_or(Kinds {
            audio: true,
            video: true,
        });
        let is_complete = (known.audio || !announced.audio) && (known.video || !announced.video);
        let span_ms = match (self.held.first(), self.held.last()) {
            (Some(first), Some(last)) => last.media_ms - first.media_ms,
            _ => 0,
        };
        let is_late = self.first_ms.is_some_and(|first_ms| now_ms - first_ms >= WAIT_MS)
            || span_ms >= WAIT_MS
            || self.held_bytes > MAX_HELD_BYTES;
        if (known.audio || known.video) && (is_complete || is_late) {
            self.publish(now_ms)?;
            self.held_bytes = 0;
            for held in std::mem::take(&mut self.held) {
                self.hand_in(held, now_ms);
            }
        }
        Ok(())
    }

    fn kinds(&self) -> Kinds {
        Kinds {
            audio: self.audio.is_some(),
            video: self.video.is_some(),
        }
    }

    fn publish(&mut self, now_ms: i64) -> Result<(), Refusal> {
        let expires = self.grant.publish(self.kinds()).inspect_err(|denial| {
            self.hub.turned_away.count(denial);
        })?;
        let mut sdp = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned();
        for (media, track) in [("video", &mut self.video), ("audio", &mut self.audio)] {
            if let Some(track) = track {
                sdp += &track.description(media);
                track.report_anew();
            }
        }
        let description = Description::parse(sdp.as_bytes()).map_err(|error| Refusal::failed(error.to_string()))?;
        let unix_ms = u64::try_from(self.origin_ms + now_ms).unwrap_or_default();
        let published = self
            .hub
            .publish(&self.path, description, unix_ms)
            .inspect_err(|error| {
                tracing::warn!(path = %self.path, %error, "a publisher was turned away");
            })?;
        // The one before it, if any, ends with this.
        self.live = Some(Live { published, expires });
        Ok(())
    }

    /// Hands a unit's packets to the players.
    fn hand_in(&mut self, held: Held, now_ms: i64) {
        let (track, index) = match held.kind {
            MediaKind::Video => (&mut self.video, 0),
            MediaKind::Audio => (&mut self.audio, usize::from(self.video.is_some())),
        };
        let Some(track) = track.as_mut().filter(|track| track.codec_id == held.unit.codec) else {
            return self.left_out(held.kind, &NO_CONFIGURATION, now_ms);
        };
        let Some(live) = &self.live else { return };
        match track.packets(&held.unit, held.media_ms, self.origin_ms) {
            Ok(packets) => {
                self.unread_since_ms.remove(&held.kind);
                for (flow, packet) in packets {
                    live.published.publication.relay(index, flow, packet);
                }
            }
            Err(error) => self.left_out(held.kind, &error, now_ms),
        }
    }

    fn left_out(&mut self, kind: MediaKind, error: &dyn std::error::Error, now_ms: i64) {
        let since_ms = *self.unread_since_ms.entry(kind).or_insert(now_ms);
        if let Some(live) = &self.live
            && now_ms - since_ms >= UNKNOWN_MS
        {
            live.published.publication.is_unreadable(match kind {
                MediaKind::Audio => TrackKind::Audio,
                MediaKind::Video => TrackKind::Video,
            });
        }
        self.unreadable += 1;
        self.hub.unreadable.fetch_add(1, Ordering::Relaxed);
        if self.unreadable == 1 {
            tracing::warn!(path = %self.path, %error, "what a publisher sends cannot be read; it is left out");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.is_live() {
            tracing::info!(path = %self.path, unreadable = self.unreadable, "publishing ended");
        }
    }
}
