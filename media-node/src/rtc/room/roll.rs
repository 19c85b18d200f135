//! Who is in the rooms of this node, and what else is done for each room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::StreamName;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::commons::Commons;
use super::key::{Key, RoomKey};
use super::news::News;
use super::speakers::{self, Speakers};
use super::tracks;
use crate::channel::StreamPath;
use crate::hub::Hub;
use crate::rtsp::Streams;
use crate::transcode::Transcoding;

/// See the module.
pub(in crate::rtc) struct Roll {
    pub(super) commons: Arc<Commons>,
    rooms: Mutex<HashMap<RoomKey, Room>>,
    /// Connections that there have been.
    count: AtomicU64,
}

#[derive(Default)]
struct Room {
    /// The number of each, which differs from one to the next of the same name.
    connections: HashMap<String, u64>,
    speakers: Arc<Speakers>,
    /// Who listens while the room has connections.
    listening: JoinSet<()>,
    /// Held while the room has connections.
    attended: Arc<()>,
}

impl Roll {
    /// What it starts runs where this is called.
    pub(in crate::rtc) fn new(hub: Arc<Hub>, streams: Streams, transcoding: Transcoding) -> Self {
        let commons = Commons {
            hub,
            streams,
            transcoding,
            news: News::default(),
            runtime: Handle::current(),
        };
        Self {
            commons: Arc::new(commons),
            rooms: Mutex::default(),
            count: AtomicU64::new(0),
        }
    }

    pub(in crate::rtc) fn news(&self) -> &News {
        &self.commons.news
    }

    /// Connections at present.
    pub(in crate::rtc) fn count(&self) -> usize {
        self.lock().values().map(|room| room.connections.len()).sum()
    }

    /// `number`: the connection's [own](Presence::number).
    pub(in crate::rtc) fn enter(&self, key: &Key, number: u64) {
        let mut rooms = self.lock();
        let room = rooms.entry(key.place()).or_default();
        if room.listening.is_empty() {
            let runtime = &self.commons.runtime;
            let attended = Arc::downgrade(&room.attended);
            runtime.spawn(tracks::watch(self.commons.clone(), key.place(), attended));
            let listening = speakers::watch(self.commons.clone(), key.place(), room.speakers.clone());
            room.listening.spawn_on(listening, runtime);
        }
        room.connections.insert(key.connection.clone(), number);
    }

    /// Takes a connection out of the roll; whether it was there.
    pub(in crate::rtc) fn leave(&self, key: &Key) -> bool {
        let number = {
            let rooms = self.lock();
            rooms
                .get(&key.place())
                .and_then(|room| room.connections.get(&key.connection).copied())
        };
        number.is_some_and(|number| self.remove(key, number))
    }

    /// A connection has ended that the edge did not end.
    pub(in crate::rtc) fn lost(&self, key: &Key, number: u64, reason: &str) {
        // Another one may have its name now.
        if self.remove(key, number) {
            self.commons.news.gone(key, reason);
        }
    }

    fn remove(&self, key: &Key, number: u64) -> bool {
        let mut rooms = self.lock();
        let Some(room) = rooms.get_mut(&key.place()) else {
            return false;
        };
        if room.connections.get(&key.connection) != Some(&number) {
            return false;
        }
        room.connections.remove(&key.connection);
        if room.connections.is_empty() {
            rooms.remove(&key.place());
        }
        true
    }

    fn speakers(&self, key: &Key) -> Arc<Speakers> {
        let rooms = self.lock();
        let room = rooms.get(&key.place());
        room.map(|room| room.speakers.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomKey, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own place in its room. Whoever drops it has ended, which is told unless the edge wanted that.
pub(in crate::rtc) struct Presence {
    pub(super) roll: Arc<Roll>,
    pub(super) key: Key,
    pub(super) peer_id: String,
    /// Differs from one connection to the next.
    pub(in crate::rtc) number: u64,
    why: Option<String>,
}

impl Presence {
    pub(in crate::rtc) fn new(roll: Arc<Roll>, key: Key, peer_id: String) -> Self {
        let number = roll.count.fetch_add(1, Ordering::Relaxed);
        Self {
            roll,
            key,
            peer_id,
            number,
            why: None,
        }
    }

    /// What it publishes, or who plays, is called so.
    pub(super) fn path(&self) -> StreamPath {
        StreamPath {
            app: self.key.app.clone(),
            channel: self.key.room.clone(),
            uid: self.peer_id.clone(),
            stream: StreamName::Camera,
        }
    }

    pub(super) fn connected(&self) {
        self.roll.commons.news.connected(&self.key);
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
        let why = why
            .as_deref()
            .unwrap_or("the connection has failed: this is a fault of the server");
        self.roll.lost(&self.key, self.number, why);
    }
}
