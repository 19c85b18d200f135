use std::collections::{BTreeMap, BTreeSet};

use super::contract::{Kept, Row};
use super::limits::{AGAIN_MS, IDLE_MS, LOOK_MS, MAX_AT_ONCE, MAX_SHARED_TRACKS, SILENT_MS};
use super::peer::Peer;
use super::spec::{Other, Spec};
use super::terms::{SharedTrack, SocketId};
use crate::object::CallId;

/// What is known of a room, in memory.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub(super) kept: Kept,
    pub(super) peers: BTreeMap<String, Peer>,
    /// The rooms that it is connected with.
    pub(super) others: BTreeMap<String, Other>,
    /// The peers by their sockets.
    pub(super) sockets: BTreeMap<SocketId, String>,
    /// Sockets that have not joined, each since when.
    pub(super) strangers: BTreeMap<SocketId, u64>,
    /// Sockets whose wish to join is being looked into.
    pub(super) admitting: BTreeSet<SocketId>,
    /// Who waits for the lobby to know the room.
    pub(super) creating: Vec<CallId>,
    /// The lobby is being told that the room is there, or that it is over.
    pub(super) registering: bool,
    /// Rooms that are being told what is published here.
    pub(super) sharing: BTreeSet<String>,
    /// What the connected rooms are told is published here; `None` when that is not known any more.
    pub(super) shown: Option<Vec<SharedTrack>>,
    /// Nodes that are being told of slots.
    pub(super) telling: BTreeSet<String>,
    /// Nodes that do not answer, each since when.
    pub(super) failing: BTreeMap<String, u64>,
    /// When something is tried again.
    pub(super) again_ms: Option<u64>,
    /// A node is being asked to play what the room shows.
    pub(super) playing: bool,
    /// When it is to be asked next; `None`: now.
    pub(super) play_ms: Option<u64>,
    /// Who has ceased to publish by a connection, and when: the channel may list them a little longer.
    pub(super) ceased: BTreeMap<String, u64>,
    /// How many frames each socket has sent in which second.
    pub(super) said: BTreeMap<SocketId, (u64, u32)>,
    /// The number of the last message: when it was said, or the next number.
    pub(super) numbered: u64,
    /// When the sockets were last looked at; 0 when this process has not yet.
    pub(super) looked_ms: u64,
    /// What is published, or who may see it how, has changed.
    pub(super) moved: bool,
    /// Names of rows that have changed.
    pub(super) changed: BTreeSet<String>,
}

impl Room {
    /// The room as its rows tell of it. Sockets that are not among `open`, each since when, have broken with the object. One that sleeps
    /// between two looks is restored for each.
    pub fn restore(rows: impl IntoIterator<Item = Row>, open: &BTreeMap<SocketId, u64>, now_ms: u64) -> Self {
        let mut room = Self {
            // Above all that the process before has used.
            numbered: now_ms.saturating_add(MAX_AT_ONCE),
            ..Self::default()
        };
        for row in rows {
            match row {
                Row::Room(kept) => room.kept = kept,
                Row::Peer(peer_id, peer) => {
                    room.peers.insert(peer_id, *peer);
                }
                Row::Other(room_id, other) => {
                    room.others.insert(room_id, other);
                }
            }
        }
        room.play_ms = room
            .spec()
            .is_some_and(|spec| spec.playback.is_some())
            .then_some(now_ms);
        for (peer_id, peer) in &mut room.peers {
            match peer.socket {
                Some(socket) if open.contains_key(&socket) => {
                    room.sockets.insert(socket, peer_id.clone());
                }
                Some(_) => {
                    peer.breaks(now_ms);
                    room.changed.insert(Row::name_of_peer(peer_id));
                }
                None => {}
            }
        }
        let strange = open.iter().filter(|(socket, _)| !room.sockets.contains_key(*socket));
        room.strangers = strange.map(|(socket, since_ms)| (*socket, *since_ms)).collect();
        // What was being told when the object went is told again.
        room.again_ms = room.has_untold().then_some(now_ms);
        room.shown = (room.kept.shared > 0).then(|| room.shared_tracks());
        room
    }

    /// What connected rooms are told is published here.
    pub(super) fn shared_tracks(&self) -> Vec<SharedTrack> {
        let tracks = self.peers.iter().flat_map(|(peer_id, peer)| {
            peer.tracks.iter().map(|(track_id, track)| SharedTrack {
                track_id: track_id.clone(),
                peer_id: peer_id.clone(),
                source: track.source,
                on: track.is_on(),
            })
        });
        tracks.take(MAX_SHARED_TRACKS).collect()
    }

    /// The number of whoever comes next.
    pub(super) fn next_number(&self) -> u64 {
        let numbers = self.peers.values().map(|peer| peer.number);
        numbers.max().unwrap_or_default() + 1
    }

    pub(super) fn spec(&self) -> Option<&Spec> {
        self.kept.spec.as_deref()
    }

    fn has_untold(&self) -> bool {
        let Some(spec) = self.spec() else {
            return self.kept.leaves;
        };
        let shares = self.others.values().any(|other| other.told < self.kept.shared);
        let slots = self.peers.values().any(|peer| peer.slots.told < peer.slots.version);
        !spec.registered || shares || slots
    }

    /// When something is due, Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        let broken = self.peers.values().filter_map(|peer| peer.broken_ms);
        let has_sockets = !self.sockets.is_empty() || !self.strangers.is_empty();
        let look = has_sockets.then(|| self.looked_ms.saturating_add(LOOK_MS));
        let idle = self
            .spec()
            .and_then(Spec::idle_since_ms)
            .map(|since_ms| since_ms.saturating_add(IDLE_MS));
        let broken = broken.map(|since_ms| since_ms.saturating_add(SILENT_MS)).min();
        [broken, look, idle, self.again_ms, self.playback_due_ms()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Something was not heard: it is told again.
    pub(super) fn try_again(&mut self, now_ms: u64) {
        let at_ms = now_ms.saturating_add(AGAIN_MS);
        // A time that has passed would let it be tried again at once, and for ever.
        let known_ms = self.again_ms.filter(|known_ms| *known_ms > now_ms);
        self.again_ms = Some(known_ms.map_or(at_ms, |known_ms| known_ms.min(at_ms)));
    }
}
