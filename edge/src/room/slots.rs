//! Which track each section of a subscribing connection shows. A section keeps its track as long as there is that track; so
//! others see no change when somebody comes or goes.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{RoomAction, RoomReply, RoomSlot, RoomSlots};

use super::contract::{Answered, Effect, Row};
use super::limits::SILENT_MS;
use super::offer::MediaKind;
use super::peer::{Slot, Slots};
use super::signal::{ToClient, Want};
use super::terms::Side;
use super::tracks::Visible;
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn assign_slots(&mut self) {
        let subscribers = self.room.peers.iter().filter(|(_, peer)| peer.subscribing.is_some());
        let subscribers: Vec<_> = subscribers.map(|(peer_id, _)| peer_id.clone()).collect();
        let published = self.published();
        for peer_id in subscribers {
            let Some(peer) = self.room.peers.get_mut(&peer_id) else {
                continue;
            };
            let visible: Vec<_> = published
                .iter()
                .filter(|track| !peer.tracks.contains_key(&track.track_id))
                .collect();
            let before = peer.slots.clone();
            peer.slots.assign(&visible, &peer.wishes);
            if peer.slots == before {
                continue;
            }
            peer.slots.version += 1;
            let (slots, want) = (peer.slots.clone(), peer.slots.want);
            self.room.changed.insert(Row::name_of_peer(&peer_id));
            let map = slots.changes(&before);
            if !map.is_empty() || want != before.want {
                let (v, want) = (slots.version, want_of(want));
                self.tell(&peer_id, &ToClient::Slots { v, map, want });
            }
        }
    }

    /// Tells a peer of all its slots.
    pub(super) fn show_slots(&mut self, peer_id: &str) {
        let Some(peer) = self.room.peers.get(peer_id).filter(|peer| peer.subscribing.is_some()) else {
            return;
        };
        let slots = peer.slots.clone();
        let map = slots
            .slots
            .iter()
            .map(|slot| (slot.mid.as_str(), slot.track_id.as_deref()));
        let frame = ToClient::Slots {
            v: slots.version,
            map: map.collect(),
            want: want_of(slots.want),
        };
        self.tell(peer_id, &frame);
    }

    /// Tells each node what its connections show. A node is told one thing after the other, so that none overtakes another.
    pub(super) fn tell_nodes(&mut self) {
        if self.room.again_ms.is_some_and(|at_ms| at_ms > self.now_ms) {
            return;
        }
        let mut due = BTreeMap::<String, Vec<RoomSlots>>::new();
        for peer in self.room.peers.values() {
            let Some(connection) = &peer.subscribing else {
                continue;
            };
            if peer.slots.told < peer.slots.version && !self.room.telling.contains(&connection.node_id) {
                let slots = RoomSlots {
                    connection: connection.id.clone(),
                    map: peer.slots.map(),
                };
                due.entry(connection.node_id.clone()).or_default().push(slots);
            }
        }
        for (node_id, slots) in due {
            let connections = slots.iter().map(|slots| slots.connection.clone()).collect();
            let ask = self.ask(RoomAction::Slots(slots));
            self.room.telling.insert(node_id.clone());
            self.mark_told(&node_id, &connections, true);
            self.effect(Effect::Tell {
                node_id,
                connections,
                ask,
            });
        }
    }

    /// What came of it.
    pub(super) fn told(&mut self, node_id: &str, connections: &BTreeSet<String>, done: bool) {
        self.room.telling.remove(node_id);
        if done {
            self.room.failing.remove(node_id);
            return;
        }
        let since_ms = *self.room.failing.entry(node_id.to_owned()).or_insert(self.now_ms);
        if since_ms.saturating_add(SILENT_MS) > self.now_ms {
            self.mark_told(node_id, connections, false);
            return self.room.try_again(self.now_ms);
        }
        // The node is lost: its clients have to go elsewhere.
        self.room.failing.remove(node_id);
        for connection in connections {
            if let Some((peer_id, side)) = side_of(self, connection) {
                self.loses_connection(&peer_id, side, "the media server does not answer");
            }
        }
    }

    fn mark_told(&mut self, node_id: &str, connections: &BTreeSet<String>, told: bool) {
        for (peer_id, peer) in &mut self.room.peers {
            let is_theirs = peer
                .subscribing
                .as_ref()
                .is_some_and(|connection| connection.node_id == node_id && connections.contains(&connection.id));
            if is_theirs {
                peer.slots.told = if told { peer.slots.version } else { 0 };
                self.room.changed.insert(Row::name_of_peer(peer_id));
            }
        }
    }
}

/// Whether a node has done what it was told. What it refuses for good it is not told again.
pub fn is_done(answered: &Answered) -> bool {
    match answered {
        Answered::By { reply, .. } => !matches!(reply, RoomReply::Answer { .. }),
        Answered::Nobody => false,
    }
}

fn want_of((audio, video): (usize, usize)) -> Want {
    Want { audio, video }
}

impl Slots {
    fn assign(&mut self, visible: &[&Visible], wishes: &BTreeMap<String, u32>) {
        let by_id: BTreeMap<_, _> = visible.iter().map(|track| (track.track_id.as_str(), *track)).collect();
        for slot in &mut self.slots {
            slot.track_id.take_if(|track_id| !by_id.contains_key(track_id.as_str()));
        }
        self.fill(visible, &by_id);
        for slot in &mut self.slots {
            let track = slot.track_id.as_ref().and_then(|track_id| by_id.get(track_id.as_str()));
            slot.shown = track.map(|track| {
                let height = wishes.get(&track.track_id).copied();
                RoomSlot {
                    room_id: track.room_id.clone(),
                    peer_id: track.peer_id.clone(),
                    source: track.source,
                    height: height.filter(|height| *height > 0),
                    paused: track.paused || height == Some(0),
                }
            });
        }
        let count = |kind| visible.iter().filter(|track| Turn::is_of_kind(track, kind)).count();
        self.want = (count(MediaKind::Audio), count(MediaKind::Video));
    }

    /// Gives free slots to the tracks that have none: the sound and the camera of a peer a pair of slots, as far as there are some.
    fn fill(&mut self, visible: &[&Visible], by_id: &BTreeMap<&str, &Visible>) {
        let shown: BTreeSet<_> = self.slots.iter().filter_map(|slot| slot.track_id.clone()).collect();
        let waiting = || visible.iter().filter(|track| !shown.contains(&track.track_id));
        let mut left = Vec::new();
        for track in waiting() {
            let pairs = self.pairs(track);
            let mate = visible.iter().find(|other| track.is_mate_of(other));
            let beside_mate = pairs.iter().find(|pair| {
                let other = pair.other.as_ref().and_then(|other| other.as_deref());
                other
                    .and_then(|other| by_id.get(other))
                    .is_some_and(|other| track.is_mate_of(other))
            });
            // A mate that has a place of its own does not come to this one.
            let is_open =
                |pair: &&Pair| mate.is_some_and(|mate| !shown.contains(&mate.track_id)) && pair.other == Some(None);
            match beside_mate.or_else(|| pairs.iter().find(is_open)) {
                Some(pair) => self.show(pair.slot, track),
                None => left.push(*track),
            }
        }
        for track in left {
            let pairs = self.pairs(track);
            // Pairs are left to those who need them.
            let alone = pairs.iter().find(|pair| pair.other != Some(None));
            if let Some(pair) = alone.or(pairs.first()) {
                self.show(pair.slot, track);
            }
        }
    }

    fn show(&mut self, slot: usize, track: &Visible) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.track_id = Some(track.track_id.clone());
        }
    }

    /// The free slots for a track, each with what the other one of its pair shows. The n-th slot for sound and the n-th for pictures
    /// are a pair: a client plays them in time with one another.
    fn pairs(&self, track: &Visible) -> Vec<Pair> {
        let is_own = |slot: &Slot| Turn::is_of_kind(track, slot.kind);
        let own = self.slots.iter().enumerate().filter(|(_, slot)| is_own(slot));
        let mut others = self.slots.iter().filter(|slot| !is_own(slot));
        let pairs = own.map(|(index, slot)| (index, slot, others.next()));
        let free = pairs.filter(|(_, slot, _)| slot.track_id.is_none());
        free.map(|(slot, _, other)| Pair {
            slot,
            other: other.map(|other| other.track_id.clone()),
        })
        .collect()
    }

    /// As the node has to know it.
    fn map(&self) -> BTreeMap<String, Option<RoomSlot>> {
        let slots = self.slots.iter().map(|slot| (slot.mid.clone(), slot.shown.clone()));
        slots.collect()
    }

    /// The slots that show another track than before.
    fn changes(&self, before: &Self) -> BTreeMap<&str, Option<&str>> {
        let known: BTreeMap<_, _> = before.slots.iter().map(|slot| (&slot.mid, &slot.track_id)).collect();
        let changed = self
            .slots
            .iter()
            .filter(|slot| known.get(&slot.mid).is_none_or(|known| **known != slot.track_id));
        changed
            .map(|slot| (slot.mid.as_str(), slot.track_id.as_deref()))
            .collect()
    }
}

/// A free slot.
struct Pair {
    slot: usize,
    /// What the other one of its pair shows, if it has another one.
    other: Option<Option<String>>,
}

/// Which side of a peer a connection is.
pub(super) fn side_of(turn: &Turn<'_>, connection: &str) -> Option<(String, Side)> {
    turn.room.peers.iter().find_map(|(peer_id, peer)| {
        let is = |side| peer.connection(side).is_some_and(|known| known.id == connection);
        let side = [Side::Publish, Side::Subscribe].into_iter().find(|side| is(*side))?;
        Some((peer_id.clone(), side))
    })
}
