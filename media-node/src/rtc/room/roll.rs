//! Which connections the rooms of this node have, and what else goes on in each room.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{RoomSlot, RoomSource};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::session::Command;
use super::news::News;
use super::speakers::{self, Speakers};
use super::tracks;
use crate::hub::Hub;
use crate::rtsp::Streams;

/// Which source each media section (by mid) sends.
pub(in crate::rtc) type Sources = BTreeMap<String, RoomSource>;

/// What a room wants of a connection.
pub(in crate::rtc) enum Wish {
    /// By mid; `None` empties the slot.
    Slots(BTreeMap<String, Option<RoomSlot>>),
    Allow {
        audio: bool,
        video: bool,
        max_bitrate: u64,
    },
}

/// Names a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rtc) struct Key {
    pub(super) app: String,
    pub(super) room: String,
    pub(super) connection: String,
}

/// App and room.
pub(super) type RoomKey = (String, String);

/// See the module.
pub(super) struct Roll {
    pub(super) hub: Arc<Hub>,
    pub(super) streams: Streams,
    pub(super) news: News,
    /// Where what is no connection's own runs: their threads are kept for packets.
    pub(super) runtime: Handle,
    rooms: Mutex<HashMap<RoomKey, Room>>,
}

#[derive(Default)]
struct Room {
    connections: HashMap<String, Open>,
    speakers: Arc<Speakers>,
    /// Who looks after the room while it has connections.
    watching: JoinSet<()>,
}

struct Open {
    peer_id: String,
    commands: mpsc::Sender<Command>,
}

impl Roll {
    /// What it starts runs where this is called.
    pub(super) fn new(hub: Arc<Hub>, streams: Streams) -> Self {
        Self {
            hub,
            streams,
            news: News::default(),
            runtime: Handle::current(),
            rooms: Mutex::default(),
        }
    }

    /// Whether there is room for one connection more: recorders and players by other means keep theirs.
    pub(super) fn has_room(&self) -> bool {
        let limits = &self.hub.limits;
        let count: usize = self.lock().values().map(|room| room.connections.len()).sum();
        count < limits.connections.saturating_sub(limits.kept_connections)
    }

    pub(super) fn enter(self: &Arc<Self>, key: Key, peer_id: String, commands: mpsc::Sender<Command>) {
        let ended = commands.is_closed();
        let mut rooms = self.lock();
        let room = rooms.entry(key.place()).or_default();
        if room.watching.is_empty() {
            room.watching.spawn(tracks::watch(self.clone(), key.place()));
            room.watching
                .spawn(speakers::watch(self.clone(), key.place(), room.speakers.clone()));
        }
        room.connections
            .insert(key.connection.clone(), Open { peer_id, commands });
        drop(rooms);
        if ended {
            self.lost(&key, "the connection has ended at once");
        }
    }

    /// How a connection is told something.
    pub(super) fn commands(&self, key: &Key) -> Option<mpsc::Sender<Command>> {
        let rooms = self.lock();
        let open = rooms.get(&key.place())?.connections.get(&key.connection)?;
        Some(open.commands.clone()).filter(|commands| !commands.is_closed())
    }

    pub(super) fn of_peer(&self, app: &str, room: &str, peer_id: &str) -> Vec<Key> {
        let rooms = self.lock();
        let room_of = rooms.get(&(app.to_owned(), room.to_owned()));
        let open = room_of.into_iter().flat_map(|room| &room.connections);
        let of_peer = open.filter(|(_, open)| open.peer_id == peer_id);
        let keys = of_peer.map(|(connection, _)| Key {
            app: app.to_owned(),
            room: room.to_owned(),
            connection: connection.clone(),
        });
        keys.collect()
    }

    /// Takes a connection out of the roll; `None` if it was not there.
    pub(super) fn leave(&self, key: &Key) -> Option<mpsc::Sender<Command>> {
        let mut rooms = self.lock();
        let room = rooms.get_mut(&key.place())?;
        let open = room.connections.remove(&key.connection)?;
        if room.connections.is_empty() {
            rooms.remove(&key.place());
        }
        Some(open.commands)
    }

    fn lost(&self, key: &Key, reason: &str) {
        if self.leave(key).is_some() {
            self.news.gone(key, reason);
        }
    }

    fn speakers(&self, key: &Key) -> Arc<Speakers> {
        let rooms = self.lock();
        rooms
            .get(&key.place())
            .map(|room| room.speakers.clone())
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomKey, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    pub(super) fn place(&self) -> RoomKey {
        (self.app.clone(), self.room.clone())
    }
}

/// A connection's own place in its room. Whoever drops it has ended, which is told unless the edge wanted that.
pub(in crate::rtc) struct Presence {
    pub(super) roll: Arc<Roll>,
    pub(super) key: Key,
    pub(super) peer_id: String,
    why: Option<String>,
}

impl Presence {
    pub(super) fn new(roll: Arc<Roll>, key: Key, peer_id: String) -> Self {
        Self {
            roll,
            key,
            peer_id,
            why: None,
        }
    }

    pub(super) fn connected(&self) {
        self.roll.news.connected(&self.key);
    }

    pub(super) fn speakers(&self) -> Arc<Speakers> {
        self.roll.speakers(&self.key)
    }

    /// Says for a person why it ends.
    pub(super) fn ends(&mut self, why: String) {
        self.why = Some(why);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let why = self.why.take();
        self.roll.lost(
            &self.key,
            why.as_deref()
                .unwrap_or("the connection has failed: this is a fault of the server"),
        );
    }
}
