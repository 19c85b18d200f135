use serde_json::Value;

use super::contract::{Effect, Event, Input, Output, Pings, Row};
use super::limits::SILENT_MS;
use super::peer::Peer;
use super::problem::Problem;
use super::random::Random;
use super::signal::ToClient;
use super::spec::Spec;
use super::state::Room;
use super::terms::SocketId;
use crate::object;

/// The code with which the socket of a peer is closed that has another one.
pub(super) const CLOSED_REPLACED: u16 = 4_001;
/// That of one who is not let in, or not any longer: no client tries again.
pub(super) const CLOSED_OVER: u16 = 4_002;
/// That of one who was silent.
pub(super) const CLOSED_SILENT: u16 = 4_003;
const CLOSED_NORMAL: u16 = 1_000;

/// Applies one input. What [`Effect::Save`] and [`Effect::Remove`] say has to be kept before anything else is done.
pub fn step(room: &mut Room, input: Input, pings: Pings<'_>, random: &mut Random, now_ms: u64) -> Vec<Output> {
    let mut turn = Turn {
        room,
        pings,
        random,
        now_ms,
        out: Vec::new(),
    };
    match input {
        object::Input::Asked { by, request } => turn.asked(by, request),
        object::Input::Event(event) => turn.happened(event),
        object::Input::Alarm => turn.due(),
    }
    turn.settle();
    turn.out
}

/// One input at work.
pub(super) struct Turn<'a> {
    pub(super) room: &'a mut Room,
    pub(super) pings: Pings<'a>,
    pub(super) random: &'a mut Random,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
    pub(super) out: Vec<Output>,
}

impl Turn<'_> {
    fn happened(&mut self, event: Event) {
        match event {
            Event::Opened { socket } => self.opened(socket),
            Event::Message { socket, text } => self.said(socket, &text),
            Event::Closed { socket } => self.broke(socket),
            Event::Admitted {
                socket,
                join,
                admitted,
                has_master,
            } => self.admitted(socket, join, admitted, has_master),
            Event::Answered { errand, answered } => self.answered(errand, answered),
            Event::Told {
                node_id,
                connections,
                done,
            } => self.told(&node_id, &connections, done),
            Event::Played(played) => self.played(played),
            Event::Registered { ok, version } => self.registered(ok, version),
            Event::Roster { users } => self.lists(users),
            Event::Left { ok } => self.left_lobby(ok),
            Event::Shared { to, version, ok } => self.heard(&to, version, ok),
        }
    }

    /// What follows because time has passed.
    fn due(&mut self) {
        if self.room.again_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.room.again_ms = None;
        }
        self.look();
        let over = self.room.peers.iter().filter(|(_, peer)| {
            let since_ms = peer.broken_ms;
            since_ms.is_some_and(|since_ms| since_ms.saturating_add(SILENT_MS) <= self.now_ms)
        });
        let over: Vec<_> = over.map(|(peer_id, _)| peer_id.clone()).collect();
        for peer_id in over {
            self.goes(&peer_id);
        }
        self.close_if_idle();
        self.ends_playback();
    }

    /// Tells nodes, rooms and the lobby what they do not know yet, and keeps what has changed.
    fn settle(&mut self) {
        if self.room.looked_ms == 0 {
            self.look();
        }
        if std::mem::take(&mut self.room.moved) {
            self.assign_slots();
        }
        self.count_idle();
        self.tell_nodes();
        self.share();
        self.tell_lobby();
        self.play();
        self.save();
    }

    fn save(&mut self) {
        for name in std::mem::take(&mut self.room.changed) {
            let row = match name.split_once(':') {
                None => Some(Row::Room(self.room.kept.clone())),
                Some(("peer", peer_id)) => self
                    .room
                    .peers
                    .get(peer_id)
                    .map(|peer| Row::Peer(peer_id.to_owned(), Box::new(peer.clone()))),
                Some((_, room_id)) => {
                    let other = self.room.others.get(room_id);
                    other.map(|other| Row::Other(room_id.to_owned(), other.clone()))
                }
            };
            self.effect(match row {
                Some(row) => Effect::Save(Box::new(row)),
                None => Effect::Remove { name },
            });
        }
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.out.push(Output::Effect(effect));
    }

    pub(super) fn spec(&self) -> Option<&Spec> {
        self.room.spec()
    }

    /// The room's own row has to be written.
    pub(super) fn spec_mut(&mut self) -> Option<&mut Spec> {
        self.room.changed.insert(Row::ROOM.to_owned());
        self.room.kept.spec.as_deref_mut()
    }

    /// The peer's row has to be written.
    pub(super) fn peer_mut(&mut self, peer_id: &str) -> Option<&mut Peer> {
        let peer = self.room.peers.get_mut(peer_id)?;
        self.room.changed.insert(Row::name_of_peer(peer_id));
        Some(peer)
    }

    pub(super) fn send(&mut self, socket: SocketId, text: String) {
        self.effect(Effect::Send { socket, text });
    }

    pub(super) fn refuse(&mut self, socket: SocketId, id: u64, problem: Problem) {
        self.send(socket, ToClient::error(id, problem));
    }

    /// Sends a frame to a peer whose socket is there. One that is broken learns how things are when it comes back.
    pub(super) fn tell(&mut self, peer_id: &str, frame: &ToClient<'_>) {
        if let Some(socket) = self.room.peers.get(peer_id).and_then(|peer| peer.socket) {
            self.send(socket, frame.text());
        }
    }

    /// As [`Self::tell`], to all but one.
    pub(super) fn tell_all(&mut self, but: Option<&str>, frame: &ToClient<'_>) {
        let text = frame.text();
        let others = self
            .room
            .peers
            .iter()
            .filter(|(peer_id, _)| but != Some(peer_id.as_str()));
        let sockets: Vec<_> = others.filter_map(|(_, peer)| peer.socket).collect();
        for socket in sockets {
            self.send(socket, text.clone());
        }
    }

    /// The number of another message. It is the same for all who get the message, and grows also over restarts.
    pub(super) fn number(&mut self) -> u64 {
        self.room.numbered = self.room.numbered.saturating_add(1).max(self.now_ms);
        self.room.numbered
    }

    /// Sends a message of this number to a peer, or keeps it until the peer is back.
    pub(super) fn message(&mut self, peer_id: &str, n: u64, from: Option<&str>, data: &Value) {
        let Some(peer) = self.room.peers.get_mut(peer_id).filter(|peer| peer.has_client()) else {
            return;
        };
        let text = ToClient::Msg { n, from, data }.text();
        match peer.socket {
            Some(socket) => {
                peer.sent(n, text.clone());
                self.send(socket, text);
            }
            None => {
                self.room.changed.insert(Row::name_of_peer(peer_id));
                if !peer.waits(n, text) {
                    self.goes(peer_id);
                }
            }
        }
    }

    /// Says farewell to a peer, which is gone with that.
    pub(super) fn dismiss(&mut self, peer_id: &str, problem: Problem, msg: &str) {
        let code = problem.code();
        self.tell(peer_id, &ToClient::Bye { code, msg });
        self.close_socket(peer_id, CLOSED_OVER, msg);
        self.goes(peer_id);
    }

    /// Closes the socket of a peer, which is no peer's any more.
    pub(super) fn close_socket(&mut self, peer_id: &str, code: u16, reason: &str) {
        let Some(socket) = self.peer_mut(peer_id).and_then(|peer| peer.socket.take()) else {
            return;
        };
        self.room.sockets.remove(&socket);
        self.effect(Effect::Close {
            socket,
            code,
            reason: reason.to_owned(),
        });
    }

    pub(super) fn leave(&mut self, peer_id: &str) {
        self.close_socket(peer_id, CLOSED_NORMAL, "");
        self.goes(peer_id);
    }
}
