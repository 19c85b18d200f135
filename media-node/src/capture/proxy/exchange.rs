//! The conversation between the client library and a source, as a function of what each of them sends.

use std::collections::VecDeque;

use bytes::Bytes;
use rtsp_types::headers::{
    AUTHORIZATION, CONTENT_BASE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, CSEQ, PUBLIC, SESSION, TRANSPORT,
    USER_AGENT, WWW_AUTHENTICATE,
};
use rtsp_types::{HeaderName, Method, Request, Response, StatusCode, Version};

use super::address::Address;
use super::feedback::Feedback;
use super::login::Login;
use super::track::{Out, Place, Track};
use crate::hub::{Description, Flow, normalised};
use crate::rtsp::target::find_control;
use crate::rtsp::wire::{Incoming, put_response, request_bytes};

/// Requests of the client that wait for their answers. It sends one after the other.
const MAX_PENDING: usize = 16;
/// What sources send before they answer PLAY is held for the client, which expects the answer first.
const MAX_EARLY: usize = 1 << 20;
/// What each of them costs beside its own bytes.
const EARLY_OVERHEAD: usize = 64;
/// Tracks that are set up at most: those that the channels of one connection can tell apart.
const MAX_TRACKS: usize = 128;
/// RFC 2326 §12.37.
const DEFAULT_SESSION_S: u32 = 60;
/// How the client knows the session, whatever the source calls it, and if that has no name for it.
const CLIENT_SESSION: &str = "1";

/// See the module.
pub(super) struct Exchange {
    source: Address,
    /// Of this machine, by which the client reaches the source.
    port: u16,
    /// Until the client has shown it.
    key: Option<String>,
    login: Option<Login>,
    pending: VecDeque<Pending>,
    sequence: u32,
    /// The source's name of the session.
    session: Option<String>,
    /// By which the source knows this side.
    ssrc: u32,
    description: Option<Description>,
    tracks: Vec<Track>,
    /// The source has refused interleaved packets.
    by_datagrams: bool,
    /// Pairs of ports that were opened.
    pairs: usize,
    /// What came before the answer to PLAY; `None` behind it.
    early: Option<Vec<(Place, Bytes)>>,
    early_bytes: usize,
}

/// Opens pairs of UDP ports on this machine.
pub(super) trait Ports {
    /// The even port of another pair; `None` when there is none to be had.
    fn open(&mut self) -> Option<u16>;
}

struct Pending {
    request: Request<Vec<u8>>,
    client_sequence: String,
    sequence: u32,
    with_login: bool,
    /// The channels that the client wants of a track,
    asked: Option<(u8, u8)>,
    /// and the pair of ports at which the source shall send it, by its number and its even port.
    pair: Option<(usize, u16)>,
}

/// Why the conversation is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Somebody else has connected.
    Stranger,
    /// The client asks without end.
    TooMuch,
    /// The source ends it.
    Source,
}

impl Exchange {
    pub(super) fn new(source: &Address, port: u16, key: String, login: Option<Login>) -> Self {
        Self {
            source: source.clone(),
            port,
            ssrc: key
                .as_bytes()
                .first_chunk()
                .map_or(1, |chance| u32::from_be_bytes(*chance)),
            description: None,
            key: Some(key),
            login,
            pending: VecDeque::new(),
            sequence: 0,
            session: None,
            tracks: Vec::new(),
            by_datagrams: false,
            pairs: 0,
            early: Some(Vec::new()),
            early_bytes: 0,
        }
    }

    /// A request of the client.
    pub(super) fn request(
        &mut self,
        mut request: Request<Vec<u8>>,
        ports: &mut impl Ports,
        out: &mut Out,
    ) -> Result<(), Over> {
        let text = |name: &HeaderName| request.header(name).map(|value| value.as_str().to_owned());
        if let Some(key) = &self.key {
            if text(&USER_AGENT).as_ref() != Some(key) {
                return Err(Over::Stranger);
            }
            self.key = None;
        }
        if self.pending.len() >= MAX_PENDING {
            return Err(Over::TooMuch);
        }
        let client_sequence = text(&CSEQ).unwrap_or_default();
        let asked = text(&TRANSPORT).and_then(|asked| channels(&asked));
        if let Some(url) = request.request_uri()
            && let Some(url) = self.source.at_source(url, self.port)
        {
            request.set_request_uri(Some(url));
        }
        request.insert_header(USER_AGENT, "Tapedeck");
        let mut pending = Pending {
            request,
            client_sequence,
            asked,
            sequence: 0,
            with_login: false,
            pair: None,
        };
        if self.by_datagrams && pending.request.method() == Method::Setup {
            pending.pair = self.open_pair(ports);
        }
        self.send(pending, out);
        Ok(())
    }

    /// The number and the even port of another pair; `None` when there is none to be had.
    fn open_pair(&mut self, ports: &mut impl Ports) -> Option<(usize, u16)> {
        let port = ports.open()?;
        self.pairs += 1;
        Some((self.pairs - 1, port))
    }

    fn send(&mut self, mut pending: Pending, out: &mut Out) {
        self.sequence += 1;
        pending.sequence = self.sequence;
        let request = &mut pending.request;
        request.insert_header(CSEQ, self.sequence.to_string());
        if let Some((_, port)) = pending.pair {
            request.insert_header(TRANSPORT, format!("RTP/AVP;unicast;client_port={port}-{}", port + 1));
        }
        match &self.session {
            Some(session) => request.insert_header(SESSION, session.clone()),
            None => request.remove_header(&SESSION),
        }
        let uri = request.request_uri().map_or("*", |url| url.as_str()).to_owned();
        let method = <&str>::from(request.method()).to_owned();
        match self.login.as_mut().and_then(|login| login.answer(&method, &uri)) {
            Some(answer) => request.insert_header(AUTHORIZATION, answer),
            None => request.remove_header(&AUTHORIZATION),
        }
        out.source.extend_from_slice(&request_bytes(request));
        self.pending.push_back(pending);
    }

    /// What the source sends, at a time in milliseconds.
    pub(super) fn incoming(
        &mut self,
        incoming: Incoming,
        ports: &mut impl Ports,
        now_ms: u64,
        out: &mut Out,
    ) -> Result<(), Over> {
        match incoming {
            Incoming::Response(response) => self.response(&response, ports, now_ms, out),
            Incoming::Request(request) => return Self::asked(&request, out),
            Incoming::Interleaved { channel, payload } => self.packet(Place::Channel(channel), payload, now_ms, out),
        }
        Ok(())
    }

    /// What the source sends to the ports of this number.
    pub(super) fn datagram(&mut self, pair: usize, flow: Flow, payload: Bytes, now_ms: u64, out: &mut Out) {
        self.packet(Place::Pair(pair, flow), payload, now_ms, out);
    }

    fn packet(&mut self, place: Place, payload: Bytes, now_ms: u64, out: &mut Out) {
        match &mut self.early {
            Some(early) if self.early_bytes + EARLY_OVERHEAD + payload.len() <= MAX_EARLY => {
                self.early_bytes += EARLY_OVERHEAD + payload.len();
                early.push((place, payload));
            }
            Some(_) => {}
            None => self.pass_on(place, payload, now_ms, out),
        }
    }

    /// Some sources ask whether the client is still there.
    fn asked(request: &Request<Vec<u8>>, out: &mut Out) -> Result<(), Over> {
        let (status, over) = match request.method() {
            Method::Options | Method::GetParameter | Method::SetParameter => (StatusCode::Ok, false),
            Method::Teardown => (StatusCode::Ok, true),
            _ => (StatusCode::NotImplemented, false),
        };
        let mut response = Response::builder(Version::V1_0, status).build(Vec::new());
        if let Some(sequence) = request.header(&CSEQ) {
            response.insert_header(CSEQ, sequence.clone());
        }
        put_response(&mut out.source, &response);
        if over { Err(Over::Source) } else { Ok(()) }
    }

    fn response(&mut self, response: &Response<Vec<u8>>, ports: &mut impl Ports, now_ms: u64, out: &mut Out) {
        let sequence: Option<u32> = response
            .header(&CSEQ)
            .and_then(|value| value.as_str().trim().parse().ok());
        let answered = match sequence {
            Some(sequence) => self.pending.iter().position(|pending| pending.sequence == sequence),
            // Some have none.
            None => Some(0),
        };
        let Some(mut pending) = answered.and_then(|at| self.pending.remove(at)) else {
            return;
        };
        if response.status() == StatusCode::Unauthorized && !pending.with_login && self.challenged(response) {
            pending.with_login = true;
            self.send(pending, out);
            return;
        }
        if response.status() == StatusCode::UnsupportedTransport
            && pending.request.method() == Method::Setup
            && pending.pair.is_none()
            && self.source.is_plain()
        {
            pending.pair = self.open_pair(ports);
            if pending.pair.is_some() {
                self.by_datagrams = true;
                self.send(pending, out);
                return;
            }
        }
        let timeout_s = self.learn_session(response);
        let method = pending.request.method().clone();
        let kept_alive = matches!(method, Method::Options | Method::GetParameter | Method::SetParameter)
            && !matches!(
                response.status(),
                StatusCode::Unauthorized | StatusCode::SessionNotFound
            );
        let status = if kept_alive { StatusCode::Ok } else { response.status() };
        let mut body = Vec::new();
        let mut told = Response::builder(Version::V1_0, status)
            .header(CSEQ, pending.client_sequence.clone())
            .header(SESSION, format!("{CLIENT_SESSION};timeout={timeout_s}"));
        let passed: &[HeaderName] = match method {
            Method::Describe => &[CONTENT_BASE, CONTENT_LOCATION, CONTENT_TYPE],
            Method::Options => &[PUBLIC],
            _ => &[],
        };
        for name in passed {
            if let Some(value) = response.header(name) {
                told = told.header(name.clone(), value.clone());
            }
        }
        let is_success = response.status().is_success();
        match method {
            // What cannot be put right is the client's to refuse.
            Method::Describe if is_success => {
                body = normalised(response.body()).unwrap_or_else(|_| response.body().clone());
                self.description = Description::parse(&body).ok();
            }
            Method::Setup if is_success => {
                if let Some(transport) = self.set_up(&pending, response, now_ms, out) {
                    told = told.header(TRANSPORT, transport);
                }
            }
            _ => {}
        }
        let mut told = told.build(body);
        if told.body().is_empty() {
            told.remove_header(&CONTENT_LENGTH);
        }
        put_response(&mut out.client, &told);
        if method == Method::Play && is_success {
            for (place, payload) in self.early.take().into_iter().flatten() {
                self.pass_on(place, payload, now_ms, out);
            }
        }
    }

    fn challenged(&mut self, response: &Response<Vec<u8>>) -> bool {
        let challenge = response.header(&WWW_AUTHENTICATE);
        match (&mut self.login, challenge) {
            (Some(login), Some(challenge)) => login.challenge(challenge.as_str()),
            _ => false,
        }
    }

    /// After how many seconds without a request the session is over.
    fn learn_session(&mut self, response: &Response<Vec<u8>>) -> u32 {
        let Some(header) = response.header(&SESSION) else {
            return DEFAULT_SESSION_S;
        };
        let mut parts = header.as_str().split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if !name.is_empty() && !name.eq_ignore_ascii_case("null") {
            self.session = Some(name.to_owned());
        }
        let timeout = parts.find_map(|part| part.strip_prefix("timeout="));
        let timeout_s = timeout.and_then(|seconds| seconds.trim().parse().ok());
        timeout_s.filter(|seconds| *seconds > 0).unwrap_or(DEFAULT_SESSION_S)
    }

    /// The client's track is where it asked for it, wherever the source has put it.
    fn set_up(
        &mut self,
        pending: &Pending,
        response: &Response<Vec<u8>>,
        now_ms: u64,
        out: &mut Out,
    ) -> Option<String> {
        let client = pending.asked?;
        let answered = response.header(&TRANSPORT).map(|value| value.as_str());
        let source = if let Some((pair, _)) = pending.pair {
            if let Some(ports) = answered.and_then(|answered| numbers(answered, "server_port=")) {
                out.met.push((pair, ports));
            }
            (Place::Pair(pair, Flow::Rtp), Place::Pair(pair, Flow::Rtcp))
        } else {
            let (rtp, rtcp) = answered.and_then(channels).unwrap_or(client);
            (Place::Channel(rtp), Place::Channel(rtcp))
        };
        self.tracks
            .retain(|track| !track.is_at(source.0) && track.client() != client);
        if self.tracks.len() >= MAX_TRACKS {
            return None;
        }
        let feedback = self.description.as_ref().and_then(|description| {
            let track = find_control(pending.request.request_uri()?, description.controls())?;
            Feedback::new(self.ssrc, description, track, now_ms)
        });
        self.tracks.push(Track::new(source, client, feedback));
        Some(format!("RTP/AVP/TCP;unicast;interleaved={}-{}", client.0, client.1))
    }

    fn pass_on(&mut self, place: Place, payload: Bytes, now_ms: u64, out: &mut Out) {
        match self.tracks.iter_mut().find(|track| track.is_at(place)) {
            Some(track) => track.take(place, payload, now_ms, out),
            None => self.tracks.iter_mut().for_each(|track| track.stray(now_ms, out)),
        }
    }

    /// What the client makes of the pictures lacks a keyframe.
    pub(super) fn want_keyframe(&mut self, now_ms: u64, out: &mut Out) {
        for track in &mut self.tracks {
            track.want_keyframe(now_ms, out);
        }
    }

    #[cfg(test)]
    pub(super) fn early_bytes(&self) -> usize {
        self.early_bytes
    }

    /// Time passes.
    pub(super) fn release(&mut self, now_ms: u64, out: &mut Out) {
        for track in &mut self.tracks {
            track.release(now_ms, out);
        }
    }
}

/// The channels of a `Transport` header: `interleaved=0-1`, or `interleaved=0` for 0 and 1.
fn channels(transport: &str) -> Option<(u8, u8)> {
    let (first, second) = numbers(transport, "interleaved=")?;
    Some((first.try_into().ok()?, second.try_into().ok()?))
}

/// The two numbers of a parameter of a `Transport` header; the second one may be left out when it is the next one.
fn numbers(transport: &str, name: &str) -> Option<(u16, u16)> {
    let mut parameters = transport.split([';', ',']).map(str::trim);
    let value = parameters.find_map(|parameter| parameter.strip_prefix(name))?;
    let (first, second) = value
        .split_once('-')
        .map_or((value, None), |(first, second)| (first, Some(second)));
    let first: u16 = first.trim().parse().ok()?;
    let second = match second {
        Some(second) => second.trim().parse().ok()?,
        None => first.checked_add(1)?,
    };
    Some((first, second))
}
