//! Who publishes to the room's channel by another protocol than the room's own. That they are there, the channel tells, whatever node
//! they publish to; which tracks they have in truth, a node tells that has connections of the room.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{CarriedUser, RoomSource, StreamName};

use super::contract::{Effect, Publisher, Row};
use super::limits::{MAX_PEERS, SILENT_MS};
use super::peer::Peer;
use super::signal::ToClient;
use super::terms::Side;
use super::turn::Turn;

/// What the users of a channel may publish, as its nodes tell it.
pub fn publishers(users: Vec<CarriedUser>) -> Vec<Publisher> {
    let mut by_id = BTreeMap::<String, BTreeSet<RoomSource>>::new();
    for user in users {
        let sources = user.streams.iter().flat_map(|stream| sources(stream.name));
        by_id.entry(user.uid).or_default().extend(sources);
    }
    let publishers = by_id.into_iter().filter(|(_, sources)| !sources.is_empty());
    let publishers = publishers.map(|(user_id, sources)| Publisher { user_id, sources });
    publishers.take(MAX_PEERS).collect()
}

fn sources(name: StreamName) -> &'static [RoomSource] {
    match name {
        StreamName::Camera => &[RoomSource::Audio, RoomSource::Camera],
        StreamName::Audio => &[RoomSource::Audio],
        StreamName::Screen => &[RoomSource::Screen],
        StreamName::Low | StreamName::Whiteboard => &[],
    }
}

impl Turn<'_> {
    /// Who publishes to the channel. Those that publish by a connection of the room are known better by that.
    pub(super) fn lists(&mut self, users: Vec<Publisher>) {
        if self.spec().is_none() {
            return;
        }
        let users: BTreeMap<_, _> = users.into_iter().map(|user| (user.user_id, user.sources)).collect();
        let gone = self.room.peers.iter().filter(|(_, peer)| !peer.listed.is_empty());
        let gone: Vec<_> = gone
            .map(|(peer_id, _)| peer_id.clone())
            .filter(|peer_id| !users.contains_key(peer_id))
            .collect();
        for peer_id in gone {
            self.is_listed(&peer_id, BTreeSet::new());
        }
        for (peer_id, sources) in users {
            let is_there = match self.room.peers.get(&peer_id) {
                Some(peer) if peer.publishing.is_some() || peer.asking.contains(&Side::Publish) => false,
                _ if self.has_just_ceased(&peer_id) => false,
                Some(_) => true,
                None => self.guest_comes(&peer_id),
            };
            if is_there {
                self.is_listed(&peer_id, sources);
            }
        }
    }

    /// Ends what somebody publishes by another protocol.
    pub(super) fn disconnects(&mut self, peer_id: &str) {
        let peer = self.room.peers.get(peer_id);
        let is_guest = |peer: &Peer| peer.publishing.is_none() && !(peer.tracks.is_empty() && peer.listed.is_empty());
        if peer.is_some_and(is_guest) {
            self.ceases(peer_id);
            self.effect(Effect::Disconnect {
                app_id: self.room.kept.app_id.clone(),
                room_id: self.room.kept.room_id.clone(),
                user_id: peer_id.to_owned(),
            });
        }
    }

    /// A connection of the room publishes no more. The channel's nodes hear of it later than the room.
    pub(super) fn ceases(&mut self, peer_id: &str) {
        let now_ms = self.now_ms;
        self.room
            .ceased
            .retain(|_, at_ms| at_ms.saturating_add(SILENT_MS) > now_ms);
        if self.room.ceased.len() < MAX_PEERS {
            self.room.ceased.insert(peer_id.to_owned(), now_ms);
        }
    }

    fn has_just_ceased(&self, peer_id: &str) -> bool {
        let at_ms = self.room.ceased.get(peer_id);
        at_ms.is_some_and(|at_ms| at_ms.saturating_add(SILENT_MS) > self.now_ms)
    }

    /// The channel lists somebody with these sources. What a node has told of them before stands.
    fn is_listed(&mut self, peer_id: &str, sources: BTreeSet<RoomSource>) {
        let Some(peer) = self.room.peers.get(peer_id).filter(|peer| peer.listed != sources) else {
            return;
        };
        let known = peer.sources();
        let is_publishing = peer.publishing.is_some();
        let told_by_node = peer.listed.is_empty() && !known.is_empty();
        let new = sources.difference(&peer.listed).filter(|_| !told_by_node);
        let left = known.intersection(&sources);
        let left: BTreeSet<_> = new.chain(left).copied().collect();
        if let Some(peer) = self.peer_mut(peer_id) {
            peer.listed = sources;
        }
        if is_publishing {
            return;
        }
        self.guest_has(peer_id, &left);
    }

    /// Somebody publishes who was not there. False when the room is full.
    pub(super) fn guest_comes(&mut self, peer_id: &str) -> bool {
        if self.room.peers.len() >= MAX_PEERS {
            return false;
        }
        let guest = Peer {
            joined_ms: self.now_ms,
            number: self.room.next_number(),
            ..Peer::default()
        };
        self.room.changed.insert(Row::name_of_peer(peer_id));
        self.room.peers.insert(peer_id.to_owned(), guest);
        let arrival = ToClient::Peer {
            peer_id,
            state: "joined",
            role: self.spec().map(|spec| spec.role(peer_id).name()),
        };
        self.tell_all(Some(peer_id), &arrival);
        true
    }

    /// Who publishes by another protocol has the tracks whose media comes, and is gone with the last one.
    pub(super) fn guest_tracks(&mut self, peer_id: String, source: RoomSource, is_on: bool) {
        let Some(peer) = self.room.peers.get(&peer_id) else {
            return;
        };
        let mut sources = peer.sources();
        match is_on {
            true => sources.insert(source),
            false => sources.remove(&source),
        };
        self.guest_has(&peer_id, &sources);
    }

    fn guest_has(&mut self, peer_id: &str, sources: &BTreeSet<RoomSource>) {
        let has_client = self.room.peers.get(peer_id).is_some_and(Peer::has_client);
        self.has_tracks(peer_id, sources);
        if sources.is_empty() && !has_client {
            self.goes(peer_id);
        }
    }
}
