use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Roster, RosterStream, RosterUser, StreamName};
use tokio::sync::watch;

use super::StreamPath;

/// Longest time that whoever asks for a roster is kept waiting; a longer wish is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The rosters of the channels of one channel server. Clones share one registry.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

/// How much a registry holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub channels: usize,
    pub users_per_channel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            channels: 10_000,
            users_per_channel: 1_000,
        }
    }
}

/// How much a registry lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub channels: u64,
    pub streams: u64,
}

/// The server holds as many channels, or the channel as many users, as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room: the server has as many channels, or the channel as many users, as it may have")]
pub struct ChannelFull;

struct Inner {
    limits: Limits,
    channels: Mutex<Channels>,
    /// Told at each change, whatever the channel.
    changed: watch::Sender<()>,
}

struct Channels {
    /// The last version or publication number that was given out. It begins at the process's start time in microseconds, so
    /// that a recorder who outlives this process does not take a new roster for one that it knows.
    last_number: u64,
    rosters: BTreeMap<(String, String), Roster>,
}

impl Registry {
    /// `now_ms`: Unix milliseconds.
    pub fn new(limits: Limits, now_ms: u64) -> Self {
        let channels = Channels {
            last_number: now_ms.saturating_mul(1_000),
            rosters: BTreeMap::new(),
        };
        Self {
            inner: Arc::new(Inner {
                limits,
                channels: Mutex::new(channels),
                changed: watch::Sender::new(()),
            }),
        }
    }

    /// Lists a stream that is played from `url` until the answer is dropped. A stream listed under the same path before is
    /// replaced; its user stays where it is in the order of joining.
    ///
    /// # Errors
    /// When there is no room for the channel or the user.
    pub fn publish(&self, path: &StreamPath, url: String, now_ms: u64) -> Result<Listing, ChannelFull> {
        let publication = {
            let mut channels = self.lock();
            let number = channels.last_number.wrapping_add(1);
            channels.add(
                self.inner.limits,
                path,
                RosterStream {
                    name: path.stream,
                    url: url.into(),
                    publication: number,
                },
                now_ms,
            )?;
            channels.last_number = number;
            number
        };
        self.inner.changed.send_replace(());
        Ok(Listing {
            registry: self.clone(),
            path: path.clone(),
            publication,
        })
    }

    /// Who is in the channel. An empty channel has version 0.
    pub fn snapshot(&self, app: &str, channel: &str) -> Roster {
        self.lock().rosters.get(&key(app, channel)).cloned().unwrap_or_default()
    }

    /// How much is published at the moment.
    pub fn counts(&self) -> Counts {
        let channels = self.lock();
        let users = channels.rosters.values().flat_map(|roster| &roster.users);
        Counts {
            channels: channels.rosters.len() as u64,
            streams: users.map(|user| user.streams.len() as u64).sum(),
        }
    }

    /// The roster for whoever asks from outside: at once, or as [`Self::wait`] to those who name the version that they know.
    pub async fn roster(&self, app: &str, channel: &str, known: Option<u64>, wait: Duration) -> Roster {
        match known {
            None => self.snapshot(app, channel),
            Some(known) => self.wait(app, channel, known, wait.min(MAX_WAIT)).await,
        }
    }

    /// The roster as soon as its version is not `known_version`, or the present one after `timeout`.
    pub async fn wait(&self, app: &str, channel: &str, known_version: u64, timeout: Duration) -> Roster {
        let mut changed = self.inner.changed.subscribe();
        let change = async {
            loop {
                let roster = self.snapshot(app, channel);
                // The sender lives in `self`: `changed` cannot fail here.
                if roster.version != known_version || changed.changed().await.is_err() {
                    return roster;
                }
            }
        };
        match tokio::time::timeout(timeout, change).await {
            Ok(roster) => roster,
            Err(_) => self.snapshot(app, channel),
        }
    }

    fn unpublish(&self, path: &StreamPath, publication: u64) {
        let changed = self.lock().remove(path, publication);
        if changed {
            self.inner.changed.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.inner.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels {
    fn add(&mut self, limits: Limits, path: &StreamPath, stream: RosterStream, now_ms: u64) -> Result<(), ChannelFull> {
        let key = key(&path.app, &path.channel);
        if !self.rosters.contains_key(&key) && self.rosters.len() >= limits.channels {
            return Err(ChannelFull);
        }
        let version = stream.publication;
        let users = self.rosters.get(&key).map_or(&[][..], |roster| &roster.users);
        if !users.iter().any(|user| user.uid == path.uid) && users.len() >= limits.users_per_channel {
            return Err(ChannelFull);
        }
        let roster = self.rosters.entry(key).or_default();
        match roster.users.iter_mut().find(|user| user.uid == path.uid) {
            Some(user) => put_stream(&mut user.streams, stream),
            None => roster.users.push(RosterUser {
                uid: path.uid.clone(),
                joined_at_ms: now_ms,
                streams: vec![stream],
            }),
        }
        roster.version = version;
        Ok(())
    }

    /// False when this publication is not listed, because a newer one took its place.
    fn remove(&mut self, path: &StreamPath, publication: u64) -> bool {
        let key = key(&path.app, &path.channel);
        let Some(roster) = self.rosters.get_mut(&key) else {
            return false;
        };
        let Some(user) = roster.users.iter_mut().find(|user| user.uid == path.uid) else {
            return false;
        };
        let streams = user.streams.len();
        user.streams
            .retain(|stream| stream.name != path.stream || stream.publication != publication);
        if user.streams.len() == streams {
            return false;
        }
        roster.users.retain(|user| !user.streams.is_empty());
        self.last_number = self.last_number.wrapping_add(1);
        roster.version = self.last_number;
        if roster.users.is_empty() {
            self.rosters.remove(&key);
        }
        true
    }
}

fn put_stream(streams: &mut Vec<RosterStream>, stream: RosterStream) {
    match streams
        .iter_mut()
        .find(|other: &&mut RosterStream| other.name == stream.name)
    {
        Some(other) => *other = stream,
        None => {
            streams.push(stream);
            streams.sort_by_key(|stream: &RosterStream| -> StreamName { stream.name });
        }
    }
}

fn key(app: &str, channel: &str) -> (String, String) {
    (app.to_owned(), channel.to_owned())
}

/// A stream's place in a roster. It is given up when this is dropped.
pub struct Listing {
    registry: Registry,
    path: StreamPath,
    publication: u64,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.registry.unpublish(&self.path, self.publication);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(channel: &str, uid: &str, stream: StreamName) -> StreamPath {
        StreamPath {
            app: "app".into(),
            channel: channel.into(),
            uid: uid.into(),
            stream,
        }
    }

    fn publish(registry: &Registry, uid: &str, stream: StreamName, now_ms: u64) -> Listing {
        let path = path("room", uid, stream);
        registry.publish(&path, path.url("rtsp://h"), now_ms).unwrap()
    }

    fn uids(roster: &Roster) -> Vec<(&str, u64)> {
        roster
            .users
            .iter()
            .map(|user| (user.uid.as_str(), user.joined_at_ms))
            .collect()
    }

    #[test]
    fn users_stand_in_the_order_of_joining_until_their_last_stream_ends() {
        let registry = Registry::new(Limits::default(), 0);
        let b = publish(&registry, "b", StreamName::Screen, 10);
        let _a = publish(&registry, "a", StreamName::Camera, 20);
        let b_camera = publish(&registry, "b", StreamName::Camera, 30);
        let roster = registry.snapshot("app", "room");
        assert_eq!(uids(&roster), [("b", 10), ("a", 20)]);
        let names: Vec<_> = roster.users[0].streams.iter().map(|stream| stream.name).collect();
        assert_eq!(names, [StreamName::Camera, StreamName::Screen]);
        assert_eq!(roster.users[0].streams[1].url, "rtsp://h/app/room/b/screen");
        drop(b);
        assert_eq!(uids(&registry.snapshot("app", "room")), [("b", 10), ("a", 20)]);
        drop(b_camera);
        assert_eq!(uids(&registry.snapshot("app", "room")), [("a", 20)]);
    }

    #[test]
    fn a_replaced_publication_does_not_take_its_successor_along() {
        let registry = Registry::new(Limits::default(), 0);
        let first = publish(&registry, "a", StreamName::Camera, 10);
        let before = registry.snapshot("app", "room");
        let second = publish(&registry, "a", StreamName::Camera, 20);
        let after = registry.snapshot("app", "room");
        assert_ne!(
            before.users[0].streams[0].publication,
            after.users[0].streams[0].publication
        );
        assert_eq!(uids(&after), [("a", 10)]);
        drop(first);
        assert_eq!(registry.snapshot("app", "room"), after);
        drop(second);
        assert_eq!(registry.snapshot("app", "room"), Roster::default());
    }

    #[test]
    fn versions_grow_and_are_not_repeated_by_a_later_process() {
        let registry = Registry::new(Limits::default(), 1_000);
        let mut versions = Vec::new();
        let mut listings = Vec::new();
        for uid in ["a", "b", "c"] {
            listings.push(publish(&registry, uid, StreamName::Camera, 0));
            versions.push(registry.snapshot("app", "room").version);
        }
        listings.remove(0);
        versions.push(registry.snapshot("app", "room").version);
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        let later = Registry::new(Limits::default(), 1_001);
        let _a = publish(&later, "a", StreamName::Camera, 0);
        assert!(later.snapshot("app", "room").version > versions[3]);
    }

    #[test]
    fn what_is_full_takes_no_more_but_lets_the_known_come_back() {
        let registry = Registry::new(
            Limits {
                channels: 1,
                users_per_channel: 1,
            },
            0,
        );
        let _a = publish(&registry, "a", StreamName::Camera, 0);
        let full = |path: StreamPath| registry.publish(&path, String::new(), 0).err();
        assert_eq!(full(path("room", "b", StreamName::Camera)), Some(ChannelFull));
        assert_eq!(full(path("other", "a", StreamName::Camera)), Some(ChannelFull));
        let _again = publish(&registry, "a", StreamName::Camera, 0);
        let _screen = publish(&registry, "a", StreamName::Screen, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_at_a_change_of_its_channel_only() {
        let registry = Registry::new(Limits::default(), 0);
        let started = tokio::time::Instant::now();
        let (woken, _a) = tokio::join!(registry.wait("app", "room", 0, Duration::from_secs(60)), async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let other = path("other", "x", StreamName::Camera);
            let _other = registry.publish(&other, String::new(), 0).unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
            publish(&registry, "a", StreamName::Camera, 0)
        });
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        assert_eq!(uids(&woken), [("a", 0)]);

        let same = registry
            .wait("app", "room", woken.version, Duration::from_secs(7))
            .await;
        assert_eq!((same, started.elapsed()), (woken, Duration::from_secs(17)));
    }
}
