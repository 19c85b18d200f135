//! From a request to a session that plays: which of the source's tracks are captured, and by which way.

use std::future::Future;
use std::time::Duration;

use protocol::{Secret, redact_urls};
use retina::client::{
    Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions, Playing, Session, SessionOptions,
    SetupOptions, TcpTransportOptions, UdpTransportOptions, UnknownRtcpSsrcPolicy,
};
use tokio::time::timeout;
use url::Url;

use super::payload_types::PayloadTypes;
use super::proxy::{Address, Login, Proxy};
use super::request::{CaptureRequest, Transport};
use super::sdp::{Offer, offers};
use super::wish::{Asker, Way};
use crate::encryption::Lock;
use crate::stream::{Depacketizer, RtpStream, RtpTrack, StreamEvent, Track, depacketizer};

/// For each of connecting with DESCRIBE, SETUP and PLAY.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// What is shorter is part of any word.
const MIN_SECRET_BYTES: usize = 4;
/// The longest text of an error that is told.
const MAX_REASON_CHARS: usize = 200;

/// A session that plays.
pub(super) struct Connected {
    pub(super) proxy: Option<Proxy>,
    pub(super) session: Session<Playing>,
    pub(super) stream: RtpStream,
    /// By the session's stream ids.
    pub(super) tracks: Vec<Option<Captured>>,
    pub(super) asker: Asker,
}

pub(super) struct Captured {
    /// Of its track.
    pub(super) index: usize,
    pub(super) kind: Track,
    pub(super) types: PayloadTypes,
}

/// Opens the session; `events` tells of tracks that cannot be recorded. An error's text is for a person, and without
/// credentials.
pub(super) async fn connect(request: &CaptureRequest, events: &mut Vec<StreamEvent>) -> Result<Connected, String> {
    let (url, login) = address(request)?;
    let way = Address::parse(&url)?;
    let user = request.user.join(&stream_name(&url));
    let Route {
        proxy,
        url,
        options,
        way_back,
    } = route(request, way, url, login).await?;
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
        let Some((id, offer, depacketizer)) = choose(of_kind, events) else {
            continue;
        };
        let setup = SetupOptions::default().transport(transport());
        step(&url, "SETUP", session.setup(id, setup)).await?;
        captured.push((
            id,
            Captured {
                index: tracks.len(),
                kind,
                types: PayloadTypes::new(offer),
            },
        ));
        tracks.push(RtpTrack::new(
            kind,
            offer.format.clock_rate,
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
    let mut by_id: Vec<_> = session.streams().iter().map(|_| None).collect();
    for (id, captured) in captured {
        if let Some(slot) = by_id.get_mut(id) {
            *slot = Some(captured);
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
        asker: Asker::new(way_back, request.keyframes.clone(), request.clock.now_us()),
    })
}

/// How a source is reached.
struct Route {
    proxy: Option<Proxy>,
    url: Url,
    options: SessionOptions,
    /// By which it is asked for keyframes.
    way_back: Way,
}

/// By itself where that will do, else through a proxy.
async fn route(
    request: &CaptureRequest,
    way: Address,
    url: Url,
    login: Option<(String, Secret)>,
) -> Result<Route, String> {
    let options = SessionOptions::default();
    if way.is_plain() && (request.transport == Transport::Udp || !request.foreign) {
        let credentials = login.clone().map(|(username, password)| retina::client::Credentials {
            username,
            password: password.expose().to_owned(),
        });
        let way_back = match request.foreign {
            false => Way::Server(url.clone(), login),
            true => Way::None,
        };
        return Ok(Route {
            proxy: None,
            url,
            options: options.creds(credentials).user_agent("Tapedeck".to_owned()),
            way_back,
        });
    }
    let login = login.map(|(username, password)| Login::new(username, password));
    let proxy = Proxy::open(way, login).await?;
    Ok(Route {
        url: proxy.url.clone(),
        options: options.user_agent(proxy.key.clone()),
        way_back: Way::Proxy(proxy.asking()),
        proxy: Some(proxy),
    })
}

/// The first of a kind's offers that can be recorded; where none can, `events` tells of all.
fn choose<'a>(
    of_kind: impl Iterator<Item = &'a (usize, Offer)>,
    events: &mut Vec<StreamEvent>,
) -> Option<(usize, &'a Offer, Box<dyn Depacketizer>)> {
    let mut refused = Vec::new();
    for (id, offer) in of_kind {
        match depacketizer(&offer.format) {
            Ok(depacketizer) => return Some((*id, offer, depacketizer)),
            Err(codec) => refused.push(StreamEvent::Unsupported(offer.track, codec)),
        }
    }
    events.append(&mut refused);
    None
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
pub(super) fn reason(error: &retina::Error, url: &Url) -> String {
    let text = error.to_string();
    let line = redact_urls(text.lines().next().unwrap_or_default());
    let parts = [url.path().trim_matches('/'), url.query().unwrap_or_default()];
    let secrets = parts.into_iter().filter(|part| part.len() >= MIN_SECRET_BYTES);
    let told = secrets.fold(line, |line, secret| line.replace(secret, "…"));
    told.chars().take(MAX_REASON_CHARS).collect()
}
