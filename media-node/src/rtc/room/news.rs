//! What the edge has to be told of rooms. Of each thing only its newest state waits, so what waits is bounded by what there is,
//! however long the edge is away.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{RoomEvent, RoomNews, RoomSource, RoomUnshown};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::key::{Key, RoomKey};

/// What happens within this time is told together.
const GATHER: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Default)]
pub(in crate::rtc) struct News {
    waiting: Mutex<BTreeMap<RoomKey, Waiting>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Connections that have connected, or why they are gone.
    connections: BTreeMap<String, Option<String>>,
    tracks: BTreeMap<(String, RoomSource), bool>,
    speakers: Option<Vec<String>>,
    /// Why slots stay empty, by connection and mid.
    unshown: BTreeMap<(String, String), String>,
}

impl News {
    pub(super) fn connected(&self, key: &Key) {
        self.add(key.place(), |waiting| {
            waiting.connections.insert(key.connection.clone(), None);
        });
    }

    pub(in crate::rtc) fn gone(&self, key: &Key, reason: &str) {
        self.add(key.place(), |waiting| {
            waiting
                .connections
                .insert(key.connection.clone(), Some(reason.to_owned()));
        });
    }

    pub(super) fn track(&self, room: &RoomKey, peer_id: &str, source: RoomSource, is_on: bool) {
        self.add(room.clone(), |waiting| {
            waiting.tracks.insert((peer_id.to_owned(), source), is_on);
        });
    }

    pub(super) fn speakers(&self, room: &RoomKey, peer_ids: Vec<String>) {
        self.add(room.clone(), |waiting| waiting.speakers = Some(peer_ids));
    }

    /// The slot of this mid stays empty.
    pub(super) fn unshown(&self, key: &Key, mid: &str, reason: &str) {
        self.add(key.place(), |waiting| {
            let slot = (key.connection.clone(), mid.to_owned());
            waiting.unshown.insert(slot, reason.to_owned());
        });
    }

    /// What has happened since, when something has. Dropping the future loses nothing.
    pub(in crate::rtc) async fn next(&self) -> Vec<RoomNews> {
        loop {
            let changed = self.changed.notified();
            if !self.lock().is_empty() {
                sleep(GATHER).await;
                return std::mem::take(&mut *self.lock())
                    .into_iter()
                    .map(Waiting::told)
                    .collect();
            }
            changed.await;
        }
    }

    /// Takes back what the edge has not heard. What has happened since is newer.
    pub(in crate::rtc) fn untold(&self, news: RoomNews) {
        let RoomNews {
            app_id,
            room_id,
            events,
            unshown,
        } = news;
        self.add((app_id, room_id), |waiting| {
            for event in events {
                match event {
                    RoomEvent::Connected { connection } => {
                        waiting.connections.entry(connection).or_insert(None);
                    }
                    RoomEvent::Gone { connection, reason } => {
                        waiting.connections.entry(connection).or_insert(Some(reason));
                    }
                    RoomEvent::Track { peer_id, source, is_on } => {
                        waiting.tracks.entry((peer_id, source)).or_insert(is_on);
                    }
                    RoomEvent::Speakers { peer_ids } => {
                        waiting.speakers.get_or_insert(peer_ids);
                    }
                }
            }
            for RoomUnshown {
                connection,
                mid,
                reason,
            } in unshown
            {
                waiting.unshown.entry((connection, mid)).or_insert(reason);
            }
        });
    }

    fn add(&self, room: RoomKey, change: impl FnOnce(&mut Waiting)) {
        change(self.lock().entry(room).or_default());
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomKey, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn told(((app_id, room_id), waiting): (RoomKey, Self)) -> RoomNews {
        let connections = waiting.connections.into_iter().map(|(connection, gone)| match gone {
            None => RoomEvent::Connected { connection },
            Some(reason) => RoomEvent::Gone { connection, reason },
        });
        let tracks = waiting
            .tracks
            .into_iter()
            .map(|((peer_id, source), is_on)| RoomEvent::Track { peer_id, source, is_on });
        let speakers = waiting.speakers.map(|peer_ids| RoomEvent::Speakers { peer_ids });
        let unshown = waiting
            .unshown
            .into_iter()
            .map(|((connection, mid), reason)| RoomUnshown {
                connection,
                mid,
                reason,
            });
        RoomNews {
            app_id,
            room_id,
            events: connections.chain(tracks).chain(speakers).collect(),
            unshown: unshown.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(connection: &str) -> Key {
        Key {
            app: "a".to_owned(),
            room: "r".to_owned(),
            connection: connection.to_owned(),
        }
    }

    fn gone(connection: &str) -> RoomEvent {
        RoomEvent::Gone {
            connection: connection.to_owned(),
            reason: "why".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_together_is_told_together_and_of_each_thing_the_newest() {
        let news = News::default();
        news.connected(&key("1"));
        news.gone(&key("1"), "why");
        let place = key("").place();
        for is_on in [true, false, true] {
            news.track(&place, "p", RoomSource::Camera, is_on);
        }
        news.speakers(&place, vec!["p".to_owned()]);
        let told = news.next().await;
        let track = RoomEvent::Track {
            peer_id: "p".to_owned(),
            source: RoomSource::Camera,
            is_on: true,
        };
        let speakers = RoomEvent::Speakers {
            peer_ids: vec!["p".to_owned()],
        };
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].events, [gone("1"), track, speakers]);
        let more = tokio::time::timeout(Duration::from_secs(60), news.next()).await;
        assert!(more.is_err(), "nothing has happened since");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_heard_is_told_again_unless_something_newer_has_happened() {
        let news = News::default();
        news.connected(&key("1"));
        news.connected(&key("2"));
        let untold = news.next().await.remove(0);
        news.gone(&key("2"), "why");
        news.untold(untold);
        let connected = RoomEvent::Connected {
            connection: "1".to_owned(),
        };
        assert_eq!(news.next().await[0].events, [connected, gone("2")]);
    }
}
