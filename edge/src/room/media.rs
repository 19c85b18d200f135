//! What clients say, and their connections.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAction, RoomAsk, RoomConnect, RoomDirection, RoomRefusal, RoomReply, RoomSource};
use serde_json::Value;

use super::contract::{Answered, Effect, Errand, Join, Purpose, Server, Side, SocketId, Wanted};
use super::limits::{MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, MAX_MIRRORS, MAX_WISHES};
use super::offer;
use super::peer::{Connection, Slot, Track, kind_of};
use super::problem::Problem;
use super::signal::{FromClient, ToClient, Unread};
use super::spec::Role;
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn said(&mut self, socket: SocketId, text: &str) {
        let read = match text.len() {
            0..=MAX_FRAME_BYTES => serde_json::from_slice::<FromClient>(text.as_bytes()).ok(),
            _ => None,
        };
        let peer_id = self.room.sockets.get(&socket).cloned();
        let (frame, peer_id) = match (read, peer_id) {
            (
                Some(FromClient::Join {
                    id,
                    peer_id,
                    token,
                    resume,
                    seen,
                }),
                _,
            ) => {
                let join = Join {
                    id,
                    peer_id,
                    token,
                    resume,
                    seen,
                };
                return self.joins(socket, join);
            }
            (Some(frame), Some(peer_id)) => (frame, peer_id),
            (_, known) => {
                let unread: Unread = serde_json::from_slice(text.as_bytes()).unwrap_or_default();
                let problem = if known.is_some() {
                    Problem::Invalid
                } else {
                    Problem::Illegal
                };
                return self.refuse(socket, unread.id, problem);
            }
        };
        let now_ms = self.now_ms;
        if let Some(peer) = self.room.peers.get_mut(&peer_id) {
            peer.heard_ms = now_ms;
        }
        let (id, done) = match frame {
            FromClient::Join { id, .. } => (id, Err(Problem::Connected)),
            FromClient::Publish { id, sdp, sources } => (id, self.publishes(&peer_id, id, sdp, sources)),
            FromClient::Subscribe { id, sdp } => {
                let purpose = Purpose::Subscribe(offer::slots(&sdp));
                (id, self.connects_media(&peer_id, id, Side::Subscribe, sdp, purpose))
            }
            FromClient::Restart { id, pc, sdp } => (id, self.restarts(&peer_id, id, pc, sdp)),
            FromClient::Prefer { id, track_id, height } => (id, self.prefers(&peer_id, track_id, height)),
            FromClient::Mute { id, track_id, on } => (id, self.mutes(&peer_id, &track_id, on)),
            FromClient::Msg { id, to, data } => (id, self.writes(&peer_id, to, &data)),
            FromClient::Leave {} => {
                self.leave(&peer_id);
                (0, Ok(()))
            }
        };
        if let Err(problem) = done {
            self.refuse(socket, id, problem);
        }
    }

    fn writes(&mut self, from: &str, to: Option<Vec<String>>, data: &Value) -> Result<(), Problem> {
        if data.to_string().len() > MAX_MESSAGE_BYTES {
            return Err(Problem::Invalid);
        }
        let all = || {
            self.room
                .peers
                .keys()
                .filter(|peer_id| *peer_id != from)
                .cloned()
                .collect()
        };
        let named = to.is_some();
        let to: BTreeSet<String> = to.map_or_else(all, |to| to.into_iter().collect());
        let missing = to.iter().any(|peer_id| !self.room.peers.contains_key(peer_id));
        for peer_id in to {
            self.message(&peer_id, Some(from), data);
        }
        match named && missing {
            true => Err(Problem::NotInRoom),
            false => Ok(()),
        }
    }

    fn publishes(
        &mut self,
        peer_id: &str,
        id: u64,
        sdp: String,
        sources: BTreeMap<String, RoomSource>,
    ) -> Result<(), Problem> {
        let role = self.spec().map_or(Role::Audience, |spec| spec.role(peer_id));
        let may = |source: &RoomSource| match source {
            RoomSource::Audio => role.can_audio(),
            RoomSource::Camera | RoomSource::Screen => role.can_video(),
        };
        if !sources.values().all(may) || !role.can_audio() {
            return Err(Problem::CannotPublish);
        }
        let different: BTreeSet<_> = sources.values().collect();
        if different.len() != sources.len() || sources.keys().any(|mid| mid.len() > 32) {
            return Err(Problem::Invalid);
        }
        self.connects_media(peer_id, id, Side::Publish, sdp, Purpose::Publish(sources))
    }

    /// Asks a node to begin a connection, or to go on with the one that there is.
    fn connects_media(
        &mut self,
        peer_id: &str,
        id: u64,
        side: Side,
        sdp: String,
        purpose: Purpose,
    ) -> Result<(), Problem> {
        let transport = self.spec().ok_or(Problem::NoRoom)?.transport;
        let max_bitrate = self.max_bitrate(peer_id);
        let known = self.begin_asking(peer_id, side)?;
        let wanted = match &known {
            Some(connection) => Wanted::Only(connection.node_id.clone()),
            None => Wanted::Rather(self.server_for(peer_id, side)),
        };
        let connection = known.map_or_else(|| self.random.id(), |known| known.id);
        let direction = match &purpose {
            Purpose::Publish(sources) => RoomDirection::Publish {
                sources: sources.clone(),
            },
            Purpose::Subscribe(_) | Purpose::Restart => RoomDirection::Subscribe,
        };
        let ask = self.ask(RoomAction::Connect(RoomConnect {
            connection: connection.clone(),
            peer_id: peer_id.to_owned(),
            sdp,
            direction,
            protocol: transport.protocol,
            min_bitrate: transport.min_bitrate,
            max_bitrate,
        }));
        let errand = Errand {
            peer_id: peer_id.to_owned(),
            id,
            side,
            connection,
            purpose,
        };
        self.effect(Effect::Media { wanted, errand, ask });
        Ok(())
    }

    /// One question at a time for each side of a peer, so that the answers have an order. Returns the connection that there is.
    fn begin_asking(&mut self, peer_id: &str, side: Side) -> Result<Option<Connection>, Problem> {
        let peer = self.room.peers.get_mut(peer_id).ok_or(Problem::NotInRoom)?;
        if peer.asking.contains(&side) {
            return Err(Problem::Invalid);
        }
        peer.asking.push(side);
        Ok(peer.connection(side).cloned())
    }

    /// Of the room's servers the one that has the fewest subscribers; who publishes goes to the first.
    fn server_for(&self, peer_id: &str, side: Side) -> String {
        let Some(spec) = self.spec() else {
            return String::new();
        };
        let is_audience = spec.role(peer_id) == Role::Audience && side == Side::Subscribe;
        if !is_audience || spec.mirrors.is_empty() {
            return spec.server.node_id.clone();
        }
        let connections = || self.room.peers.values().filter_map(|peer| peer.subscribing.as_ref());
        let load = |node_id: &str| connections().filter(|connection| connection.node_id == node_id).count();
        let least = spec.servers().min_by_key(|server| load(&server.node_id));
        least.unwrap_or(&spec.server).node_id.clone()
    }

    fn restarts(&mut self, peer_id: &str, id: u64, side: Side, sdp: String) -> Result<(), Problem> {
        let peer = self.room.peers.get(peer_id).ok_or(Problem::NotInRoom)?;
        let Some(connection) = peer.connection(side).cloned() else {
            return Err(Problem::NoRouter);
        };
        self.begin_asking(peer_id, side)?;
        let ask = self.ask(RoomAction::Restart {
            connection: connection.id.clone(),
            sdp,
        });
        let errand = Errand {
            peer_id: peer_id.to_owned(),
            id,
            side,
            connection: connection.id,
            purpose: Purpose::Restart,
        };
        self.effect(Effect::Media {
            wanted: Wanted::Only(connection.node_id),
            errand,
            ask,
        });
        Ok(())
    }

    pub(super) fn ask(&self, action: RoomAction) -> RoomAsk {
        RoomAsk {
            app_id: self.room.kept.app_id.clone(),
            room_id: self.room.kept.room_id.clone(),
            action,
        }
    }

    pub(super) fn answered(&mut self, errand: Errand, answered: Answered) {
        let Errand {
            peer_id,
            id,
            side,
            connection,
            purpose,
        } = errand;
        let Some(peer) = self.room.peers.get_mut(&peer_id) else {
            // Gone meanwhile, and so must its new connection be.
            if let Answered::By { node_id, .. } = answered {
                self.end_connection(&Connection {
                    id: connection,
                    node_id,
                });
            }
            return;
        };
        peer.asking.retain(|asking| *asking != side);
        let socket = peer.socket;
        let problem = match answered {
            Answered::By {
                node_id,
                server,
                reply: RoomReply::Answer { sdp },
            } => {
                self.adds_server(server, &peer_id, side);
                let connection = Connection {
                    id: connection,
                    node_id,
                };
                return self.connected(&peer_id, id, side, connection, purpose, &sdp);
            }
            Answered::By {
                reply: RoomReply::Refused { code, reason },
                ..
            } => {
                let problem = match (code, side) {
                    (RoomRefusal::BadOffer, Side::Subscribe) => Problem::CannotPlay,
                    (RoomRefusal::BadOffer, Side::Publish) => Problem::NoConnection,
                    (RoomRefusal::NoConnection, _) => Problem::NoRouter,
                    (RoomRefusal::Full, _) => Problem::TooManyConnections,
                };
                if problem == Problem::NoRouter {
                    self.ends_connection(&peer_id, side, &reason);
                }
                if let Some(socket) = socket {
                    let code = problem.code();
                    let text = ToClient::Err { id, code, msg: &reason }.text();
                    self.send(socket, text);
                }
                return;
            }
            Answered::By { .. } => Problem::System,
            Answered::Nobody => {
                // A node that does not answer has no connection that could be gone on with.
                self.ends_connection(&peer_id, side, "the media server does not answer");
                Problem::NoConnection
            }
        };
        if let Some(socket) = socket {
            self.refuse(socket, id, problem);
        }
    }

    fn connected(&mut self, peer_id: &str, id: u64, side: Side, connection: Connection, purpose: Purpose, sdp: &str) {
        let role = self.spec().map_or(Role::Audience, |spec| spec.role(peer_id));
        if side == Side::Publish && !role.can_audio() {
            // They may not any longer, since they asked.
            return self.end_connection(&connection);
        }
        if let Some(peer) = self.peer_mut(peer_id)
            && purpose != Purpose::Restart
        {
            peer.set_connection(side, Some(connection));
        }
        self.tell(peer_id, &ToClient::Answer { id, sdp });
        match purpose {
            Purpose::Publish(sources) => self.has_tracks(peer_id, &sources.into_values().collect()),
            Purpose::Subscribe(sections) => {
                let Some(peer) = self.peer_mut(peer_id) else {
                    return;
                };
                let mut known: BTreeMap<_, _> = std::mem::take(&mut peer.slots.slots)
                    .into_iter()
                    .map(|slot| (slot.mid.clone(), slot))
                    .collect();
                let slots = sections.into_iter().map(|(mid, kind)| {
                    let known = known.remove(&mid).filter(|slot| slot.kind == kind);
                    known.unwrap_or(Slot {
                        mid,
                        kind,
                        track_id: None,
                        shown: None,
                    })
                });
                peer.slots.slots = slots.collect();
                self.room.moved = true;
            }
            Purpose::Restart => {}
        }
    }

    /// Another server has taken a connection, since those of the room were full or gone: for the audience it is a mirror.
    fn adds_server(&mut self, server: Option<Server>, peer_id: &str, side: Side) {
        let (Some(spec), Some(server)) = (self.spec(), server) else {
            return;
        };
        let is_first = self.room.peers.values().all(|peer| peer.connections().next().is_none());
        let is_known = spec.servers().any(|known| known.node_id == server.node_id);
        let spreads = spec.role(peer_id) == Role::Audience && side == Side::Subscribe;
        if is_known || spec.mirrors.len() >= MAX_MIRRORS {
            return;
        }
        if let Some(spec) = self.spec_mut() {
            match (is_first, spreads) {
                // Its own server has gone.
                (true, _) => spec.server = server,
                (false, true) => spec.mirrors.push(server),
                (false, false) => {}
            }
        }
    }

    /// What a peer publishes from now on.
    pub(super) fn has_tracks(&mut self, peer_id: &str, sources: &BTreeSet<RoomSource>) {
        let Some(peer) = self.room.peers.get(peer_id) else {
            return;
        };
        let known: BTreeSet<_> = peer.tracks.values().map(|track| track.source).collect();
        let over = peer.tracks.iter().filter(|(_, track)| !sources.contains(&track.source));
        let over: Vec<_> = over.map(|(track_id, _)| track_id.clone()).collect();
        for source in sources.difference(&known) {
            let track_id = self.random.id();
            let track = Track {
                source: *source,
                muted: false,
                dry: false,
            };
            if let Some(peer) = self.peer_mut(peer_id) {
                peer.tracks.insert(track_id.clone(), track);
            }
            self.shows_track(peer_id, &track_id, track);
        }
        for track_id in &over {
            self.drops_track(peer_id, track_id);
        }
        self.room.moved = true;
    }

    fn drops_track(&mut self, peer_id: &str, track_id: &str) {
        if let Some(peer) = self.peer_mut(peer_id) {
            peer.tracks.remove(track_id);
        }
        self.room.moved = true;
        self.tell_all(None, &ToClient::Untrack { track_id });
    }

    /// Tells the others of a track as it is now. Its own peer learns its id by that too.
    pub(super) fn shows_track(&mut self, peer_id: &str, track_id: &str, track: Track) {
        let view = super::sharing::view(track_id, peer_id, None, track.source, track.is_on());
        self.tell_all(None, &ToClient::Track(view));
    }

    fn mutes(&mut self, peer_id: &str, track_id: &str, on: bool) -> Result<(), Problem> {
        let peer = self.peer_mut(peer_id).ok_or(Problem::NotInRoom)?;
        let track = peer.tracks.get_mut(track_id).ok_or(Problem::NoTrack)?;
        track.muted = !on;
        let track = *track;
        self.room.moved = true;
        self.shows_track(peer_id, track_id, track);
        Ok(())
    }

    fn prefers(&mut self, peer_id: &str, track_id: String, height: u32) -> Result<(), Problem> {
        let own = self.room.peers.get(peer_id).map(|peer| &peer.tracks);
        let published = self.published().into_iter().map(|track| track.track_id);
        let visible: BTreeSet<_> = published
            .filter(|track_id| own.is_none_or(|own| !own.contains_key(track_id)))
            .collect();
        if !visible.contains(&track_id) {
            return Err(Problem::NoTrack);
        }
        let peer = self.peer_mut(peer_id).ok_or(Problem::NotInRoom)?;
        peer.wishes.retain(|track_id, _| visible.contains(track_id));
        if peer.wishes.len() >= MAX_WISHES {
            return Err(Problem::Invalid);
        }
        peer.wishes.insert(track_id, height);
        self.room.moved = true;
        Ok(())
    }

    /// A connection is over that its peer does not know to be.
    pub(super) fn ends_connection(&mut self, peer_id: &str, side: Side, reason: &str) {
        let Some(connection) = self
            .room
            .peers
            .get(peer_id)
            .and_then(|peer| peer.connection(side).cloned())
        else {
            return;
        };
        self.end_connection(&connection);
        self.loses_connection(peer_id, side, reason);
    }

    pub(super) fn loses_connection(&mut self, peer_id: &str, side: Side, reason: &str) {
        let Some(peer) = self.peer_mut(peer_id) else {
            return;
        };
        peer.set_connection(side, None);
        self.tell(peer_id, &ToClient::Lost { pc: side, reason });
        match side {
            Side::Publish => self.has_tracks(peer_id, &BTreeSet::new()),
            Side::Subscribe => {
                if let Some(peer) = self.peer_mut(peer_id) {
                    peer.slots.slots.clear();
                }
            }
        }
    }

    /// Ends a connection at its node.
    pub(super) fn end_connection(&mut self, connection: &Connection) {
        let connections = vec![connection.id.clone()];
        let ask = self.ask(RoomAction::Close { connections });
        self.effect(Effect::Order {
            node_id: connection.node_id.clone(),
            ask,
        });
    }
}

/// What a peer can see or hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visible {
    pub(super) track_id: String,
    pub(super) room_id: String,
    pub(super) peer_id: String,
    pub(super) source: RoomSource,
    pub(super) paused: bool,
}

impl Turn<'_> {
    /// All that is published, of those first who came first; then what connected rooms have.
    pub(super) fn published(&self) -> Vec<Visible> {
        let mut peers: Vec<_> = self
            .room
            .peers
            .iter()
            .filter(|(_, peer)| !peer.tracks.is_empty())
            .collect();
        peers.sort_by_key(|(_, peer)| peer.number);
        let room_id = &self.room.kept.room_id;
        let own = peers.into_iter().flat_map(|(peer_id, peer)| {
            peer.tracks.iter().map(|(track_id, track)| Visible {
                track_id: track_id.clone(),
                room_id: room_id.clone(),
                peer_id: peer_id.clone(),
                source: track.source,
                paused: false,
            })
        });
        let paused = self.spec().map(|spec| &spec.paused);
        let others = self.room.others.iter().flat_map(|(room_id, other)| {
            other.tracks.iter().map(move |track| Visible {
                track_id: track.track_id.clone(),
                room_id: room_id.clone(),
                peer_id: track.peer_id.clone(),
                source: track.source,
                paused: paused.is_some_and(|paused| paused.contains(&track.track_id)),
            })
        });
        own.chain(others).collect()
    }

    pub(super) fn is_of_kind(visible: &Visible, kind: offer::MediaKind) -> bool {
        kind_of(visible.source) == kind
    }
}
