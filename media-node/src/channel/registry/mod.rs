//! Who is in the channels: those who publish to this node's channel server, and those who publish elsewhere to channels that
//! somebody asks for here, as the edge tells. Whoever asks for a roster is told of both as one.

mod channels;
mod followed;
mod media;
mod own;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{CarriedChannel, Elsewhere, RelayKey, Roster, RosterStream, RosterUser, Secret, StreamName};
use tokio::sync::watch;
use tokio::time::Instant;

use super::StreamPath;
use crate::speaking;
use channels::Channels;
pub use followed::Wanted;
pub use media::{Media, MediaTrack};

/// Longest time that whoever asks for a roster is kept waiting; a longer wish is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Longest time that whoever looks for a stream waits for the edge to tell where it is.
const MAX_SEEK: Duration = Duration::from_secs(3);

/// Names a channel: the app and the channel.
pub type Key = (String, String);

/// The rosters of channels. Clones share one registry.
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

/// How much is published to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub channels: u64,
    pub streams: u64,
}

/// The server holds as many channels, or the channel as many users, as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room: the server has as many channels, or the channel as many users, as it may have")]
pub struct ChannelFull;

/// Where a stream that is published at another node comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub node_id: String,
    /// `rtsp://host:port`.
    pub address: String,
    /// What opens it there.
    pub token: Secret,
    pub publication: u64,
}

/// A user who publishes here.
#[derive(Clone, Debug)]
pub struct LivePublisher {
    pub uid: String,
    pub joined_at_ms: u64,
    pub streams: Vec<(StreamName, Media)>,
}

struct Inner {
    limits: Limits,
    channels: Mutex<Channels>,
    /// Told at each change, whatever the channel, and when something is wanted of the edge.
    changed: watch::Sender<()>,
}

impl Registry {
    /// `now_ms`: Unix milliseconds.
    pub fn new(limits: Limits, now_ms: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                channels: Mutex::new(Channels::new(now_ms)),
                changed: watch::Sender::new(()),
            }),
        }
    }

    /// Streams of other nodes are played from below this URL: that of the server that relays them.
    pub fn relay_at(&self, base: &str) {
        self.lock().base = base.to_owned();
    }

    /// Lists a stream that is played from `url` until the answer is dropped. A stream listed under the same path before is
    /// replaced; its user stays where it is in the order of joining.
    ///
    /// # Errors
    /// When there is no room for the channel or the user.
    pub fn publish(&self, path: &StreamPath, url: String, now_ms: u64) -> Result<Listing, ChannelFull> {
        self.list(path, url, false, now_ms)
    }

    /// The same of the smallest of several sizes in which a user's camera comes.
    pub fn publish_smallest(&self, path: &StreamPath, url: String, now_ms: u64) -> Result<Listing, ChannelFull> {
        self.list(path, url, true, now_ms)
    }

    fn list(&self, path: &StreamPath, url: String, of_camera: bool, now_ms: u64) -> Result<Listing, ChannelFull> {
        let publication = {
            let mut channels = self.lock();
            let number = channels.last_number.wrapping_add(1);
            let stream = RosterStream {
                name: path.stream,
                url: url.into(),
                publication: number,
                of_camera,
            };
            channels.own.add(self.inner.limits, path, stream, now_ms)?;
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

    /// A user who publishes here is so loud, in decibels below the loudest.
    pub fn heard(&self, path: &StreamPath, decibels: i8) {
        self.listen(path, decibels, |channels| channels.own.publication(path).is_some());
    }

    /// As [`Self::heard`], of a user who publishes at another node, from which the stream is read.
    pub fn heard_elsewhere(&self, path: &StreamPath, decibels: i8) {
        self.listen(path, decibels, |channels| {
            let own = channels.own.publication(path);
            channels.followed.origin(path, own).is_some()
        });
    }

    fn listen(&self, path: &StreamPath, decibels: i8, is_there: impl FnOnce(&Channels) -> bool) {
        let energy = speaking::energy(decibels);
        if energy < speaking::LOUD {
            // Who is silent is not the speaker, and most are.
            return;
        }
        let has_changed = {
            let mut channels = self.lock();
            let key = key(&path.app, &path.channel);
            if !is_there(&channels) {
                return;
            }
            let now_us = i64::try_from(channels.began.elapsed().as_micros()).unwrap_or(i64::MAX);
            let number = channels.last_number.wrapping_add(1);
            let (speakers, changed) = channels.speaking.entry(key).or_default();
            speakers.heard(&path.uid, now_us, energy);
            let has_changed = speakers.update(now_us);
            if has_changed {
                *changed = number;
                channels.last_number = number;
            }
            has_changed
        };
        if has_changed {
            self.inner.changed.send_replace(());
        }
    }

    /// Who is in the channel, as far as it is known here. An empty channel has version 0.
    pub fn snapshot(&self, app: &str, channel: &str) -> Roster {
        self.lock().roster(&key(app, channel))
    }

    /// How much is published to this node at the moment.
    pub fn counts(&self) -> Counts {
        let channels = self.lock();
        let users = channels.own.rosters().flat_map(|(_, roster)| &roster.users);
        Counts {
            channels: channels.own.len() as u64,
            streams: users.map(|user| user.streams.len() as u64).sum(),
        }
    }

    /// The roster for whoever asks from outside: at once, or as [`Self::wait`] to those who name the version that they know.
    /// From then on the channel is followed at other nodes, for as long as it is asked for.
    pub async fn roster(&self, app: &str, channel: &str, known: Option<u64>, wait: Duration) -> Roster {
        let is_new = self.lock().followed.ask(&key(app, channel), Instant::now());
        if is_new {
            self.inner.changed.send_replace(());
        }
        match known {
            None => self.snapshot(app, channel),
            Some(known) => self.wait(app, channel, known, wait.min(MAX_WAIT)).await,
        }
    }

    /// The roster as soon as its version is not `known_version`, or the present one after `timeout`.
    pub async fn wait(&self, app: &str, channel: &str, known_version: u64, timeout: Duration) -> Roster {
        let key = key(app, channel);
        let mut changed = self.inner.changed.subscribe();
        let change = async {
            // The sender lives in `self`: `changed` cannot fail here.
            while self.lock().version(&key) == known_version && changed.changed().await.is_ok() {}
        };
        // A time-out is answered with the present roster as well.
        let _ = tokio::time::timeout(timeout, change).await;
        self.snapshot(app, channel)
    }

    /// Where a stream has to be read from that is published at another node, and was not published here since. `None` when
    /// it is here, or nowhere.
    pub async fn origin(&self, path: &StreamPath) -> Option<Origin> {
        let key = key(&path.app, &path.channel);
        let mut changed = self.inner.changed.subscribe();
        let waits = {
            let mut channels = self.lock();
            let is_here = channels.own.publication(path).is_some();
            // Who plays what is here does not wait for the edge.
            !is_here && channels.has_edge && channels.followed.seek(&key, Instant::now())
        };
        if waits {
            self.inner.changed.send_replace(());
            let told = async { while self.lock().awaits(&key) && changed.changed().await.is_ok() {} };
            // The edge may be away: what was known last is what there is.
            let _ = tokio::time::timeout(MAX_SEEK, told).await;
        }
        let channels = self.lock();
        channels.followed.origin(path, channels.own.publication(path))
    }

    /// Changes when somebody comes or goes, or something is wanted of the edge.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    /// The channels of an app that are published to here, or the one of this name, each with its streams and their media; so
    /// many at most.
    pub fn live(&self, app: &str, channel: Option<&str>, most: usize) -> Vec<(String, Vec<LivePublisher>)> {
        let channels = self.lock();
        let of_app = channels
            .own
            .rosters()
            .filter(|((of, name), _)| of == app && channel.is_none_or(|channel| channel == name));
        let publisher = |name: &str, user: &RosterUser| {
            let media = |stream: &RosterStream| {
                let path = StreamPath {
                    app: app.to_owned(),
                    channel: name.to_owned(),
                    uid: user.uid.clone(),
                    stream: stream.name,
                };
                (stream.name, channels.media.get(&path).cloned().unwrap_or_default())
            };
            LivePublisher {
                uid: user.uid.clone(),
                joined_at_ms: user.joined_at_ms,
                streams: user.streams.iter().map(media).collect(),
            }
        };
        let channel = |((_, name), roster): (&Key, &Roster)| {
            let users = roster.users.iter().map(|user| publisher(name, user));
            (name.clone(), users.collect())
        };
        of_app.take(most).map(channel).collect()
    }

    /// Disconnects who publishes here as this user; the number of streams that end. They may come back.
    pub fn remove_user(&self, app: &str, channel: &str, uid: &str) -> usize {
        self.lock().media.end(app, channel, uid)
    }

    /// The number of the last change; it grows with each.
    pub fn number(&self) -> u64 {
        self.lock().last_number
    }

    /// The version of each channel that is published to here.
    pub fn own_versions(&self) -> BTreeMap<Key, u64> {
        let channels = self.lock();
        let versions = channels.own.rosters();
        versions.map(|(key, roster)| (key.clone(), roster.version)).collect()
    }

    /// What the edge has to be told of a channel that is, or was, published to here.
    pub fn carried(&self, key: &Key) -> CarriedChannel {
        let channels = self.lock();
        channels.own.carried(key, channels.last_number)
    }

    /// What the edge has to be asked.
    pub fn wanted(&self) -> Wanted {
        let mut channels = self.lock();
        let wanted = channels.followed.wanted(Instant::now());
        channels.forget_channels();
        wanted
    }

    /// Takes note of where a channel lives besides.
    pub fn learn(&self, elsewhere: Elsewhere) {
        {
            let mut channels = self.lock();
            let number = channels.last_number.wrapping_add(1);
            let learned = key(&elsewhere.app_id, &elsewhere.channel);
            if channels.followed.learn(elsewhere, number, Instant::now()) {
                channels.last_number = number;
                channels.forget_who_left(&learned);
            }
        }
        self.inner.changed.send_replace(());
    }

    /// The edge could not say where the channel lives: whoever waits for that waits no more.
    pub fn not_learned(&self, key: &Key) {
        let was_sought = self.lock().followed.unsought(key);
        if was_sought {
            self.inner.changed.send_replace(());
        }
    }

    /// Whether there is an edge that says where channels live. Without one nobody waits for it.
    pub fn has_edge(&self, has_edge: bool) {
        self.lock().has_edge = has_edge;
        self.inner.changed.send_replace(());
    }

    /// Other nodes are known by this key from now on, and by the one before until there is a next one.
    pub fn admit_relays(&self, key: RelayKey) {
        let mut channels = self.lock();
        if channels.relay_keys.first() != Some(&key) {
            channels.relay_keys.insert(0, key);
            channels.relay_keys.truncate(2);
        }
    }

    /// Whether another node may read from a channel by what it shows. `now_s`: Unix seconds.
    pub fn admits_relay(&self, token: &str, app: &str, channel: &str, now_s: u64) -> bool {
        let channels = self.lock();
        let mut keys = channels.relay_keys.iter();
        keys.any(|key| key.admits(token, app, channel, now_s))
    }

    fn unpublish(&self, path: &StreamPath, publication: u64) {
        let changed = {
            let mut channels = self.lock();
            let number = channels.last_number.wrapping_add(1);
            let changed = channels.own.remove(path, publication, number);
            if changed {
                channels.last_number = number;
                channels.media.remove(path, publication);
                channels.followed.touch(&key(&path.app, &path.channel), number);
                channels.forget_speaker(path);
            }
            changed
        };
        if changed {
            self.inner.changed.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.inner.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(app: &str, channel: &str) -> Key {
    (app.to_owned(), channel.to_owned())
}

/// A stream's place in a roster. It is given up when this is dropped.
pub struct Listing {
    registry: Registry,
    path: StreamPath,
    publication: u64,
}

impl Listing {
    /// Says what the stream is made of.
    pub fn describe(&self, media: Media) {
        self.registry.lock().media.put(&self.path, self.publication, media);
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.registry.unpublish(&self.path, self.publication);
    }
}
