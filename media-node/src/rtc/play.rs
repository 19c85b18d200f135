//! What a client is sent: the packets of one publication, numbered anew for it, with times from its publisher's sender reports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};
use str0m::rtp::RtpWrite;
use str0m::{Event, Rtc};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::offer::{Format, Kind, Offer, OfferError, Section, parameter};
use super::parameter_sets::ParameterSets;
use crate::channel::{MediaTrack, StreamPath};
use crate::hub::{Flow, Overflow, Packet, Publication, Receiver, SubscribeError, rtp};
use protocol::TrackKind;

/// Packets that are sent before anything else is looked at.
const BATCH: usize = 32;
/// A greater step in the sequence numbers is none.
const MAX_STEP: u16 = 3_000;

/// One player.
pub(super) struct Playing {
    publication: Arc<Publication>,
    tracks: Vec<Track>,
    queue_bytes: usize,
    packets: Option<Receiver>,
    /// The moment that the publisher's clock calls 0, in its own seconds.
    origin: Option<(Instant, Duration)>,
}

struct Track {
    /// In the publication.
    index: usize,
    mid: Mid,
    payload_type: Pt,
    clock_rate: u64,
    is_video: bool,
    sequence: u64,
    /// The publisher's number of the last packet.
    last: Option<u16>,
    /// What a browser needs in front of keyframes.
    sets: Option<ParameterSets>,
    /// The publisher's time of one timestamp.
    reported: Option<(u32, Duration)>,
}

/// The format of each medium by which this publication can be played.
pub(super) fn choose(publication: &Publication, section: &Section, formats: &[Format]) -> Result<usize, OfferError> {
    let Some(track) = track_of(publication, section.kind) else {
        // Nothing will come by it.
        return Ok(0);
    };
    if !section.receives {
        return Ok(0);
    }
    let is_codec = |format: &&Format| format.name == track.codec;
    let same = |name: &str, format: &Format| {
        parameter(&format.parameters, name).map(str::to_ascii_lowercase)
            == parameter(&track.parameters, name).map(str::to_ascii_lowercase)
    };
    let score = |format: &Format| match format.name {
        "H264" if !format.fits_networks() => 0,
        "H264" => {
            let profile = |parameters: &str| {
                let profile = parameter(parameters, "profile-level-id").unwrap_or_default();
                profile.get(..4).map(str::to_ascii_lowercase)
            };
            1 + u8::from(profile(&format.parameters) == profile(&track.parameters))
        }
        "VP9" => 1 + u8::from(same("profile-id", format)),
        _ => 1,
    };
    let known = formats.iter().enumerate().filter(|(_, format)| is_codec(format));
    // Of equals the one that the client prefers.
    let best = known
        .map(|(index, format)| (score(format), std::cmp::Reverse(index)))
        .filter(|(score, _)| *score > 0)
        .max();
    best.map(|(_, std::cmp::Reverse(index))| index).ok_or_else(|| {
        let (codec, what) = (&track.codec, if section.kind == Kind::Video { "picture" } else { "sound" });
        let other = if section.kind == Kind::Video { "sound" } else { "picture" };
        OfferError::NotTaken(format!(
            "the stream's {what} is {codec}, which the offer does not take and this server does not transcode: play it by RTSP, \
             or offer to receive its {other} only"
        ))
    })
}

fn track_of(publication: &Publication, kind: Kind) -> Option<&MediaTrack> {
    let wanted = match kind {
        Kind::Audio => TrackKind::Audio,
        Kind::Video => TrackKind::Video,
    };
    publication
        .description
        .tracks()
        .iter()
        .find(|track| track.kind == wanted)
}

impl Playing {
    /// `formats`: those of the offer's media, as [`choose`] says.
    pub(super) fn new(
        publication: Arc<Publication>,
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
            let known = track_of(&publication, section.kind)?;
            let index = publication
                .description
                .tracks()
                .iter()
                .position(|track| std::ptr::eq(track, known))?;
            Some(Track {
                index,
                mid: Mid::from(section.mid.as_str()),
                payload_type: Pt::from(format.payload_type),
                clock_rate: format.clock_rate.into(),
                is_video: section.kind == Kind::Video,
                sequence: 1,
                last: None,
                sets: ParameterSets::told(&known.parameters).filter(|_| format.name == "H264"),
                reported: None,
            })
        };
        let tracks: Vec<Track> = taken.filter_map(track).collect();
        if tracks.is_empty() {
            let reason = "the offer receives nothing that the stream has: offer media that are recvonly";
            return Err(OfferError::NotTaken(reason.to_owned()));
        }
        Ok(Self {
            publication,
            tracks,
            queue_bytes,
            packets: None,
            origin: None,
        })
    }

    pub(super) fn path(&self) -> &StreamPath {
        &self.publication.path
    }

    pub(super) fn ended(&self) -> CancellationToken {
        self.publication.ended.clone()
    }

    pub(super) fn connected(&mut self) -> Result<(), End> {
        if self.packets.is_some() {
            // By another network: what is shown begins anew.
            self.publication.keyframes.ask();
            return Ok(());
        }
        let tracks: Vec<usize> = self.tracks.iter().map(|track| track.index).collect();
        let subscribed = self
            .publication
            .subscribe(&tracks, self.queue_bytes, Overflow::Drop, false);
        let subscription = subscribed.map_err(|error| match error {
            SubscribeError::Ended => End::StreamEnded,
            SubscribeError::TooManyPlayers => {
                End::NotPublished("the stream has as many players as it may have".to_owned())
            }
        })?;
        self.packets = Some(subscription.packets);
        Ok(())
    }

    /// The next packet for the client; `None` when there will be no more.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        match &mut self.packets {
            Some(packets) => packets.next().await,
            None => std::future::pending().await,
        }
    }

    /// Sends a packet, and what is queued behind it.
    pub(super) fn send(&mut self, first: Packet, rtc: &mut Rtc) {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(packet) = next else { return };
            self.send_one(&packet, rtc);
            next = self.packets.as_mut().and_then(Receiver::try_next);
        }
        if let Some(packet) = next {
            self.send_one(&packet, rtc);
        }
    }

    fn send_one(&mut self, packet: &Packet, rtc: &mut Rtc) {
        let now = Instant::now();
        let Some(track) = self.tracks.iter_mut().find(|track| track.index == packet.track) else {
            return;
        };
        if packet.flow == Flow::Rtcp {
            if let Some((timestamp, sent)) = rtp::reported_time(&packet.payload) {
                track.reported = Some((timestamp, sent));
                self.origin.get_or_insert((now, sent));
            }
            return;
        }
        let (Some(head), Some(payload)) = (rtp::rtp_head(&packet.payload), rtp::payload(&packet.payload)) else {
            return;
        };
        let step = track.last.map_or(0, |last| head.sequence.wrapping_sub(last));
        // The next number is free already; what was lost keeps its own.
        track.sequence += match step {
            1..MAX_STEP => u64::from(step - 1),
            _ => 0,
        };
        track.last = Some(head.sequence);
        let wallclock = self
            .origin
            .and_then(|origin| track.time(head.timestamp, origin))
            .unwrap_or(now);
        let marker = packet.payload.get(1).is_some_and(|second| second & 0x80 != 0);
        let ahead = track
            .sets
            .as_mut()
            .and_then(|sets| sets.ahead_of(head.timestamp, payload));
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(track.mid, None) else {
            return;
        };
        for (payload, marker) in ahead.map(|sets| (sets, false)).into_iter().chain([(payload, marker)]) {
            let sequence = track.sequence.into();
            let write = RtpWrite::new(track.payload_type, sequence, head.timestamp, wallclock, payload);
            stream.write_rtp(write.marker(marker).nackable(track.is_video));
            track.sequence += 1;
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Event::KeyframeRequest(_) = event {
            self.publication.keyframes.ask();
        }
    }
}

impl Track {
    /// When the publisher had this timestamp, by this machine's clock.
    fn time(&self, timestamp: u32, (begin, origin): (Instant, Duration)) -> Option<Instant> {
        let (reported, sent) = self.reported?;
        let ticks = i64::from(timestamp.wrapping_sub(reported) as i32);
        let since_report = Duration::from_micros(ticks.unsigned_abs() * 1_000_000 / self.clock_rate.max(1));
        let at = match ticks {
            0.. => sent.checked_add(since_report)?,
            _ => sent.checked_sub(since_report)?,
        };
        match at.checked_sub(origin) {
            Some(later) => begin.checked_add(later),
            None => begin.checked_sub(origin.saturating_sub(at)),
        }
    }
}
