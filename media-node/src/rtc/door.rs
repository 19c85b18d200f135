//! WHIP (RFC 9725) and WHEP: calls by HTTP that begin, change and end sessions, whether they come to this node or over the edge.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use protocol::{RTC_CORS, RTC_SESSIONS, RtcCall, RtcReply, SDP_FRAGMENT_TYPE, SDP_TYPE, Secret, rtc_options};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::figures::Counters;
use super::fragment::Fragment;
use super::offer::{Kind, Offer, OfferError, Section};
use super::opening::Ways;
use super::play::{Played, Playing, best, index_of};
use super::ports::Beginning;
use super::problem::Problem;
use super::publish::{self, Publishing};
use super::purpose::Purpose;
use super::session::{Begin, Command, MAX_COMMANDS, Wanted};
use crate::access::{Action, Grant, Place, Shown, Wish};
use crate::channel::StreamPath;
use crate::hub::{Ends, Hub, Publication, Ticket};
use crate::random::random_id;
use crate::rtsp::Streams;
use crate::transcode::{Transcoding, is_convertible, is_out_of_order};

/// How long a session may take with an answer.
const ANSWERING: Duration = Duration::from_secs(5);

/// Of the places for clients, what the sessions of one app may take: somebody else's always find some.
const SHARE_PERCENT: usize = 90;

/// Of a picture that a player prefers; larger ones are none.
const MAX_HEIGHT: u32 = 8_192;

/// See the module.
pub(super) struct Door {
    pub(super) hub: Arc<Hub>,
    pub(super) streams: Streams,
    pub(super) node_id: String,
    /// Servers that tell clients their own addresses, as `Link` has them.
    pub(super) links: Vec<String>,
    pub(super) workers: Vec<Beginning>,
    pub(super) next: AtomicUsize,
    pub(super) sessions: Mutex<HashMap<String, Open>>,
    pub(super) counters: Arc<Counters>,
    pub(super) transcoding: Transcoding,
}

/// What a session answers to its offer, once it has begun.
pub(super) type Answered = oneshot::Receiver<Result<String, OfferError>>;

/// A session that was begun.
pub(super) struct Open {
    commands: mpsc::Sender<Command>,
    /// Of its connection by ICE.
    tag: String,
}

impl Door {
    pub(super) async fn answer(&self, call: &RtcCall) -> RtcReply {
        let answered = match (call.method.as_str(), call.path.as_str()) {
            ("OPTIONS", path) => Ok(reply(204, rtc_options(path), String::new())),
            (method, path) => match (method, path.strip_prefix(RTC_SESSIONS)) {
                ("DELETE", Some(session)) => self.end(session).await,
                ("PATCH", Some(session)) => self.trickle(session, call).await,
                (_, Some(_)) => Err(Problem::method("PATCH, DELETE, OPTIONS")),
                ("POST", None) => self.begin(call).await,
                (_, None) => Err(Problem::method("POST, OPTIONS")),
            },
        };
        if answered.as_ref().is_err_and(|problem| problem.status == 422) {
            Counters::add(&self.counters.refused_offers, 1);
        }
        let mut reply = answered.unwrap_or_else(Problem::reply);
        let own = RTC_CORS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        reply.headers.extend(own);
        reply
    }

    /// Has one of the threads begin a session, the next one each time. `None` where that one is beginning as many as it can.
    pub(super) fn start(&self, wanted: Wanted) -> Option<(mpsc::Sender<Command>, Answered)> {
        let (commands, to_session) = mpsc::channel(MAX_COMMANDS);
        let (answer, answered) = oneshot::channel();
        let begin = Begin {
            wanted,
            commands: to_session,
            answer,
        };
        let worker = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len().max(1);
        self.workers.get(worker)?.try_send(begin).ok()?;
        Some((commands, answered))
    }

    async fn begin(&self, call: &RtcCall) -> Result<RtcReply, Problem> {
        let (action, path) = target(&call.path)?;
        if !is_type(call, SDP_TYPE) {
            return Err(Problem::new(415, format!("The body is to be {SDP_TYPE}")));
        }
        let source = call.source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let grant = self.admit(action, &path, call, source).await?;
        let offer = Offer::parse(&call.body)?.one_way(action == Action::Publish);
        let app = path.app.clone();
        let (offer, formats, purpose, expires) = match action {
            Action::Publish => {
                let (offer, formats) = offer.narrowed(publish::choose)?;
                let publishing = Publishing::new(self.hub.clone(), path, &offer, &formats)?;
                let expires = grant.publish(publishing.kinds())?;
                (offer, formats, Purpose::Publish(Box::new(publishing)), expires)
            }
            Action::Play => {
                let expires = grant.play()?;
                let found = self.streams.play(&path).await.map_err(Problem::not_now)?;
                let publication = found.ok_or_else(|| Problem::not_yet("Nobody publishes this stream at present"))?;
                let played = Played {
                    height: height(call.query.expose())?,
                    sound: self.sound(&publication, &offer)?,
                    picture: self.picture(&publication, &offer)?,
                    publication,
                };
                let (offer, formats) = offer.narrowed(|section, formats| played.choose(section, formats))?;
                let queue_bytes = self.hub.limits.player_queue_bytes;
                let playing = Playing::new(played, queue_bytes, &offer, &formats)?;
                (offer, formats, Purpose::Play(Box::new(playing)), expires)
            }
        };
        let ticket = self.place(&app, source)?;
        let wanted = Wanted {
            offer,
            formats,
            purpose,
            ways: Ways::Both,
            ticket,
            expires,
        };
        let busy = || Problem::not_now("This node is beginning as many sessions as it can");
        let (commands, answered) = self.start(wanted).ok_or_else(busy)?;
        let answer = within(answered).await??;
        let (id, tag) = (random()?, random()?);
        let location = format!("{RTC_SESSIONS}{}/{id}", StreamPath::encode_segment(&self.node_id));
        let mut sessions = self.lock();
        sessions.retain(|_, open| !open.commands.is_closed());
        let tag = format!("\"{tag}\"");
        let open = Open {
            commands,
            tag: tag.clone(),
        };
        sessions.insert(id, open);
        drop(sessions);
        let own = [
            ("Content-Type", SDP_TYPE),
            ("Location", &location),
            ("ETag", &tag),
            ("Accept-Patch", SDP_FRAGMENT_TYPE),
        ];
        let links = self.links.iter().map(|link| ("Link", link.as_str()));
        Ok(reply(201, own.into_iter().chain(links), answer))
    }

    /// The sound of a stream in a codec that the client takes, where the stream's own is none.
    fn sound(&self, publication: &Arc<Publication>, offer: &Offer) -> Result<Option<Arc<Publication>>, Problem> {
        let heard = offer
            .sections
            .iter()
            .find(|section| section.kind == Kind::Audio && section.receives);
        let Some((section, index)) = heard.zip(index_of(publication, Kind::Audio)) else {
            return Ok(None);
        };
        let description = &publication.description;
        let (Some(track), Some(clock_rate)) = (description.tracks().get(index), description.clock_rates().get(index))
        else {
            return Ok(None);
        };
        let formats = section.formats();
        let takes_opus = formats.iter().any(|format| format.name == "OPUS");
        if best(track, &formats).is_some() || !takes_opus || !is_convertible(track, *clock_rate) {
            return Ok(None);
        }
        Ok(Some(self.transcoding.opus(publication, index)?))
    }

    /// The picture of a stream as browsers show it, where the stream's own has B-frames and this node encodes such anew.
    fn picture(&self, publication: &Arc<Publication>, offer: &Offer) -> Result<Option<Arc<Publication>>, Problem> {
        let is_seen = |section: &Section| section.kind == Kind::Video && section.receives;
        let index = index_of(publication, Kind::Video).filter(|_| offer.sections.iter().any(is_seen));
        let index = index.filter(|_| self.transcoding.has_pictures() && is_out_of_order(publication));
        Ok(index
            .map(|index| self.transcoding.plain(publication, index))
            .transpose()?)
    }

    async fn admit(&self, action: Action, path: &StreamPath, call: &RtcCall, source: IpAddr) -> Result<Grant, Problem> {
        let query = call.query.expose();
        let secret = |name: &str| value(query, name).map(Secret::new);
        let authorization = call.authorization.as_ref().map(Secret::expose);
        let shown = Shown::new(secret("key"), secret("token"), authorization).by(value(query, "uid"));
        let place = Place {
            app: path.app.clone(),
            channel: path.channel.clone(),
            uid: path.uid.clone(),
        };
        let wish = Wish {
            action,
            place: &place,
            shown: &shown,
            source,
        };
        let admitted = self.hub.gate.admit(&wish).await;
        Ok(admitted.inspect_err(|denial| self.hub.turned_away.count(denial))?)
    }

    /// A place among the clients of the channel server, for one of this app.
    pub(super) fn place(&self, app: &str, source: IpAddr) -> Result<Ticket, Problem> {
        let most = self.hub.limits.connections * SHARE_PERCENT / 100;
        if self.counters.board.count(app) >= most {
            let reason = format!("This app has {most} sessions at this node, which is its share: try again later");
            return Err(Problem::not_now(reason));
        }
        let ends = Ends {
            local: IpAddr::V4(Ipv4Addr::LOCALHOST),
            peer: source,
        };
        let mut ticket = self.hub.admission.enter(ends)?;
        ticket.activate()?;
        Ok(ticket)
    }

    async fn end(&self, session: &str) -> Result<RtcReply, Problem> {
        let (id, open) = self.find(session)?;
        let (answer, answered) = oneshot::channel();
        let ended = async {
            open.0.send(Command::End(answer)).await.ok()?;
            answered.await.ok()
        };
        // One that ended meanwhile has ended, too.
        let _ = timeout(ANSWERING, ended).await;
        self.lock().remove(&id);
        Ok(reply(200, [], String::new()))
    }

    async fn trickle(&self, session: &str, call: &RtcCall) -> Result<RtcReply, Problem> {
        let (id, (commands, tag)) = self.find(session)?;
        if !is_type(call, SDP_FRAGMENT_TYPE) {
            return Err(Problem::new(415, format!("The body is to be {SDP_FRAGMENT_TYPE}")));
        }
        let Some(shown) = call.if_match.as_deref().map(str::trim) else {
            let reason =
                "If-Match has to say which connection is meant: the ETag of the answer, or * to begin another one";
            return Err(Problem::new(428, reason));
        };
        // The standard's own example has the asterisk in quotation marks.
        let is_another = matches!(shown, "*" | "\"*\"");
        if !is_another && shown != tag {
            return Err(Problem::new(
                412,
                "This ETag is not, or no longer, that of the session's connection: use the one of the last answer, or * to begin another",
            ));
        }
        let fragment = Fragment::parse(&call.body);
        if is_another && (fragment.ufrag.is_none() || fragment.password.is_none()) {
            return Err(Problem::new(400, "Another connection needs a=ice-ufrag and a=ice-pwd"));
        }
        let (answer, answered) = oneshot::channel();
        let gone = |_| unknown();
        commands.send(Command::Trickle(fragment, answer)).await.map_err(gone)?;
        let Some(restarted) = within(answered).await?? else {
            return Ok(reply(204, [("ETag", tag.as_str())], String::new()));
        };
        let tag = format!("\"{}\"", random()?);
        if let Some(open) = self.lock().get_mut(&id) {
            open.tag.clone_from(&tag);
        }
        Ok(reply(
            200,
            [("Content-Type", SDP_FRAGMENT_TYPE), ("ETag", &tag)],
            restarted,
        ))
    }

    /// The session of a path, with its connection's tag.
    fn find(&self, session: &str) -> Result<(String, (mpsc::Sender<Command>, String)), Problem> {
        let (_, id) = session.split_once('/').ok_or_else(unknown)?;
        let sessions = self.lock();
        let open = sessions.get(id).filter(|open| !open.commands.is_closed());
        let open = open.ok_or_else(unknown)?;
        Ok((id.to_owned(), (open.commands.clone(), open.tag.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a path names.
fn target(path: &str) -> Result<(Action, StreamPath), Problem> {
    let (action, path) = match (path.strip_prefix("/whip"), path.strip_prefix("/whep")) {
        (Some(path), _) => (Action::Publish, path),
        (_, Some(path)) => (Action::Play, path),
        _ => return Err(Problem::new(404, "There is nothing at this path")),
    };
    Ok((action, StreamPath::parse(path)?))
}

/// The answer of a session, which may have failed.
async fn within<T>(answered: oneshot::Receiver<Result<T, OfferError>>) -> Result<Result<T, OfferError>, Problem> {
    match timeout(ANSWERING, answered).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Problem::new(
            500,
            "The session has failed: this is a fault of the server",
        )),
        Err(_) => Err(Problem::not_now("The session has not answered in time")),
    }
}

fn unknown() -> Problem {
    Problem::new(404, "There is no such session, or not any more")
}

fn reply<'a>(status: u16, headers: impl IntoIterator<Item = (&'a str, &'a str)>, body: String) -> RtcReply {
    let headers = headers.into_iter();
    RtcReply {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body,
    }
}

fn is_type(call: &RtcCall, wanted: &str) -> bool {
    let given = call.content_type.as_deref().unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default();
    given.trim().eq_ignore_ascii_case(wanted)
}

/// The height of the picture that a player prefers.
fn height(query: &str) -> Result<Option<u32>, Problem> {
    let Some(given) = value(query, "height") else {
        return Ok(None);
    };
    let height = given.parse().ok().filter(|height| (1..=MAX_HEIGHT).contains(height));
    let reason = || {
        Problem::new(
            400,
            format!("\"height\" has to be a number of pixels from 1 to {MAX_HEIGHT}"),
        )
    };
    height.map(Some).ok_or_else(reason)
}

/// A plus sign stands for itself: keys and tokens are often base64.
fn value(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// What nobody can guess.
fn random() -> Result<String, Problem> {
    random_id().map_err(|_| Problem::new(500, "The system gives no randomness"))
}
