//! Media nodes of several regions, which are full at times, do not hear, or lose what they have.

use protocol::{RoomRefusal, RoomSlot};

use super::*;

pub(super) const NODES: [&str; 4] = ["n1", "n2", "n3", "n4"];

/// What a connection sends, by mid.
type Map = BTreeMap<String, Option<RoomSlot>>;

#[derive(Default)]
pub(super) struct Nodes {
    /// Those that take nobody else.
    pub(super) full: BTreeSet<String>,
    /// Those that hear nothing.
    pub(super) deaf: BTreeSet<String>,
    /// The connections of each.
    has: BTreeMap<String, BTreeMap<String, Map>>,
}

impl Nodes {
    /// Everybody is let in, and nodes are asked and told.
    pub(super) fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Admit { socket, join, .. } => Some(Event::Admitted {
                socket,
                join,
                admitted: Ok(May::ALL),
                has_master: true,
            }),
            Effect::Media { wanted, errand, ask } => {
                let answered = self.answer(&wanted, &ask.action);
                Some(Event::Answered { errand, answered })
            }
            Effect::Tell {
                node_id,
                connections,
                ask,
            } => {
                let done = self.hears(&node_id, ask.action);
                Some(Event::Told {
                    node_id,
                    connections,
                    done,
                })
            }
            Effect::Order { node_id, ask } => {
                self.hears(&node_id, ask.action);
                None
            }
            _ => None,
        }
    }

    /// What comes of asking for a connection.
    fn answer(&mut self, wanted: &Wanted, action: &RoomAction) -> Answered {
        let takes = |node_id: &str| !self.full.contains(node_id) && !self.deaf.contains(node_id);
        let (node_id, other) = match wanted {
            Wanted::Only(node_id) => (node_id.clone(), None),
            Wanted::Rather(node_id) if takes(node_id) => (node_id.clone(), None),
            Wanted::Rather(node_id) => match NODES.into_iter().find(|node_id| takes(node_id)) {
                Some(other) => (other.to_owned(), Some(server(other))),
                None => (node_id.clone(), None),
            },
        };
        if self.deaf.contains(&node_id) {
            return Answered::Nobody;
        }
        let refuses = self.full.contains(&node_id) && matches!(wanted, Wanted::Rather(_));
        let reply = match action {
            RoomAction::Connect(connect) if !refuses => {
                let connections = self.has.entry(node_id.clone()).or_default();
                connections.entry(connect.connection.clone()).or_default();
                RoomReply::Answer { sdp: String::new() }
            }
            _ => RoomReply::Refused {
                code: RoomRefusal::Full,
                reason: "full".into(),
            },
        };
        Answered::By {
            node_id,
            server: other,
            reply,
        }
    }

    /// Whether a node has heard what it is told.
    fn hears(&mut self, node_id: &str, action: RoomAction) -> bool {
        if self.deaf.contains(node_id) {
            return false;
        }
        let connections = self.has.entry(node_id.to_owned()).or_default();
        match action {
            RoomAction::Slots(slots) => {
                for slots in slots {
                    connections.entry(slots.connection).and_modify(|map| *map = slots.map);
                }
            }
            RoomAction::Close { connections: closed } => connections.retain(|id, _| !closed.contains(id)),
            _ => {}
        }
        true
    }

    /// The process of a node is another one.
    pub(super) fn restart(&mut self, node_id: &str) {
        self.has.remove(node_id);
    }

    /// What a connection sends, by mid; `None` when the node does not have it.
    fn sends(&self, connection: &Connection) -> Option<BTreeMap<String, RoomSlot>> {
        let map = self.has.get(&connection.node_id)?.get(&connection.id)?;
        let sent = map.iter().filter_map(|(mid, slot)| Some((mid.clone(), slot.clone()?)));
        Some(sent.collect())
    }
    /// Whoever watches a room is shown all of it, by one of its servers.
    pub(super) fn check(&self, room_id: &str, room: &Room, viewer: &str) {
        let spec = room.spec().unwrap();
        let servers: BTreeSet<_> = spec.servers().map(|server| &server.node_id).collect();
        assert_eq!(servers.len(), spec.servers().count(), "{room_id} has a server twice");
        let others: Vec<_> = room.others.values().flat_map(|other| other.tracks.clone()).collect();
        let is_other = |track_id: &String| others.iter().any(|track| track.track_id == *track_id);
        assert!(spec.paused.iter().all(is_other), "{room_id} pauses what is over");
        let tracks = room.shared_tracks().into_iter().chain(others.clone());
        let expected: BTreeSet<_> = tracks.map(|track| track.track_id).collect();
        let viewer = &room.peers[viewer];
        let slots = &viewer.slots.slots;
        let shown = slots.iter().filter_map(|slot| slot.track_id.clone());
        assert_eq!(shown.collect::<BTreeSet<_>>(), expected, "{room_id}");
        let connection = viewer.subscribing.as_ref().unwrap();
        assert!(servers.contains(&connection.node_id), "{room_id} at {connection:?}");
        let wanted = slots
            .iter()
            .filter_map(|slot| Some((slot.mid.clone(), slot.shown.clone()?)));
        assert_eq!(self.sends(connection), Some(wanted.collect()), "{room_id}");
        for shown in slots.iter().filter_map(|slot| slot.shown.as_ref()) {
            assert!(shown.room_id == room_id || spec.merged.contains(&shown.room_id));
        }
    }
}
