use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use protocol::{Secret, SecretUrl, redact_urls};
use retina::client::{
    Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PacketItem, PlayOptions, Playing, Session,
    SessionOptions, SetupOptions, TcpTransportOptions, UdpTransportOptions, UnknownRtcpSsrcPolicy,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::outlet::{Closed, Outlet};
use super::proxy::{Address, Login, Proxy};
use super::sdp::{Offer, offers};
use super::tolerance::Tolerance;
use crate::encryption::{Keys, Lock};
use crate::hub::rtp;
use crate::stream::{
    Clock, Packet, RtpStream, RtpTrack, SenderReport, StreamEnd, StreamEvent, Track, UserClock, depacketizer,
};

/// For each of connecting with DESCRIBE, SETUP and PLAY.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// What is shorter is part of any word.
const MIN_SECRET_BYTES: usize = 4;
/// The longest text of an error that is told.
const MAX_REASON_CHARS: usize = 200;

/// What to capture.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// `rtsp://host[:port]/path`, or with `rtsps`, `rtsp+http` or `rtsps+http`. A user name and password in it are used, unless
    /// given below.
    pub url: SecretUrl,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Others built what sends it, and it is put right on its way; streams of channel servers are so already.
    pub foreign: bool,
    pub want: Wanted,
    /// By which the stream is decrypted. Without them an encrypted one is left out.
    pub keys: Option<Arc<Keys>>,
    pub clock: Clock,
    pub user: UserClock,
    /// How long the first media may take to come before the stream counts as [`StreamEnd::Silent`],
    pub first_media_timeout: Duration,
    /// and what follows: the connection lives all the while, and some send a picture now and then.
    pub silence_timeout: Duration,
    pub transport: Transport,
}

/// The kinds of media that are wanted; of each kind one track is captured, the first that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub audio: bool,
    pub video: bool,
}

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved with RTSP on one connection.
    #[default]
    Tcp,
    /// Packets that come out of order are lost, and nothing is put right. Only for plain `rtsp://`.
    Udp,
}

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

struct Connected {
    proxy: Option<Proxy>,
    session: Session<Playing>,
    stream: RtpStream,
    /// By the session's stream ids, the track's index.
    tracks: Vec<Option<usize>>,
}

/// Opens the session; `events` tells of tracks that cannot be recorded. An error's text is for a person, and without
/// credentials.
async fn connect(request: &CaptureRequest, events: &mut Vec<StreamEvent>) -> Result<Connected, String> {
    let (url, login) = address(request)?;
    let way = Address::parse(&url)?;
    let user = request.user.join(&stream_name(&url));
    let options = SessionOptions::default();
    let (proxy, url, options) = if way.is_plain() && (request.transport == Transport::Udp || !request.foreign) {
        let credentials = login.map(|(username, password)| retina::client::Credentials {
            username,
            password: password.expose().to_owned(),
        });
        (None, url, options.creds(credentials).user_agent("Tapedeck".to_owned()))
    } else {
        let login = login.map(|(username, password)| Login::new(username, password));
        let proxy = Proxy::open(way, login).await?;
        let (url, key) = (proxy.url.clone(), proxy.key.clone());
        (Some(proxy), url, options.user_agent(key))
    };
    let transport = || match request.transport {
        Transport::Udp if proxy.is_none() => retina::client::Transport::Udp(UdpTransportOptions::default()),
        Transport::Tcp | Transport::Udp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
    };
    let mut session = step(&url, "DESCRIBE", Session::describe(url.clone(), options)).await?;
    let offered = match_streams(&session);
    let mut tracks = Vec::new();
    let mut captured = Vec::new();
    for kind in [Track::Audio, Track::Video] {
        let wanted = match kind {
            Track::Audio => request.want.audio,
            Track::Video => request.want.video,
        };
        let of_kind = offered.iter().filter(|(_, offer)| wanted && offer.track == kind);
        let mut refused = Vec::new();
        let mut chosen = None;
        for (id, offer) in of_kind {
            match depacketizer(&offer.format) {
                Ok(depacketizer) => {
                    chosen = Some((*id, offer.format.clock_rate, depacketizer));
                    break;
                }
                Err(codec) => refused.push(StreamEvent::Unsupported(kind, codec)),
            }
        }
        let Some((id, clock_rate, depacketizer)) = chosen else {
            events.append(&mut refused);
            continue;
        };
        let setup = SetupOptions::default().transport(transport());
        step(&url, "SETUP", session.setup(id, setup)).await?;
        captured.push((id, tracks.len()));
        tracks.push(RtpTrack::new(
            kind,
            clock_rate,
            depacketizer,
            Box::new(Lock::new(kind, request.keys.clone())),
            user.end_us(kind),
        ));
    }
    if tracks.is_empty() {
        let names: Vec<&str> = offered
            .iter()
            .map(|(_, offer)| offer.format.encoding.as_str())
            .collect();
        return Err(format!(
            "the source offers nothing that was asked for and can be recorded (it offers: {names:?})"
        ));
    }
    let mut by_id = vec![None; session.streams().len()];
    for (id, index) in captured {
        if let Some(slot) = by_id.get_mut(id) {
            *slot = Some(index);
        }
    }
    // Sources are live and their headers often wrong: sequence numbers and times are taken from the packets.
    let play = PlayOptions::default()
        .initial_timestamp(InitialTimestampPolicy::Permissive)
        .initial_seq(InitialSequenceNumberPolicy::Ignore)
        .unknown_rtcp_ssrc(UnknownRtcpSsrcPolicy::ProcessPackets);
    let session = step(&url, "PLAY", session.play(play)).await?;
    Ok(Connected {
        proxy,
        session,
        stream: RtpStream::new(tracks, user),
        tracks: by_id,
    })
}

/// The session's streams beside what the session description says of them: both keep its order, but the session leaves
/// out what it cannot read.
fn match_streams(session: &Session<Described>) -> Vec<(usize, Offer)> {
    let mut offers = offers(session.sdp()).into_iter();
    let streams = session.streams().iter().enumerate();
    let matched = streams
        .filter(|(_, stream)| matches!(stream.media(), "audio" | "video"))
        .map(|(id, stream)| {
            let same = |offer: &Offer| {
                offer.payload_type == stream.rtp_payload_type() && offer.format.encoding == stream.encoding_name()
            };
            offers.find(same).map(|offer| (id, offer))
        });
    matched.flatten().collect()
}

/// The stream's URL without credentials, and these.
fn address(request: &CaptureRequest) -> Result<(Url, Option<(String, Secret)>), String> {
    let mut url =
        Url::parse(request.url.expose()).map_err(|error| format!("the source's URL cannot be read: {error}"))?;
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let username = request
        .username
        .clone()
        .or_else(|| Some(decode(url.username())).filter(|name| !name.is_empty()));
    let password = request
        .password
        .clone()
        .or_else(|| url.password().map(decode).map(Secret::new));
    // Both succeed on a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let login = (username.is_some() || password.is_some())
        .then(|| (username.unwrap_or_default(), password.unwrap_or_default()));
    Ok((url, login))
}

/// A name that stays the same from session to session with the stream; the key that the URL's query may carry is no part of it.
fn stream_name(url: &Url) -> String {
    format!(
        "{}:{}{}",
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or(554),
        url.path()
    )
}

async fn step<T>(url: &Url, name: &str, work: impl Future<Output = Result<T, retina::Error>>) -> Result<T, String> {
    match timeout(STEP_TIMEOUT, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(match error.status_code() {
            Some(404) => format!("the source answered {name} with 404: there is no such stream"),
            Some(status @ (401 | 403)) => {
                format!("the source answered {name} with {status}: its credentials are needed")
            }
            _ => format!("{name} failed: {}", reason(&error, url)),
        }),
        Err(_) => Err(format!(
            "the source did not answer {name} within {} s",
            STEP_TIMEOUT.as_secs()
        )),
    }
}

/// The first line of an error, without what can be secret in the URL: retina tells parts of it as well.
fn reason(error: &retina::Error, url: &Url) -> String {
    let text = error.to_string();
    let line = redact_urls(text.lines().next().unwrap_or_default());
    let parts = [url.path().trim_matches('/'), url.query().unwrap_or_default()];
    let secrets = parts.into_iter().filter(|part| part.len() >= MIN_SECRET_BYTES);
    let told = secrets.fold(line, |line, secret| line.replace(secret, "…"));
    told.chars().take(MAX_REASON_CHARS).collect()
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
        tracks,
    } = connected;
    let mut events = Vec::new();
    let mut silent_at = Instant::now() + request.first_media_timeout;
    let mut tolerance = Tolerance::new(tracks.iter().flatten().count());
    let mut last_error = None;
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
                if let Some(index) = tracks.get(packet.stream_id()).copied().flatten() {
                    tolerance.good(index, request.clock.now_us());
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
                }
            }
            Next::Packet(Some(Ok(PacketItem::Rtcp(compound)))) => {
                let report = compound
                    .pkts()
                    .find_map(|packet| packet.as_sender_report().ok().flatten());
                let index = tracks.get(compound.stream_id()).copied().flatten();
                if let (Some(index), Some(report)) = (index, report)
                    && let Some(ntp_us) = ntp_us(report.ntp_timestamp().0)
                {
                    let report = SenderReport {
                        ntp_us,
                        timestamp: report.rtp_timestamp(),
                    };
                    stream.report(
                        index,
                        report,
                        request.clock.us_at(compound.ctx().received()),
                        &mut events,
                    );
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
