//! What a client sends, as the hub takes it: packets of RTP with plain headers, and sender reports. What is lost is sent again,
//! and comes out of order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::rtp::RtpPacket;
use str0m::rtp::rtcp::SenderInfo;
use str0m::{Event, Rtc};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::figures::Counters;
use super::offer::{Format, Kind, Offer, OfferError, Section};
use super::upright::Upright;
use crate::access::Kinds;
use crate::channel::StreamPath;
use crate::clock::unix_ms;
use crate::hub::{Description, Flow, Hub, Manner, Published, rtp};
use crate::layers::{Conductor, conduct};
use crate::stream::Quarters;

/// Browsers send keyframes only when asked: while anybody plays the stream they are, so that a recording can be cut into
/// slices, and a picture that was lost where nobody noticed comes back.
const KEYFRAME_EVERY: Duration = Duration::from_secs(4);
/// Sources that are remembered. A client has two, or one for each layer, and others at times.
const MAX_SOURCES: usize = 64;
/// From the beginning of NTP's time to that of Unix'.
const NTP_OFFSET_S: u64 = 2_208_988_800;

/// One publisher.
pub(super) struct Publishing {
    hub: Arc<Hub>,
    path: StreamPath,
    description: Description,
    tracks: Vec<(Mid, Kind)>,
    /// The names of the picture's layers, where it has several, and what describes one of them.
    layers: Vec<String>,
    picture: Option<Description>,
    conductor: Option<Conductor>,
    /// How the picture is turned,
    upright: Upright,
    /// and whether it can say so itself.
    is_h264: bool,
    /// What each source is of.
    sources: HashMap<u32, Part>,
    published: Option<Published>,
    /// Ends with the publication.
    ended: CancellationToken,
    keyframes: Interval,
}

/// What a source brings.
#[derive(Clone, Copy, Debug)]
enum Part {
    Track(usize),
    Layer(usize),
}

/// Whom the client is to be asked of for a keyframe.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Picture,
    Layer(usize),
}

/// The format of each medium that a publisher's session has.
pub(super) fn choose(section: &Section, formats: &[Format]) -> Result<usize, OfferError> {
    let best = formats.iter().position(Format::fits_networks);
    best.or((!formats.is_empty()).then_some(0))
        .ok_or_else(|| section.none())
}

impl Publishing {
    /// `formats`: those of the offer's media.
    pub(super) fn new(hub: Arc<Hub>, path: StreamPath, offer: &Offer, formats: &[Format]) -> Result<Self, OfferError> {
        let sent = || offer.sections.iter().zip(formats).filter(|(section, _)| section.sends);
        let tracks: Vec<_> = sent()
            .map(|(section, _)| (Mid::from(section.mid.as_str()), section.kind))
            .collect();
        if tracks.is_empty() {
            let reason = "the offer sends nothing: its media are recvonly or inactive";
            return Err(OfferError::NotTaken(reason.to_owned()));
        }
        let describe = |formats: &mut dyn Iterator<Item = &Format>| {
            let mut sdp = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned();
            sdp.extend(formats.map(Format::described));
            Description::parse(sdp.as_bytes()).map_err(|error| OfferError::Malformed(error.to_string()))
        };
        let description = describe(&mut sent().map(|(_, format)| format))?;
        let layered = sent().find(|(section, _)| !section.layers().is_empty());
        let picture = match layered {
            Some((_, format)) => Some(describe(&mut std::iter::once(format))?),
            None => None,
        };
        let mut keyframes = interval_at(Instant::now() + KEYFRAME_EVERY, KEYFRAME_EVERY);
        keyframes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            hub,
            path,
            description,
            tracks,
            layers: layered.map(|(section, _)| section.layers()).unwrap_or_default(),
            picture,
            conductor: None,
            upright: Upright::default(),
            is_h264: sent().any(|(_, format)| format.name == "H264"),
            sources: HashMap::new(),
            published: None,
            ended: CancellationToken::new(),
            keyframes,
        })
    }

    pub(super) fn path(&self) -> &StreamPath {
        &self.path
    }

    pub(super) fn kinds(&self) -> Kinds {
        self.description.kinds()
    }

    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    pub(super) fn connected(&mut self) -> Result<(), End> {
        if self.published.is_some() {
            // By another network.
            return Ok(());
        }
        let description = self.description.clone();
        let published = self
            .hub
            .publish_as(&self.path, description, Manner::Resending, unix_ms())
            .map_err(|error| End::NotPublished(error.to_string()))?;
        let (ended, over) = (self.ended.clone(), published.publication.ended.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = over.cancelled() => ended.cancel(),
                () = ended.cancelled() => {}
            }
        });
        let video = self.tracks.iter().position(|(_, kind)| *kind == Kind::Video);
        self.conductor = self.picture.as_ref().zip(video).map(|(picture, video)| {
            let (whole, count) = (&published.publication, self.layers.len());
            conduct(Some(&self.hub), whole, video, picture, count, Manner::Resending)
        });
        published.publication.keyframes.probe();
        self.published = Some(published);
        Ok(())
    }

    /// Done when the client is to be asked for a keyframe.
    pub(super) async fn keyframe_due(&mut self) -> Asked {
        let Some(published) = &self.published else {
            return std::future::pending().await;
        };
        let publication = &published.publication;
        loop {
            tokio::select! {
                // With layers, the conductor says of which one the whole stream's picture is.
                asked = asked(&mut self.conductor) => return Asked::Layer(asked),
                () = publication.keyframes.due(), if self.layers.is_empty() => return Asked::Picture,
                _ = self.keyframes.tick() => if publication.has_players() { publication.keyframes.ask() },
            }
        }
    }

    pub(super) fn ask_for_keyframe(&self, asked: Asked, rtc: &mut Rtc, counters: &Counters) {
        let layer = match asked {
            Asked::Picture => None,
            Asked::Layer(layer) => match self.layers.get(layer) {
                Some(name) => Some(Rid::from(name.as_str())),
                None => return,
            },
        };
        for (mid, _) in self.tracks.iter().filter(|(_, kind)| *kind == Kind::Video) {
            if let Some(stream) = rtc.direct_api().stream_rx_by_mid(*mid, layer) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
                counters.keyframes_asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn event(&mut self, event: Event, rtc: &mut Rtc) {
        match event {
            Event::RtpPacket(packet) => {
                if let Some(decibels) = packet.header.ext_vals.audio_level {
                    self.hub.heard(&self.path, decibels);
                }
                if let Some(orientation) = packet.header.ext_vals.video_orientation
                    && self.upright.take(orientation)
                    && let Some(published) = &self.published
                {
                    published.publication.keyframes.ask();
                }
                if let Some(part) = self.part_of(&packet, rtc) {
                    let is_picture = self.is_picture(part);
                    let turned = Some(&self.upright).filter(|_| is_picture && self.is_h264);
                    let turned = turned.and_then(|upright| upright.payload(&packet.payload));
                    let payload = turned.as_deref().unwrap_or(&packet.payload);
                    let quarters = self.upright.quarters().filter(|_| is_picture);
                    self.hand_in(part, Flow::Rtp, plain(&packet, payload, quarters));
                }
            }
            Event::SenderFeedback(feedback) => {
                if let Some(part) = self.part(feedback.mid, feedback.rid) {
                    self.hand_in(part, Flow::Rtcp, report(&feedback.sender_info));
                }
            }
            _ => {}
        }
    }

    fn is_picture(&self, part: Part) -> bool {
        match part {
            Part::Layer(_) => true,
            Part::Track(track) => self.tracks.get(track).is_some_and(|(_, kind)| *kind == Kind::Video),
        }
    }

    fn hand_in(&self, part: Part, flow: Flow, packet: Bytes) {
        match part {
            Part::Track(track) => {
                if let Some(published) = &self.published {
                    published.publication.relay(track, flow, packet);
                }
            }
            Part::Layer(layer) => {
                if let Some(conductor) = &self.conductor {
                    conductor.relay(layer, flow, packet);
                }
            }
        }
    }

    fn part_of(&mut self, packet: &RtpPacket, rtc: &mut Rtc) -> Option<Part> {
        let ssrc = packet.header.ssrc;
        if let Some(part) = self.sources.get(&ssrc) {
            return Some(*part);
        }
        let (mid, rid) = {
            let mut api = rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let part = self.part(mid, rid)?;
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
        }
        self.sources.insert(*ssrc, part);
        Some(part)
    }

    fn part(&self, mid: Mid, rid: Option<Rid>) -> Option<Part> {
        let track = self.tracks.iter().position(|(of, _)| *of == mid)?;
        let is_layered =
            self.tracks.get(track).is_some_and(|(_, kind)| *kind == Kind::Video) && !self.layers.is_empty();
        if !is_layered {
            return Some(Part::Track(track));
        }
        let rid = rid?;
        let layer = self.layers.iter().position(|name| Rid::from(name.as_str()) == rid)?;
        Some(Part::Layer(layer))
    }
}

async fn asked(conductor: &mut Option<Conductor>) -> usize {
    match conductor {
        Some(conductor) => conductor.asked().await,
        None => std::future::pending().await,
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// A packet with this payload, without what was between the client and this server only, but for how loud it is and how the picture
/// that it ends has to be turned.
fn plain(packet: &RtpPacket, payload: &[u8], quarters: Option<Quarters>) -> Bytes {
    let header = &packet.header;
    // Other nodes that read it hear by this who speaks.
    let level = header.ext_vals.audio_level.map(rtp::audio_level_extension);
    let turn = quarters.filter(|_| header.marker).map(rtp::turn_extension);
    let extension = turn.or(level);
    let mut plain = BytesMut::with_capacity(20 + payload.len());
    plain.put_u8(0x80 | u8::from(extension.is_some()) << 4);
    plain.put_u8(u8::from(header.marker) << 7 | (*header.payload_type & 0x7f));
    plain.put_u16(header.sequence_number);
    plain.put_u32(header.timestamp);
    plain.put_u32(*header.ssrc);
    plain.put_slice(extension.as_ref().map_or(&[], |extension| &extension[..]));
    plain.put_slice(payload);
    plain.freeze()
}

/// A sender report that says the same.
fn report(info: &SenderInfo) -> Bytes {
    let since = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut report = BytesMut::with_capacity(28);
    report.put_slice(&[0x80, 200, 0, 6]);
    report.put_u32(*info.ssrc);
    report.put_u32((since.as_secs() + NTP_OFFSET_S) as u32);
    report.put_u32(((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000) as u32);
    report.put_u32(info.rtp_time.numer() as u32);
    report.put_u32(info.sender_packet_count);
    report.put_u32(info.sender_octet_count);
    report.freeze()
}
