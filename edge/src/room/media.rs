//! The connections of clients, which nodes have.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAction, RoomAsk, RoomConnect, RoomDirection, RoomRefusal, RoomReply};

use super::contract::{Answered, Effect, Errand, Purpose, Wanted};
use super::limits::MAX_MIRRORS;
use super::peer::{Connection, Slot};
use super::problem::Problem;
use super::signal::ToClient;
use super::spec::Role;
use super::terms::{Server, Side};
use super::turn::Turn;

impl Turn<'_> {
    /// Asks a node to begin a connection, or to go on with the one that there is.
    pub(super) fn connects_media(
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
            Purpose::Subscribe { .. } | Purpose::Restart => RoomDirection::Subscribe,
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
    pub(super) fn begin_asking(&mut self, peer_id: &str, side: Side) -> Result<Option<Connection>, Problem> {
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
        let asked = self
            .room
            .peers
            .get_mut(&peer_id)
            .filter(|peer| peer.asking.contains(&side));
        let Some(peer) = asked else {
            // Gone meanwhile, or another one by now, and so its new connection must go.
            if let Answered::By { node_id, .. } = answered {
                self.end_connection(&Connection {
                    id: connection,
                    node_id,
                    since_ms: self.now_ms,
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
                    since_ms: self.now_ms,
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
        if side == Side::Publish && self.may_publish(peer_id) == (false, false) {
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
            Purpose::Subscribe { origin, sections } => {
                let Some(peer) = self.peer_mut(peer_id) else {
                    return;
                };
                let mut known: BTreeMap<_, _> = std::mem::take(&mut peer.slots.slots)
                    .into_iter()
                    .map(|slot| (slot.mid.clone(), slot))
                    .collect();
                if peer.slots.origin != origin {
                    // A new connection of the peer's, which shows nothing yet.
                    known.clear();
                    peer.slots.origin = origin;
                }
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
            Side::Publish => {
                self.ceases(peer_id);
                self.has_tracks(peer_id, &BTreeSet::new());
            }
            Side::Subscribe => {
                if let Some(peer) = self.peer_mut(peer_id) {
                    peer.slots.slots.clear();
                }
            }
        }
    }

    /// A node has nothing of what its process before this time had.
    pub(super) fn restarted(&mut self, node_id: &str, at_ms: u64) {
        let lost = self.room.peers.iter().flat_map(|(peer_id, peer)| {
            let is_lost = |connection: &Connection| connection.node_id == node_id && connection.since_ms < at_ms;
            let sides = [Side::Publish, Side::Subscribe].into_iter();
            let sides = sides.filter(move |side| peer.connection(*side).is_some_and(is_lost));
            sides.map(|side| (peer_id.clone(), side))
        });
        let lost: Vec<_> = lost.collect();
        for (peer_id, side) in lost {
            self.loses_connection(&peer_id, side, "the media server was restarted");
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
