use std::time::Duration;

use futures_util::StreamExt;
use protocol::TrackKind;
use retina::client::PacketItem;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::connect::{Connected, connect, reason};
use super::outlet::{Closed, Outlet};
use super::payload_types::Load;
use super::proxy::Proxy;
use super::request::CaptureRequest;
use super::tolerance::Tolerance;
use crate::hub::{LeftOut, rtp};
use crate::stream::{Packet, SenderReport, StreamEnd, StreamEvent, Track};

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
        mut stream,
        mut tracks,
        mut asker,
    } = connected;
    let mut events = Vec::new();
    let mut silent_at = Instant::now() + request.first_media_timeout;
    let mut tolerance = Tolerance::new(tracks.iter().flatten().count());
    let mut last_error = None;
    let mut unreadable = Unreadable::default();
    let end = loop {
        let tick_at = stream.deadline_us().map(|at_us| {
            let wait_us = at_us.saturating_sub(request.clock.now_us()).max(0);
            Instant::now() + Duration::from_micros(wait_us.unsigned_abs())
        });
        let next = tokio::select! {
            item = session.next() => Next::Packet(item),
            () = sleep_until(tick_at.unwrap_or(silent_at)), if tick_at.is_some() => Next::Tick,
            () = sleep_until(silent_at) => Next::Silent,
            () = outlet.closed() => Next::Closed,
        };
        let mut media = false;
        match next {
            Next::Packet(Some(Ok(PacketItem::Rtp(packet)))) => {
                media = true;
                let header = packet.header();
                last_error = None;
                if let Some(captured) = tracks.get_mut(packet.stream_id()).and_then(Option::as_mut) {
                    let (index, now_us) = (captured.index, request.clock.now_us());
                    tolerance.good(index, now_us);
                    let load = captured.types.take(header.payload_type());
                    if load == Load::Media {
                        if let Some(quarters) = rtp::turn(packet.raw()) {
                            stream.turned(index, quarters);
                        }
                        let packet = Packet {
                            arrival_us: request.clock.us_at(packet.ctx().received()),
                            sequence: header.sequence_number(),
                            timestamp: header.timestamp(),
                            marker: header.mark(),
                            payload: packet.into_payload_bytes(),
                        };
                        stream.packet(index, &packet, &mut events);
                    } else {
                        stream.pass_over(index, header.sequence_number(), &mut events);
                    }
                    if load == Load::Strange {
                        stream.left_out(index, STRANGE, now_us, &mut events);
                    }
                    asker.note(&events, now_us);
                    if captured.kind == Track::Video {
                        asker.packet(now_us);
                    }
                }
            }
            Next::Packet(Some(Ok(PacketItem::Rtcp(compound)))) => {
                let report = compound
                    .pkts()
                    .find_map(|packet| packet.as_sender_report().ok().flatten());
                let received_us = request.clock.us_at(compound.ctx().received());
                let captured = tracks.get(compound.stream_id()).and_then(Option::as_ref);
                let Some(index) = captured.map(|captured| captured.index) else {
                    continue;
                };
                if let Some(left_out) = LeftOut::read(compound.raw()) {
                    // It sends, even if nothing of it can be used.
                    media = true;
                    match left_out {
                        LeftOut::Unreadable(kind) => unreadable.tell(kind, left_out.why(), &mut events),
                        _ => stream.left_out(index, left_out.why(), received_us, &mut events),
                    }
                }
                if let Some(report) = report {
                    if let Some(packets) = report.raw().get(20..24).and_then(<[u8]>::first_chunk) {
                        stream.sent(index, u32::from_be_bytes(*packets), received_us, &mut events);
                    }
                    if let Some(ntp_us) = ntp_us(report.ntp_timestamp().0) {
                        let report = SenderReport {
                            ntp_us,
                            timestamp: report.rtp_timestamp(),
                        };
                        stream.report(index, report, received_us, &mut events);
                    }
                }
            }
            Next::Packet(Some(Ok(_))) => {}
            Next::Packet(Some(Err(error))) => {
                let url = Url::parse(request.url.expose()).ok();
                let text = url.map_or_else(|| "the session broke off".to_owned(), |url| reason(&error, &url));
                if !tolerance.bad(&text, request.clock.now_us()) {
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
            Next::Tick => stream.tick(request.clock.now_us(), &mut events),
            Next::Silent => break StreamEnd::Silent,
            Next::Closed => return Err(Closed),
        }
        for event in events.drain(..) {
            outlet.send(event).await?;
        }
        if media {
            // Behind the sending: the time that the receiver took is not the source's silence.
            silent_at = Instant::now() + request.silence_timeout;
        }
    };
    stream.finish(&mut events);
    for event in events {
        outlet.send(event).await?;
    }
    Ok(end)
}

/// An NTP timestamp in microseconds; `None` for 0, which senders without a clock report.
fn ntp_us(timestamp: u64) -> Option<i64> {
    let seconds = timestamp >> 32;
    let fraction = timestamp & 0xffff_ffff;
    let us = seconds * 1_000_000 + ((fraction * 1_000_000) >> 32);
    (timestamp != 0).then_some(us as i64)
}
