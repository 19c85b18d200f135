//! Coming and going.

use super::contract::{Effect, Join, Row};
use super::limits::{IDLE_MS, LOOK_MS, MAX_ID_BYTES, MAX_PEERS, MAX_STRANGERS, SILENT_MS, STRANGE_MS};
use super::peer::Peer;
use super::problem::Problem;
use super::signal::{PeerView, ToClient, VERSION};
use super::spec::{Role, Spec};
use super::terms::{May, SocketId};
use super::turn::{CLOSED_OVER, CLOSED_REPLACED, CLOSED_SILENT, Turn};

impl Turn<'_> {
    /// A socket is open, whoever that is.
    pub(super) fn opened(&mut self, socket: SocketId) {
        if self.room.sockets.is_empty() && self.room.strangers.is_empty() {
            // Nobody has been looked at for long.
            self.room.looked_ms = self.now_ms;
        }
        self.room.strangers.insert(socket, self.now_ms);
        if self.room.strangers.len() > MAX_STRANGERS {
            let oldest = self.room.strangers.iter().min_by_key(|(_, since_ms)| **since_ms);
            if let Some(oldest) = oldest.map(|(socket, _)| *socket) {
                self.close_stranger(oldest, "too many sockets have not joined");
            }
        }
    }

    fn close_stranger(&mut self, socket: SocketId, reason: &str) {
        self.room.strangers.remove(&socket);
        self.room.admitting.remove(&socket);
        self.effect(Effect::Close {
            socket,
            code: CLOSED_SILENT,
            reason: reason.to_owned(),
        });
    }

    /// Looks into a wish to join, as far as that needs nobody else.
    pub(super) fn joins(&mut self, socket: SocketId, join: Join) {
        if self.room.sockets.contains_key(&socket) || !self.room.admitting.insert(socket) {
            return self.refuse(socket, join.id, Problem::Connected);
        }
        if self.spec().is_none() {
            return self.turn_away(socket, join.id, Problem::NoRoom);
        }
        let is_name = (1..=MAX_ID_BYTES).contains(&join.peer_id.len()) && !join.peer_id.chars().any(char::is_control);
        if !is_name || join.peer_id.contains('/') {
            return self.turn_away(socket, join.id, Problem::Invalid);
        }
        let (app_id, room_id) = (self.room.kept.app_id.clone(), self.room.kept.room_id.clone());
        let absent_master = self.absent_master(&join.peer_id);
        self.effect(Effect::Admit {
            app_id,
            room_id,
            socket,
            join,
            absent_master,
        });
    }

    /// The master of a live room who keeps others from entering, by not being there.
    fn absent_master(&self, peer_id: &str) -> Option<String> {
        let spec = self.spec()?;
        let waits = spec.is_live() && spec.playback.is_none() && spec.master_id != peer_id;
        (waits && !self.room.peers.contains_key(&spec.master_id)).then(|| spec.master_id.clone())
    }

    /// Refuses a wish to join. The socket stays open: the client may have another one.
    fn turn_away(&mut self, socket: SocketId, id: u64, problem: Problem) {
        self.room.admitting.remove(&socket);
        self.refuse(socket, id, problem);
    }

    /// `has_master`: the master is there, though nobody has told the room so.
    pub(super) fn admitted(&mut self, socket: SocketId, join: Join, admitted: Result<May, String>, has_master: bool) {
        // The socket may have closed meanwhile.
        if !self.room.admitting.remove(&socket) {
            return;
        }
        let may = match admitted {
            Ok(may) => may,
            Err(msg) => return self.keep_out(socket, join.id, &msg),
        };
        let known = self.room.peers.get(&join.peer_id).filter(|peer| peer.has_client());
        let shows = |peer: &Peer| join.resume.as_deref() == Some(peer.resume.as_str());
        match known {
            Some(peer) if shows(peer) => return self.resumes(socket, &join, may),
            Some(peer) if peer.socket.is_some() => return self.refuse(socket, join.id, Problem::Joined),
            _ => {}
        }
        let has_broken = known.is_some();
        if let Some(problem) = self.objection(&join.peer_id, has_master) {
            return self.refuse(socket, join.id, problem);
        }
        if has_broken {
            // A new client takes its place.
            self.goes(&join.peer_id);
        }
        self.enters(socket, &join, may);
    }

    /// Somebody has no business here, whatever the room is like.
    fn keep_out(&mut self, socket: SocketId, id: u64, msg: &str) {
        let code = Problem::Illegal.code();
        let text = ToClient::Err { id, code, msg }.text();
        self.send(socket, text);
        let reason = "the client is not let in".to_owned();
        self.effect(Effect::Close {
            socket,
            code: CLOSED_OVER,
            reason,
        });
    }

    /// Why somebody may not enter.
    fn objection(&self, peer_id: &str, has_master: bool) -> Option<Problem> {
        let Some(spec) = self.spec() else {
            return Some(Problem::NoRoom);
        };
        let role = spec.role(peer_id);
        if !spec.open {
            return Some(Problem::Closed);
        }
        if let super::spec::Kind::Conversation { invited, .. } = &spec.kind
            && role != Role::Master
            && !invited.contains(peer_id)
        {
            return Some(Problem::NotInvited);
        }
        if spec.playback.is_some() && role == Role::Master {
            // Its master is the file that it shows.
            return Some(Problem::Joined);
        }
        if !has_master && self.absent_master(peer_id).is_some() {
            return Some(Problem::MasterAbsent);
        }
        if self.room.peers.len() >= MAX_PEERS {
            return Some(Problem::TooManyConnections);
        }
        let is_there = self.room.peers.contains_key(peer_id);
        (!is_there && self.room.peers.len() >= spec.capacity()).then_some(Problem::Full)
    }

    fn enters(&mut self, socket: SocketId, join: &Join, may: May) {
        let resume = self.random.secret();
        let number = self.room.next_number();
        // What it publishes by another protocol stays its own.
        let guest = self.room.peers.remove(&join.peer_id).unwrap_or_default();
        let peer = Peer {
            socket: Some(socket),
            resume,
            joined_ms: self.now_ms,
            heard_ms: self.now_ms,
            number,
            may,
            ..guest
        };
        self.room.peers.insert(join.peer_id.clone(), peer);
        self.room.changed.insert(Row::name_of_peer(&join.peer_id));
        self.room.strangers.remove(&socket);
        self.room.sockets.insert(socket, join.peer_id.clone());
        self.greet(&join.peer_id, join.id, false);
        // An audience is too large for all of it to be told of each.
        let role = self.spec().map(|spec| spec.role(&join.peer_id));
        if let Some(role) = role.filter(|role| *role != Role::Audience) {
            let arrival = ToClient::Peer {
                peer_id: &join.peer_id,
                state: "joined",
                role: Some(role.name()),
            };
            self.tell_all(Some(&join.peer_id), &arrival);
        }
    }

    /// The same client by another socket: it is as it was.
    fn resumes(&mut self, socket: SocketId, join: &Join, may: May) {
        let peer_id = &join.peer_id;
        if let Some(peer) = self.room.peers.get_mut(peer_id)
            && peer.socket.is_some()
        {
            // What the old socket was sent may not have arrived.
            let old = peer.socket;
            peer.breaks(self.now_ms);
            peer.socket = old;
        }
        self.close_socket(peer_id, CLOSED_REPLACED, "the peer has another connection");
        let now_ms = self.now_ms;
        let Some(peer) = self.peer_mut(peer_id) else {
            return;
        };
        peer.socket = Some(socket);
        peer.may = may;
        peer.broken_ms = None;
        peer.joined_ms = now_ms;
        peer.heard_ms = now_ms;
        let missed = peer.missed(join.seen);
        for (number, text) in &missed {
            peer.sent(*number, text.clone());
        }
        self.room.strangers.remove(&socket);
        self.room.sockets.insert(socket, peer_id.clone());
        self.greet(peer_id, join.id, true);
        self.show_slots(peer_id);
        for (_, text) in missed {
            self.send(socket, text);
        }
    }

    /// Tells a peer who is there and what it may do.
    fn greet(&mut self, peer_id: &str, id: u64, resumed: bool) {
        let (Some(spec), Some(peer)) = (self.spec(), self.room.peers.get(peer_id)) else {
            return;
        };
        let role = spec.role(peer_id);
        let joined = ToClient::Joined {
            id,
            v: VERSION,
            resume: &peer.resume,
            resumed,
            role: role.name(),
            can: self.can(peer_id),
            protocol: spec.transport.protocol,
            min_bitrate: spec.transport.min_bitrate,
            max_bitrate: self.max_bitrate(peer_id),
            peers: self.views(peer_id),
        };
        let (socket, text) = (peer.socket, joined.text());
        if let Some(socket) = socket {
            self.send(socket, text);
        }
    }

    /// Which kinds of media a peer may publish, by its role and by its token: sound and pictures.
    pub(super) fn may_publish(&self, peer_id: &str) -> (bool, bool) {
        let role = self.spec().map_or(Role::Audience, |spec| spec.role(peer_id));
        let may = self.room.peers.get(peer_id).map(|peer| peer.may).unwrap_or_default();
        (role.can_audio() && may.audio, role.can_video() && may.video)
    }

    /// As [`Self::may_publish`], as clients are told it.
    pub(super) fn can(&self, peer_id: &str) -> Vec<&'static str> {
        let (audio, video) = self.may_publish(peer_id);
        let kinds = [(audio, "audio"), (video, "video")];
        kinds
            .into_iter()
            .filter_map(|(can, kind)| can.then_some(kind))
            .collect()
    }

    /// The bits a second that a peer may send.
    pub(super) fn max_bitrate(&self, peer_id: &str) -> u64 {
        let of_room = self.spec().map_or(0, |spec| spec.transport.max_bitrate);
        match self.spec().map(|spec| spec.role(peer_id)) {
            Some(Role::Cohost(raised)) => raised.max_bitrate,
            _ => of_room,
        }
    }

    /// The others, with what they publish. Of the audience, only those that publish are named.
    fn views(&self, but: &str) -> Vec<PeerView> {
        let Some(spec) = self.spec() else {
            return Vec::new();
        };
        let own = self.room.peers.iter().filter(|(peer_id, peer)| {
            *peer_id != but && (spec.role(peer_id) != Role::Audience || !peer.tracks.is_empty())
        });
        let own = own.map(|(peer_id, peer)| PeerView {
            peer_id: peer_id.clone(),
            role: spec.role(peer_id).name(),
            room_id: None,
            tracks: self.own_tracks(peer_id, peer),
        });
        own.chain(self.other_peers()).collect()
    }

    pub(super) fn broke(&mut self, socket: SocketId) {
        self.room.strangers.remove(&socket);
        self.room.admitting.remove(&socket);
        self.room.said.remove(&socket);
        let Some(peer_id) = self.room.sockets.remove(&socket) else {
            return;
        };
        let now_ms = self.now_ms;
        if let Some(peer) = self.peer_mut(&peer_id) {
            peer.breaks(now_ms);
        }
    }

    /// A peer is not there any more: its connections are ended, and the others are told.
    pub(super) fn goes(&mut self, peer_id: &str) {
        let Some(peer) = self.room.peers.remove(peer_id) else {
            return;
        };
        self.room.changed.insert(Row::name_of_peer(peer_id));
        if let Some(socket) = peer.socket {
            self.room.sockets.remove(&socket);
        }
        self.room.moved |= !peer.tracks.is_empty();
        for connection in peer.connections() {
            self.end_connection(connection);
        }
        if peer.publishing.is_some() {
            self.ceases(peer_id);
        }
        for track_id in peer.tracks.keys() {
            self.tell_all(None, &ToClient::Untrack { track_id });
        }
        let is_known = self.spec().is_some_and(|spec| spec.role(peer_id) != Role::Audience);
        if is_known || !peer.tracks.is_empty() {
            let departure = ToClient::Peer {
                peer_id,
                state: "left",
                role: None,
            };
            self.tell_all(None, &departure);
        }
    }

    /// Looks which sockets are silent, when it is time for that.
    pub(super) fn look(&mut self) {
        if self.room.looked_ms.saturating_add(LOOK_MS) > self.now_ms {
            return;
        }
        self.room.looked_ms = self.now_ms;
        let now_ms = self.now_ms;
        let late = self.room.strangers.iter();
        let late = late.filter(|(_, since_ms)| since_ms.saturating_add(STRANGE_MS) <= now_ms);
        let late: Vec<_> = late.map(|(socket, _)| *socket).collect();
        for socket in late {
            self.close_stranger(socket, "no join has come for 30 seconds");
        }
        let sockets: Vec<_> = self
            .room
            .sockets
            .iter()
            .map(|(socket, id)| (*socket, id.clone()))
            .collect();
        for (socket, peer_id) in sockets {
            let heard = self
                .room
                .peers
                .get(&peer_id)
                .map(|peer| peer.heard_ms.max(peer.joined_ms));
            match (self.pings)(socket) {
                None => self.broke(socket),
                Some(pinged_ms) => {
                    let heard_ms = pinged_ms.max(heard.unwrap_or_default());
                    if heard_ms.saturating_add(SILENT_MS) < self.now_ms {
                        self.close_socket(&peer_id, CLOSED_SILENT, "no ping has come for 15 seconds");
                        self.goes(&peer_id);
                    }
                }
            }
        }
    }

    /// Remembers since when nobody has been there.
    pub(super) fn count_idle(&mut self) {
        let is_empty = self.room.peers.is_empty();
        let known = self.spec().and_then(|spec| spec.idle_ms);
        if self.spec().is_none() || known.is_some() == is_empty {
            return;
        }
        let now_ms = self.now_ms;
        if let Some(spec) = self.spec_mut() {
            spec.idle_ms = is_empty.then_some(now_ms);
        }
    }

    pub(super) fn close_if_idle(&mut self) {
        let since_ms = self.spec().and_then(Spec::idle_since_ms);
        if since_ms.is_some_and(|since_ms| since_ms.saturating_add(IDLE_MS) <= self.now_ms) {
            self.ends();
        }
    }
}
