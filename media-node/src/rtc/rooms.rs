//! Rooms, as the edge asks for them: it begins, changes and ends connections, whose media are the matter of [`super::room`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{RoomAction, RoomAsk, RoomConnect, RoomDirection, RoomRefusal, RoomReply};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::door::{Answered, Door};
use super::offer::{Format, Offer, OfferError, Section};
use super::opening::Ways;
use super::problem::Problem;
use super::purpose::Purpose;
use super::room::{Key, News, PeerPlaying, PeerPublishing, Presence, Roll, Sources, Wish};
use super::session::{Command, Wanted};

/// How long a connection may take with an answer.
const ANSWERING: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Rooms {
    door: Arc<Door>,
    roll: Arc<Roll>,
    open: Mutex<HashMap<Key, Open>>,
}

/// A connection that was begun.
struct Open {
    peer_id: String,
    /// The client that it is with, by its certificate.
    fingerprint: String,
    commands: mpsc::Sender<Command>,
}

struct Refused(RoomRefusal, String);

impl Rooms {
    pub(super) fn new(door: Arc<Door>) -> Self {
        let roll = Arc::new(Roll::new(
            door.hub.clone(),
            door.streams.clone(),
            door.transcoding.clone(),
        ));
        Self {
            door,
            roll,
            open: Mutex::default(),
        }
    }

    pub(super) fn news(&self) -> &News {
        self.roll.news()
    }

    pub(super) async fn answer(&self, ask: &RoomAsk) -> RoomReply {
        let RoomAsk {
            app_id,
            room_id,
            action,
        } = ask;
        let key = |connection: &str| Key {
            app: app_id.clone(),
            room: room_id.clone(),
            connection: connection.to_owned(),
        };
        let answered = match action {
            RoomAction::Connect(wish) => self.connect(key(&wish.connection), wish).await.map(Some),
            RoomAction::Restart { connection, sdp } => self.renew(&key(connection), sdp, None).await.map(Some),
            RoomAction::Slots(slots) => {
                for slots in slots {
                    self.tell(key(&slots.connection), Wish::Slots(slots.map.clone())).await;
                }
                Ok(None)
            }
            RoomAction::Allow {
                peer_id,
                audio,
                video,
                max_bitrate,
            } => {
                for key in self.of_peer(app_id, room_id, peer_id) {
                    let wish = Wish::Allow {
                        audio: *audio,
                        video: *video,
                        max_bitrate: *max_bitrate,
                    };
                    self.tell(key, wish).await;
                }
                Ok(None)
            }
            RoomAction::Close { connections } => {
                for connection in connections {
                    self.close(&key(connection)).await;
                }
                Ok(None)
            }
        };
        match answered {
            Ok(Some(sdp)) => RoomReply::Answer { sdp },
            Ok(None) => RoomReply::Done,
            Err(Refused(code, reason)) => RoomReply::Refused { code, reason },
        }
    }

    async fn connect(&self, key: Key, wish: &RoomConnect) -> Result<String, Refused> {
        let sources = match &wish.direction {
            RoomDirection::Publish { sources } => Some(sources.clone()),
            RoomDirection::Subscribe => None,
        };
        let offer = Offer::parse(&wish.sdp)?;
        let fingerprint = offer.fingerprint().unwrap_or_default().to_owned();
        match self.fingerprint(&key) {
            Some(known) if known == fingerprint => return self.renew(&key, &wish.sdp, sources).await,
            // The client has begun anew: what it had before cannot be gone on with.
            Some(_) => self.close(&key).await,
            None => {}
        }
        if !self.has_room() {
            let reason = "This node has as many connections of rooms as it can serve: add nodes".to_owned();
            return Err(Refused(RoomRefusal::Full, reason));
        }
        let formats = known(&offer);
        let presence = Presence::new(self.roll.clone(), key.clone(), wish.peer_id.clone());
        let number = presence.number;
        let (offer, purpose) = match sources {
            Some(sources) => {
                let hub = self.door.hub.clone();
                let mut publishing = PeerPublishing::new(hub, presence, wish.max_bitrate);
                let offer = publishing.renew(offer, sources)?;
                (offer, Purpose::PeerPublish(Box::new(publishing)))
            }
            None => {
                let queue_bytes = self.door.hub.limits.player_queue_bytes;
                let mut playing = PeerPlaying::new(presence, queue_bytes, (wish.min_bitrate, wish.max_bitrate));
                playing.renew(&offer);
                (offer, Purpose::PeerPlay(Box::new(playing)))
            }
        };
        let ticket = self
            .door
            .place(&key.app, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .map_err(busy)?;
        let wanted = Wanted {
            offer,
            formats,
            purpose,
            ways: Ways::of(wish.protocol),
            ticket,
            expires: None,
        };
        // The connections of a room on one thread would be woken together, but a large room has to be shared out.
        let started = self.door.start(wanted);
        let full = || busy(Problem::not_now("it is beginning as many sessions as it can"));
        let (commands, answered) = started.ok_or_else(full)?;
        let sdp = within(answered).await?;
        self.enter(key, number, wish.peer_id.clone(), fingerprint, commands);
        Ok(sdp)
    }

    /// Continues a connection with another offer; `sources` as before unless they are told.
    async fn renew(&self, key: &Key, sdp: &str, sources: Option<Sources>) -> Result<String, Refused> {
        let commands = self.commands(key).ok_or_else(gone)?;
        let offer = Box::new(Offer::parse(sdp)?);
        let (answer, answered) = oneshot::channel();
        let command = Command::Renew { offer, sources, answer };
        commands.send(command).await.map_err(|_| gone())?;
        within(answered).await
    }

    /// A connection that this node does not have has been lost with what the node was before, which the edge has to hear.
    async fn tell(&self, key: Key, wish: Wish) {
        let told = match self.commands(&key) {
            Some(commands) => commands.send(Command::Wish(wish)).await.is_ok(),
            None => false,
        };
        if !told {
            self.roll
                .news()
                .gone(&key, "the node does not have this connection any more");
        }
    }

    async fn close(&self, key: &Key) {
        let open = self.lock().remove(key);
        self.roll.leave(key);
        let Some(Open { commands, .. }) = open else { return };
        let (answer, answered) = oneshot::channel();
        let ended = async {
            commands.send(Command::End(answer)).await.ok()?;
            answered.await.ok()
        };
        // One that ended meanwhile has ended, too.
        let _ = timeout(ANSWERING, ended).await;
    }
}

impl Rooms {
    /// Whether there is room for one connection more: recorders and players by other means keep theirs.
    fn has_room(&self) -> bool {
        let limits = &self.door.hub.limits;
        self.roll.count() < limits.connections.saturating_sub(limits.kept_connections)
    }

    fn enter(&self, key: Key, number: u64, peer_id: String, fingerprint: String, commands: mpsc::Sender<Command>) {
        self.roll.enter(&key, number);
        if commands.is_closed() {
            return self.roll.lost(&key, number, "the connection has ended at once");
        }
        let mut open = self.lock();
        open.retain(|_, open| !open.commands.is_closed());
        let begun = Open {
            peer_id,
            fingerprint,
            commands,
        };
        open.insert(key, begun);
    }

    /// How a connection is told something.
    fn commands(&self, key: &Key) -> Option<mpsc::Sender<Command>> {
        let open = self.lock();
        let commands = open.get(key).map(|open| open.commands.clone());
        commands.filter(|commands| !commands.is_closed())
    }

    /// The certificate of the client that has this connection.
    fn fingerprint(&self, key: &Key) -> Option<String> {
        let open = self.lock();
        let open = open.get(key).filter(|open| !open.commands.is_closed());
        open.map(|open| open.fingerprint.clone())
    }

    fn of_peer(&self, app: &str, room: &str, peer_id: &str) -> Vec<Key> {
        let open = self.lock();
        let of_peer = open
            .iter()
            .filter(|(key, open)| key.app == app && key.room == room && open.peer_id == peer_id);
        of_peer.map(|(key, _)| key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All formats of an offer, each once: a medium that is offered later uses these.
fn known(offer: &Offer) -> Vec<Format> {
    let mut known: Vec<Format> = Vec::new();
    for format in offer.sections.iter().flat_map(Section::formats) {
        if !known.iter().any(|other| other.payload_type == format.payload_type) {
            known.push(format);
        }
    }
    known
}

async fn within(answered: Answered) -> Result<String, Refused> {
    match timeout(ANSWERING, answered).await {
        Ok(Ok(answer)) => Ok(answer?),
        Ok(Err(_)) => Err(gone()),
        Err(_) => Err(busy(Problem::not_now("the connection has not answered in time"))),
    }
}

fn busy(problem: Problem) -> Refused {
    Refused(
        RoomRefusal::Full,
        format!("This node takes no connection now: {}", problem.reason),
    )
}

fn gone() -> Refused {
    let reason = "There is no such connection, or not any more: begin another one".to_owned();
    Refused(RoomRefusal::NoConnection, reason)
}

impl From<OfferError> for Refused {
    fn from(error: OfferError) -> Self {
        Self(RoomRefusal::BadOffer, error.to_string())
    }
}
