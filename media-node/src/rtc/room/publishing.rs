//! What a peer sends: its sound and camera as one stream of the channel, its screen as another one.

use std::sync::Arc;
use std::time::Duration;

use protocol::{RoomSource, StreamName};
use str0m::bwe::Bitrate;
use str0m::media::Mid;
use str0m::{Event, Rtc};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::super::end::End;
use super::super::figures::Counters;
use super::super::offer::{Format, Kind, Offer, OfferError, Section};
use super::super::publish::{self, Asked, Publishing};
use super::limit::limited;
use super::roll::Presence;
use super::speakers::Speakers;
use super::wish::{Sources, Wish};
use crate::channel::StreamPath;
use crate::hub::Hub;

/// How often a client is reminded of its limit, which it may have been told anew.
const REMIND_EVERY: Duration = Duration::from_secs(2);

/// A connection that only sends.
pub(in crate::rtc) struct PeerPublishing {
    hub: Arc<Hub>,
    presence: Presence,
    path: StreamPath,
    sources: Sources,
    /// The source of each medium.
    media: Vec<(Mid, RoomSource)>,
    /// The payload types of the first offer, which alone the connection knows.
    known: Vec<u8>,
    camera: Option<Part>,
    screen: Option<Part>,
    speakers: Arc<Speakers>,
    allows_audio: bool,
    allows_video: bool,
    max_bitrate: u64,
    reminders: Interval,
    is_connected: bool,
    ended: CancellationToken,
}

/// One stream of the channel.
struct Part {
    /// Its media, with their payload types.
    media: Vec<(String, u8)>,
    publishing: Publishing,
}

/// What a publishing connection has to do.
#[derive(Clone, Copy, Debug)]
pub(in crate::rtc) enum PublishStep {
    AskForKeyframe(RoomSource, Asked),
    /// Somebody else publishes the stream of this source now.
    End(RoomSource),
    Remind,
}

impl PeerPublishing {
    pub(in crate::rtc) fn new(hub: Arc<Hub>, presence: Presence, max_bitrate: u64) -> Self {
        let mut reminders = interval(REMIND_EVERY);
        reminders.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            hub,
            path: presence.path(),
            presence,
            sources: Sources::new(),
            media: Vec::new(),
            known: Vec::new(),
            camera: None,
            screen: None,
            speakers: Arc::default(),
            allows_audio: true,
            allows_video: true,
            max_bitrate,
            reminders,
            is_connected: false,
            ended: CancellationToken::new(),
        }
    }

    pub(in crate::rtc) fn path(&self) -> &StreamPath {
        &self.path
    }

    pub(in crate::rtc) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    pub(in crate::rtc) fn sources(&self) -> Sources {
        self.sources.clone()
    }

    /// Takes in which media the client sends. The answer is the offer as it is accepted.
    ///
    /// # Errors
    /// When the media and the sources do not fit together.
    pub(in crate::rtc) fn renew(&mut self, offer: Offer, sources: Sources) -> Result<Offer, OfferError> {
        if self.known.is_empty() {
            let formats = offer.sections.iter().flat_map(Section::formats);
            self.known = formats.map(|format| format.payload_type).collect();
        }
        let (offer, sent) = offer.narrowed_sent(|section, formats| self.choose(section, formats))?;
        let mut media = Vec::new();
        for (mid, source) in &sources {
            check(mid, *source, &sent)?;
            if media.iter().any(|(_, other)| other == source) {
                let reason = "each of audio, camera and screen is sent by one media section at most";
                return Err(OfferError::NotTaken(reason.to_owned()));
            }
            media.push((Mid::from(mid.as_str()), *source));
        }
        let of = |wanted: &[RoomSource]| {
            let is_wanted = |section: &Section| sources.get(&section.mid).is_some_and(|source| wanted.contains(source));
            let taken = sent.iter().filter(|(section, _)| is_wanted(section));
            taken.cloned().collect::<Vec<_>>()
        };
        let camera = self.part(&offer, of(&[RoomSource::Audio, RoomSource::Camera]), StreamName::Camera)?;
        let screen = self.part(&offer, of(&[RoomSource::Screen]), StreamName::Screen)?;
        // The stream that takes the place of another one is there before that ends.
        self.camera = camera.unwrap_or_else(|| self.camera.take());
        self.screen = screen.unwrap_or_else(|| self.screen.take());
        self.media = media;
        self.sources = sources;
        Ok(offer)
    }

    fn choose(&self, section: &Section, formats: &[Format]) -> Result<usize, OfferError> {
        let chosen = publish::choose(section, formats)?;
        let is_known = |format: &Format| self.known.contains(&format.payload_type);
        if formats.get(chosen).is_some_and(is_known) {
            return Ok(chosen);
        }
        let fits = |format: &Format| is_known(format) && format.fits_networks();
        formats.iter().position(fits).ok_or_else(|| {
            let reason = "the first offer of the connection had no medium of this kind: offer one from the beginning, without a \
                          track where there is none yet";
            OfferError::NotTaken(reason.to_owned())
        })
    }

    /// Another part in place of the present one of this name; `None` where that goes on as it is.
    fn part(
        &self,
        offer: &Offer,
        sent: Vec<(Section, Format)>,
        stream: StreamName,
    ) -> Result<Option<Option<Part>>, OfferError> {
        let present = if stream == StreamName::Screen {
            &self.screen
        } else {
            &self.camera
        };
        let media: Vec<_> = sent
            .iter()
            .map(|(section, format)| (section.mid.clone(), format.payload_type))
            .collect();
        if media.is_empty() {
            return Ok(Some(None));
        }
        if present.as_ref().is_some_and(|present| present.media == media) {
            return Ok(None);
        }
        let path = StreamPath {
            stream,
            ..self.path.clone()
        };
        let (sections, formats): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
        let mut publishing = Publishing::new(self.hub.clone(), path, &offer.with_only(sections), &formats)?;
        if self.is_connected {
            publishing
                .connected()
                .map_err(|error| OfferError::NotTaken(error.to_string()))?;
        }
        Ok(Some(Some(Part { media, publishing })))
    }

    /// The answer that the client gets, with its limits.
    pub(in crate::rtc) fn limited(&self, answer: &str) -> String {
        limited(answer, self.max_bitrate)
    }

    pub(in crate::rtc) fn connected(&mut self) -> Result<(), End> {
        for part in [&mut self.camera, &mut self.screen].into_iter().flatten() {
            part.publishing.connected()?;
        }
        self.is_connected = true;
        self.speakers = self.presence.speakers();
        self.presence.connected();
        Ok(())
    }

    pub(in crate::rtc) fn wish(&mut self, wish: Wish) {
        let Wish::Allow {
            audio,
            video,
            max_bitrate,
        } = wish
        else {
            return;
        };
        (self.allows_audio, self.allows_video, self.max_bitrate) = (audio, video, max_bitrate);
        self.reminders.reset_immediately();
        let has_allowed = |part: &Part| {
            let mut sources = part.media.iter().filter_map(|(mid, _)| self.sources.get(mid));
            sources.any(|source| if *source == RoomSource::Audio { audio } else { video })
        };
        // Who may send nothing of a stream does not publish it.
        let (camera, screen) = (self.camera.as_ref(), self.screen.as_ref());
        let (keeps_camera, keeps_screen) = (camera.is_some_and(has_allowed), screen.is_some_and(has_allowed));
        self.camera = self.camera.take().filter(|_| keeps_camera);
        self.screen = self.screen.take().filter(|_| keeps_screen);
    }

    /// The next thing to do. Dropping the future loses nothing.
    pub(in crate::rtc) async fn step(&mut self) -> PublishStep {
        let ended = |part: &Option<Part>| part.as_ref().map(|part| part.publishing.ended());
        let (camera_ended, screen_ended) = (ended(&self.camera), ended(&self.screen));
        tokio::select! {
            asked = keyframe_due(&mut self.camera) => PublishStep::AskForKeyframe(RoomSource::Camera, asked),
            asked = keyframe_due(&mut self.screen) => PublishStep::AskForKeyframe(RoomSource::Screen, asked),
            () = over(camera_ended) => PublishStep::End(RoomSource::Camera),
            () = over(screen_ended) => PublishStep::End(RoomSource::Screen),
            _ = self.reminders.tick() => PublishStep::Remind,
        }
    }

    pub(in crate::rtc) fn take(&mut self, step: PublishStep, rtc: &mut Rtc, counters: &Counters) {
        match step {
            PublishStep::AskForKeyframe(source, asked) => {
                if let Some(part) = self.part_of(source) {
                    part.publishing.ask_for_keyframe(asked, rtc, counters);
                }
            }
            PublishStep::End(RoomSource::Screen) => self.screen = None,
            PublishStep::End(_) => self.camera = None,
            PublishStep::Remind => self.remind(rtc),
        }
    }

    fn remind(&self, rtc: &mut Rtc) {
        let pictures = self.media.iter().filter(|(_, source)| *source != RoomSource::Audio);
        let count = pictures.clone().count() as u64;
        if count == 0 || self.max_bitrate == 0 {
            return;
        }
        for (mid, _) in pictures {
            if let Some(stream) = rtc.direct_api().stream_rx_by_mid(*mid, None) {
                stream.request_remb(Bitrate::from(self.max_bitrate / count));
            }
        }
    }

    pub(in crate::rtc) fn event(&mut self, event: Event, rtc: &mut Rtc) {
        let mid = match &event {
            Event::RtpPacket(packet) => {
                let mut api = rtc.direct_api();
                api.stream_rx(&packet.header.ssrc).map(|stream| stream.mid())
            }
            Event::SenderFeedback(feedback) => Some(feedback.mid),
            _ => None,
        };
        let source = self.media.iter().find(|(of, _)| Some(*of) == mid);
        let Some(source) = source.map(|(_, source)| *source).filter(|source| self.allows(*source)) else {
            return;
        };
        if let (RoomSource::Audio, Event::RtpPacket(packet)) = (source, &event)
            && let Some(level) = packet.header.ext_vals.audio_level
        {
            self.speakers.hear(&self.presence.peer_id, level, packet.timestamp);
        }
        if let Some(part) = self.part_of(source) {
            part.publishing.event(event, rtc);
        }
    }

    fn allows(&self, source: RoomSource) -> bool {
        match source {
            RoomSource::Audio => self.allows_audio,
            RoomSource::Camera | RoomSource::Screen => self.allows_video,
        }
    }

    fn part_of(&mut self, source: RoomSource) -> Option<&mut Part> {
        match source {
            RoomSource::Screen => self.screen.as_mut(),
            RoomSource::Audio | RoomSource::Camera => self.camera.as_mut(),
        }
    }

    /// Says for a person why it ends.
    pub(in crate::rtc) fn ends(&mut self, why: String) {
        self.presence.ends(why);
    }
}

/// Whether a medium of the offer can send this source.
fn check(mid: &str, source: RoomSource, sent: &[(Section, Format)]) -> Result<(), OfferError> {
    let Some((section, _)) = sent.iter().find(|(section, _)| section.mid == mid) else {
        return Err(OfferError::NotTaken(format!(
            "the sources name the media section {mid}, which the offer does not have, or does not send"
        )));
    };
    match (source == RoomSource::Audio) == (section.kind == Kind::Audio) {
        true => Ok(()),
        false => Err(OfferError::NotTaken(format!(
            "the source of the media section {mid} is of another kind than the section"
        ))),
    }
}

async fn keyframe_due(part: &mut Option<Part>) -> Asked {
    match part {
        Some(part) => part.publishing.keyframe_due().await,
        None => std::future::pending().await,
    }
}

async fn over(ended: Option<CancellationToken>) {
    match ended {
        Some(ended) => ended.cancelled().await,
        None => std::future::pending().await,
    }
}
