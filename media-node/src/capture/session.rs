use std::time::Duration;

use futures_util::StreamExt;
use protocol::TrackKind;
use retina::client::PacketItem;
use retina::rtcp::ReceivedCompoundPacket;
use retina::rtp::ReceivedPacket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::connect::{Captured, Connected, connect, reason};
use super::outlet::{Closed, Outlet};
use super::payload_types::Load;
use super::proxy::Proxy;
use super::request::CaptureRequest;
use super::tolerance::Tolerance;
use super::wish::Asker;
use crate::hub::{LeftOut, rtp};
use crate::stream::{Packet, RtpStream, SenderReport, StreamEnd, StreamEvent, Track};

/// Of packets that are left out.
const STRANGE: &str = "their payload type is not the one that was announced";

/// Captures a stream in a task of its own until it ends or the receiver is dropped, which sends TEARDOWN.
///
/// Needs a Tokio runtime. The last event is [`StreamEvent::Ended`]. A receiver that falls behind holds the source back
/// (TCP) or loses packets (UDP); behind for longer than half the RTSP session's time-out, it loses the session.
pub fn open(request: CaptureRequest) -> mpsc::Receiver<StreamEvent> {
    let (outlet, receiver) = Outlet::new();
    tokio::spawn(run(request, outlet));
    receiver
}

async fn run(request: CaptureRequest, mut outlet: Outlet) {
    let mut events = Vec::new();
    let connected = tokio::select! {
        connected = connect(&request, &mut events) => connected,
        () = outlet.closed() => return,
    };
    for event in events {
        if outlet.send(event).await.is_err() {
            return;
        }
    }
    let end = match connected {
        Ok(connected) => match capture(&request, connected, &mut outlet).await {
            Ok(end) => end,
            Err(Closed) => return,
        },
        Err(reason) => StreamEnd::Failed(reason),
    };
    // The receiver may be gone by now, and then nobody waits for the end.
    let _ = outlet.send(StreamEvent::Ended(end)).await;
}

/// Of which kinds it was told that nothing can be read.
#[derive(Default)]
struct Unreadable(Vec<TrackKind>);

impl Unreadable {
    fn tell(&mut self, kind: TrackKind, why: &'static str, events: &mut Vec<StreamEvent>) {
        if !self.0.contains(&kind) {
            self.0.push(kind);
            let track = match kind {
                TrackKind::Audio => Track::Audio,
                TrackKind::Video | TrackKind::Both => Track::Video,
            };
            events.push(StreamEvent::NoEntry(track, Some(why)));
        }
    }
}

enum Next {
    Packet(Option<Result<PacketItem, retina::Error>>),
    Tick,
    Silent,
    Closed,
}

async fn capture(request: &CaptureRequest, connected: Connected, outlet: &mut Outlet) -> Result<StreamEnd, Closed> {
    let Connected {
        proxy,
        mut session,
        stream,
        tracks,
        asker,
    } = connected;
    let mut reading = Reading {
        request,
        stream,
        tolerance: Tolerance::new(tracks.iter().flatten().count()),
        tracks,
        asker,
        unreadable: Unreadable::default(),
        events: Vec::new(),
    };
    let mut silent_at = Instant::now() + request.first_media_timeout;
    let mut last_error = None;
    let end = loop {
        let tick_at = reading.stream.deadline_us().map(|at_us| {
            let wait_us = at_us.saturating_sub(request.clock.now_us()).max(0);
            Instant::now() + Duration::from_micros(wait_us.unsigned_abs())
        });
        let next = tokio::select! {
            item = session.next() => Next::Packet(item),
            () = sleep_until(tick_at.unwrap_or(silent_at)), if tick_at.is_some() => Next::Tick,
            () = sleep_until(silent_at) => Next::Silent,
            () = outlet.closed() => Next::Closed,
        };
        let (mut is_sending, mut is_picture) = (false, false);
        match next {
            Next::Packet(Some(Ok(PacketItem::Rtp(packet)))) => {
                last_error = None;
                is_sending = true;
                is_picture = reading.rtp(packet);
            }
            Next::Packet(Some(Ok(PacketItem::Rtcp(compound)))) => is_sending = reading.rtcp(&compound),
            Next::Packet(Some(Ok(_))) => {}
            Next::Packet(Some(Err(error))) => {
                let url = Url::parse(request.url.expose()).ok();
                let text = url.map_or_else(|| "the session broke off".to_owned(), |url| reason(&error, &url));
                if !reading.tolerance.bad(&text, request.clock.now_us()) {
                    break StreamEnd::Failed(text);
                }
                tracing::debug!(reason = text, "a packet is left out");
                last_error = Some(text);
            }
            // Behind an error it was the connection's.
            Next::Packet(None) => {
                let fault = last_error.or_else(|| proxy.as_ref().and_then(Proxy::fault));
                break fault.map_or(StreamEnd::Finished, StreamEnd::Failed);
            }
            Next::Tick => reading.stream.tick(request.clock.now_us(), &mut reading.events),
            Next::Silent => break StreamEnd::Silent,
            Next::Closed => return Err(Closed),
        }
        reading.ask(is_picture);
        for event in reading.events.drain(..) {
            outlet.send(event).await?;
        }
        if is_sending {
            // Behind the sending: the time that the receiver took is not the source's silence.
            silent_at = Instant::now() + request.silence_timeout;
        }
    };
    let Reading {
        mut stream, mut events, ..
    } = reading;
    stream.finish(&mut events);
    for event in events {
        outlet.send(event).await?;
    }
    Ok(end)
}

/// What comes over an open session, made events.
struct Reading<'a> {
    request: &'a CaptureRequest,
    stream: RtpStream,
    /// By the session's stream ids.
    tracks: Vec<Option<Captured>>,
    asker: Asker,
    tolerance: Tolerance,
    unreadable: Unreadable,
    events: Vec<StreamEvent>,
}

impl Reading<'_> {
    /// Whether it is a packet of the picture.
    fn rtp(&mut self, packet: ReceivedPacket) -> bool {
        let Some(captured) = self.tracks.get_mut(packet.stream_id()).and_then(Option::as_mut) else {
            return false;
        };
        let (index, now_us) = (captured.index, self.request.clock.now_us());
        self.tolerance.good(index, now_us);
        let header = packet.header();
        let load = captured.types.take(header.payload_type());
        if load == Load::Media {
            if let Some(quarters) = rtp::turn(packet.raw()) {
                self.stream.turned(index, quarters);
            }
            let packet = Packet {
                arrival_us: self.request.clock.us_at(packet.ctx().received()),
                sequence: header.sequence_number(),
                timestamp: header.timestamp(),
                marker: header.mark(),
                payload: packet.into_payload_bytes(),
            };
            self.stream.packet(index, &packet, &mut self.events);
        } else {
            self.stream.pass_over(index, header.sequence_number(), &mut self.events);
        }
        if load == Load::Strange {
            self.stream.left_out(index, STRANGE, now_us, &mut self.events);
        }
        captured.kind == Track::Video
    }

    /// Whether it tells that the source sends, even if nothing of that can be used.
    fn rtcp(&mut self, compound: &ReceivedCompoundPacket) -> bool {
        let received_us = self.request.clock.us_at(compound.ctx().received());
        let captured = self.tracks.get(compound.stream_id()).and_then(Option::as_ref);
        let Some(index) = captured.map(|captured| captured.index) else {
            return false;
        };
        let (stream, events) = (&mut self.stream, &mut self.events);
        let left_out = LeftOut::read(compound.raw());
        match left_out {
            Some(LeftOut::Unreadable(kind)) => {
                self.unreadable.tell(kind, LeftOut::Unreadable(kind).why(), events);
            }
            Some(left_out) => stream.left_out(index, left_out.why(), received_us, events),
            None => {}
        }
        let report = compound
            .pkts()
            .find_map(|packet| packet.as_sender_report().ok().flatten());
        if let Some(report) = report {
            if let Some(packets) = report.raw().get(20..24).and_then(<[u8]>::first_chunk) {
                stream.sent(index, u32::from_be_bytes(*packets), received_us, events);
            }
            if let Some(ntp_us) = ntp_us(report.ntp_timestamp().0) {
                let report = SenderReport {
                    ntp_us,
                    timestamp: report.rtp_timestamp(),
                };
                stream.report(index, report, received_us, events);
            }
        }
        left_out.is_some()
    }

    /// Asks the source for a keyframe where what has happened calls for one, with the next packet of the picture.
    fn ask(&mut self, is_picture: bool) {
        let now_us = self.request.clock.now_us();
        self.asker.note(&self.events, now_us);
        if is_picture {
            self.asker.packet(now_us);
        }
    }
}

/// An NTP timestamp in microseconds; `None` for 0, which senders without a clock report.
fn ntp_us(timestamp: u64) -> Option<i64> {
    let seconds = timestamp >> 32;
    let fraction = timestamp & 0xffff_ffff;
    let us = seconds * 1_000_000 + ((fraction * 1_000_000) >> 32);
    (timestamp != 0).then_some(us as i64)
}
