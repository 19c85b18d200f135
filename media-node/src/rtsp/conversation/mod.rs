//! What one client and this server say to each other: each request is answered from the state that the ones before left.

mod entry;
mod finding;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use protocol::LAYERS_HEADER;
use rtsp_types::headers::{self, HeaderName};
use rtsp_types::{Method, Request, Response, StatusCode, Url, Version};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::player::Player;
use super::publisher::{News, Publisher};
use super::reply::{self, Answer, METHODS, Refusal, Reply};
use super::target::{area, asks_for_layers, content_base};
use super::{KEYFRAME_WANTED, Shared, SizedPicture};
use crate::access::{Action, Grant};
use crate::channel::StreamPath;
use crate::hub::{Ends, Liveness, Packet, Ticket};
use crate::layers::apart;

pub(super) struct Conversation {
    server: Arc<Shared>,
    ends: Ends,
    ticket: Ticket,
    /// Since when it neither publishes nor plays, if it does not.
    waiting_since: Instant,
    heard: Arc<Liveness>,
    /// What the client has been let in for. Its later requests may come without a key or a token.
    granted: Option<Granted>,
    /// When what it publishes or plays is not allowed any more; `None` for never.
    expires: Option<Instant>,
    /// Set from the first SETUP to TEARDOWN.
    session: Option<String>,
    /// The picture in a size of its own that was described last: requests that follow do not repeat the size.
    sized: Option<SizedPicture>,
    role: Role,
}

struct Granted {
    action: Action,
    path: StreamPath,
    /// To another node, for those who play there.
    relay: bool,
    grant: Grant,
}

enum Role {
    None,
    Publisher(Box<Publisher>),
    Player(Box<Player>),
}

/// What happens on this server's side of the conversation.
pub(super) enum Happening {
    /// A packet for the player; `None` when the stream is over for it.
    Packet(Option<Packet>),
    /// Something to tell the publisher.
    News(News),
}

impl Conversation {
    pub(super) fn new(server: Arc<Shared>, ends: Ends, ticket: Ticket) -> Self {
        Self {
            server,
            ends,
            ticket,
            waiting_since: Instant::now(),
            heard: Arc::new(Liveness::new()),
            granted: None,
            expires: None,
            session: None,
            sized: None,
            role: Role::None,
        }
    }

    /// Done when a newer connection has taken this one's place.
    pub(super) fn evicted(&self) -> CancellationToken {
        self.ticket.evicted()
    }

    /// When the connection is to be ended, because nothing allows any more what it does.
    pub(super) fn expires(&self) -> Option<Instant> {
        match &self.role {
            Role::None => None,
            Role::Publisher(_) | Role::Player(_) => self.expires,
        }
    }

    /// `now_ms`: Unix milliseconds. Dropping the future leaves the request undone.
    pub(super) async fn handle(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Response<Vec<u8>> {
        self.heard.touch();
        let answer = match self.check(request) {
            Ok(()) => self.dispatch(request, now_ms).await,
            Err(refusal) => Err(refusal),
        };
        let method: &str = request.method().into();
        if let Err(refusal) = &answer {
            tracing::debug!(peer = %self.ends.peer, method, ?refusal, "a request was refused");
        }
        reply::respond(request, answer)
    }

    /// An interleaved packet: a publisher's media, or what a player reports.
    pub(super) fn receive(&mut self, channel: u8, payload: Bytes) {
        match &self.role {
            Role::None => {}
            Role::Publisher(publisher) => {
                self.heard.touch();
                publisher.receive(channel, payload);
            }
            Role::Player(player) => {
                self.heard.touch();
                player.told(&payload);
            }
        }
    }

    /// Dropping the future loses nothing.
    pub(super) async fn happening(&mut self) -> Happening {
        match &mut self.role {
            Role::None => std::future::pending().await,
            Role::Player(player) => Happening::Packet(player.next().await),
            Role::Publisher(publisher) => Happening::News(publisher.news().await),
        }
    }

    pub(super) fn publisher(&self) -> Option<&Publisher> {
        match &self.role {
            Role::Publisher(publisher) => Some(publisher),
            Role::None | Role::Player(_) => None,
        }
    }

    pub(super) fn player(&mut self) -> Option<&mut Player> {
        match &mut self.role {
            Role::Player(player) => Some(player),
            Role::None | Role::Publisher(_) => None,
        }
    }

    /// When the client counts as gone if it is not heard until then. `None` where a failing write tells.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limits = &self.server.hub.limits;
        if !self.ticket.is_active() {
            return Some(self.waiting_since + limits.setup);
        }
        match &self.role {
            Role::Player(player) => player.deadline(self.heard.last(), limits.session),
            Role::None | Role::Publisher(_) => Some(self.heard.last() + limits.publisher_silence),
        }
    }

    fn check(&self, request: &Request<Vec<u8>>) -> Result<(), Refusal> {
        if request.version() != Version::V1_0 {
            return Err(Refusal::new(
                StatusCode::RTSPVersionNotSupported,
                "RTSP/1.0 is spoken here",
            ));
        }
        if request.header(&headers::CSEQ).is_none() {
            return Err(Refusal::bad_request("CSeq is missing"));
        }
        if let Some(required) = request.header(&headers::REQUIRE) {
            let refusal = Refusal::new(StatusCode::OptionNotSupported, "No option is supported");
            return Err(refusal.with_header(headers::UNSUPPORTED, required.as_str()));
        }
        let Some(given) = request.header(&headers::SESSION) else {
            return Ok(());
        };
        let given = given.as_str().split(';').next().unwrap_or_default().trim();
        // Before there is one, some clients send what their language calls nothing.
        let is_first = self.session.is_none() && *request.method() == Method::Setup;
        if is_first || given == "null" || self.session.as_deref() == Some(given) {
            Ok(())
        } else {
            Err(Refusal::new(
                StatusCode::SessionNotFound,
                "This connection has no such session",
            ))
        }
    }

    async fn dispatch(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Answer {
        match request.method() {
            Method::Options => Ok(Reply::default().header(headers::PUBLIC, METHODS)),
            Method::SetParameter if wants_keyframe(request) => self.want_keyframe(request, now_ms).await,
            Method::GetParameter | Method::SetParameter => Ok(self.in_session(Reply::default())),
            Method::Describe => self.describe(request, now_ms).await,
            Method::Announce => self.announce(request, now_ms).await,
            Method::Setup => self.set_up(request, now_ms).await,
            Method::Record => self.record(now_ms),
            Method::Play => self.play(request),
            Method::Pause => self.pause(),
            Method::Teardown => self.teardown(),
            Method::PlayNotify | Method::Redirect | Method::Extension(_) => {
                let refusal = Refusal::new(StatusCode::NotImplemented, "This method is not known here");
                Err(refusal.with_header(headers::ALLOW, METHODS))
            }
        }
    }

    async fn describe(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Answer {
        if matches!(self.role, Role::Publisher(_)) {
            return Err(Refusal::wrong_state("This connection publishes"));
        }
        let accept = request.header(&headers::ACCEPT).map_or("*/*", |value| value.as_str());
        if !["application/sdp", "application/*", "*/*"]
            .iter()
            .any(|kind| accept.contains(kind))
        {
            return Err(Refusal::new(
                StatusCode::NotAcceptable,
                "Descriptions are application/sdp",
            ));
        }
        let url = url_of(request)?;
        let (target, grant) = self.authorized(Action::Play, url, request, now_ms).await?;
        grant.play()?;
        let mut layers = 0;
        let sized = match area(url)? {
            Some(area) => Some(self.find_sized(&target.path, area).await?),
            None if self.is_relay() && asks_for_layers(url) => {
                let whole = self.find(&target.path).await?;
                layers = whole.layers().len();
                apart(&whole).map(SizedPicture::own)
            }
            None => None,
        };
        let publication = match &sized {
            Some(sized) => sized.publication.clone(),
            None => self.find(&target.path).await?,
        };
        let former = std::mem::replace(&mut self.sized, sized);
        // One that is played ends with its player.
        let is_over = |former: &SizedPicture| !former.is_shared && !matches!(self.role, Role::Player(_));
        if let Some(former) = former.filter(is_over) {
            former.publication.end();
        }
        let mut reply = Reply::default();
        if layers > 0
            && let Ok(name) = HeaderName::from_static_str(LAYERS_HEADER)
        {
            reply = reply.header(name, layers.to_string());
        }
        Ok(reply
            .header(headers::CONTENT_TYPE, "application/sdp")
            .header(headers::CONTENT_BASE, content_base(url))
            .body(publication.description.for_players()))
    }

    async fn announce(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Answer {
        if !matches!(self.role, Role::None) {
            return Err(Refusal::wrong_state("One connection publishes or plays one stream"));
        }
        let url = url_of(request)?;
        let (target, grant) = self.authorized(Action::Publish, url, request, now_ms).await?;
        if target.track.is_some() {
            return Err(Refusal::bad_request("ANNOUNCE names a stream, not a track"));
        }
        let publisher = Publisher::announce(target.path, request, self.ends)?;
        let publishes = grant.publish(publisher.kinds());
        self.expires = publishes.map_err(|denial| self.denied(denial))?;
        self.role = Role::Publisher(Box::new(publisher));
        Ok(Reply::default())
    }

    async fn set_up(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Answer {
        let url = url_of(request)?;
        let transport = match &mut self.role {
            Role::Publisher(publisher) => publisher.set_up(url, request, self.ends)?,
            Role::None | Role::Player(_) => self.set_up_player(url, request, now_ms).await?,
        };
        let timeout = self.server.hub.limits.session.as_secs();
        let session = self.session.get_or_insert_with(new_session_id);
        Ok(Reply::default()
            .header(headers::TRANSPORT, transport)
            .header(headers::SESSION, format!("{session};timeout={timeout}")))
    }

    async fn set_up_player(&mut self, url: &Url, request: &Request<Vec<u8>>, now_ms: u64) -> Result<String, Refusal> {
        let (target, grant) = self.authorized(Action::Play, url, request, now_ms).await?;
        let expires = grant.play()?;
        if let Role::Player(player) = &mut self.role {
            if player.publication().path != target.path {
                return Err(Refusal::wrong_state("One connection plays one stream"));
            }
            return player.set_up(target.track, request, self.ends);
        }
        let sized = self.sized.as_ref().map(|sized| sized.publication.clone());
        let sized = sized.filter(|sized| sized.path == target.path);
        let publication = match sized {
            Some(sized) => sized,
            None => self.find(&target.path).await?,
        };
        let mut player = Box::new(Player::new(publication));
        let transport = player.set_up(target.track, request, self.ends)?;
        self.expires = expires;
        self.role = Role::Player(player);
        Ok(transport)
    }

    /// Somebody who may play the stream cannot go on without a keyframe.
    async fn want_keyframe(&mut self, request: &Request<Vec<u8>>, now_ms: u64) -> Answer {
        match &self.role {
            Role::Player(player) => {
                player.publication().keyframes.ask();
                return Ok(self.in_session(Reply::default()));
            }
            Role::Publisher(_) => return Err(Refusal::wrong_state("This connection publishes")),
            Role::None => {}
        }
        let url = url_of(request)?;
        let (target, grant) = self.authorized(Action::Play, url, request, now_ms).await?;
        grant.play()?;
        let publication = self.find(&target.path).await?;
        publication.keyframes.ask();
        // A picture in a size of its own may be taken from any of them.
        if area(url)?.is_some() {
            publication
                .layers()
                .iter()
                .for_each(|layer| layer.publication.keyframes.ask());
        }
        Ok(self.in_session(Reply::default()))
    }

    fn record(&mut self, now_ms: u64) -> Answer {
        let Role::Publisher(publisher) = &mut self.role else {
            return Err(Refusal::wrong_state("RECORD comes after ANNOUNCE and SETUP"));
        };
        self.ticket.activate()?;
        match publisher.record(&self.server, &self.heard, now_ms) {
            Ok(reply) => Ok(self.in_session(reply)),
            Err(refusal) => {
                self.ticket.rest();
                Err(refusal)
            }
        }
    }

    fn play(&mut self, request: &Request<Vec<u8>>) -> Answer {
        let url = url_of(request)?;
        let Role::Player(player) = &mut self.role else {
            return Err(Refusal::wrong_state("PLAY comes after SETUP"));
        };
        self.ticket.activate()?;
        match player.play(&self.server, url, self.ends, &self.heard) {
            Ok(reply) => Ok(self.in_session(reply)),
            Err(refusal) => {
                self.ticket.rest();
                Err(refusal)
            }
        }
    }

    fn pause(&mut self) -> Answer {
        let Role::Player(player) = &mut self.role else {
            return Err(Refusal::wrong_state("Only what is played can be paused"));
        };
        let reply = player.pause()?;
        Ok(self.in_session(reply))
    }

    fn teardown(&mut self) -> Answer {
        if matches!(self.role, Role::None) {
            return Err(Refusal::new(StatusCode::SessionNotFound, "There is no session to end"));
        }
        let reply = self.in_session(Reply::default());
        self.role = Role::None;
        self.session = None;
        if self.ticket.is_active() {
            self.ticket.rest();
            self.waiting_since = Instant::now();
        }
        Ok(reply)
    }

    fn in_session(&self, reply: Reply) -> Reply {
        match &self.session {
            Some(session) => reply.header(headers::SESSION, session.as_str()),
            None => reply,
        }
    }
}

fn wants_keyframe(request: &Request<Vec<u8>>) -> bool {
    let parameters = std::str::from_utf8(request.body()).unwrap_or_default();
    parameters.lines().any(|line| line == KEYFRAME_WANTED.trim_end())
}

fn url_of(request: &Request<Vec<u8>>) -> Result<&Url, Refusal> {
    request
        .request_uri()
        .ok_or_else(|| Refusal::bad_request("The request names no URL"))
}

/// Sessions are bound to their connection, so an id need not be secret; a stranger cannot guess it all the same.
fn new_session_id() -> String {
    format!("{:016x}", RandomState::new().hash_one(0u8))
}
