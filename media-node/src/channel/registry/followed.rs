use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{ChannelCarrier, Elsewhere, Roster, RosterStream, RosterUser};
use tokio::time::Instant;

use super::own::put_stream;
use super::{Key, Origin};
use crate::channel::StreamPath;

/// A channel that nobody has asked for so long is not followed any more.
const FOLLOW: Duration = Duration::from_secs(60);
/// What was learned of a channel that is not followed is good for so long.
const LOOKED: Duration = Duration::from_secs(2);
/// Channels that are followed or were looked at, all together.
const MAX_FOLLOWED: usize = 10_000;

/// Where channels live besides at this node, as the edge tells.
#[derive(Default)]
pub(super) struct Followed(BTreeMap<Key, Channel>);

struct Channel {
    /// Who needs to know of every change has asked then.
    asked: Option<Instant>,
    /// Somebody needs to know once.
    sought: bool,
    elsewhere: Option<Elsewhere>,
    learned: Instant,
    /// The number of the last change.
    version: u64,
}

/// What is wanted of the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Channels to be followed.
    pub followed: Vec<Key>,
    /// Channels that have to be looked at once.
    pub sought: Vec<Key>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.followed.is_empty() && self.sought.is_empty()
    }
}

impl Followed {
    /// Somebody needs to know of every change of the channel. True when that is new.
    pub(super) fn ask(&mut self, key: &Key, now: Instant) -> bool {
        let is_new = !self.is_followed(key, now);
        if let Some(channel) = self.entry(key, now) {
            channel.asked = Some(now);
        }
        is_new
    }

    /// Somebody needs to know of the channel now. False when it is known.
    pub(super) fn seek(&mut self, key: &Key, now: Instant) -> bool {
        if self.is_known(key, now) {
            return false;
        }
        self.entry(key, now).is_some_and(|channel| {
            channel.sought = true;
            true
        })
    }

    /// Whether what is known of the channel, or that nothing is, holds at present.
    pub(super) fn is_known(&self, key: &Key, now: Instant) -> bool {
        self.0.get(key).is_some_and(|channel| {
            let is_fresh = now.saturating_duration_since(channel.learned) < LOOKED;
            channel.elsewhere.is_some() && (is_fresh || channel.is_followed(now))
        })
    }

    pub(super) fn wanted(&mut self, now: Instant) -> Wanted {
        let keeps = |channel: &Channel| {
            channel.sought || channel.is_followed(now) || now.saturating_duration_since(channel.learned) < FOLLOW
        };
        self.0.retain(|_, channel| keeps(channel));
        let keys = |is_wanted: fn(&Channel, Instant) -> bool| {
            let wanted = self.0.iter().filter(move |(_, channel)| is_wanted(channel, now));
            wanted.map(|(key, _)| key.clone()).collect()
        };
        Wanted {
            followed: keys(Channel::is_followed),
            sought: keys(|channel, now| channel.sought && !channel.is_followed(now)),
        }
    }

    /// Takes note of what the edge tells. True when somebody else is in the channel than before.
    pub(super) fn learn(&mut self, elsewhere: Elsewhere, number: u64, now: Instant) -> bool {
        let key = super::key(&elsewhere.app_id, &elsewhere.channel);
        let Some(channel) = self.0.get_mut(&key) else {
            return false;
        };
        let known = channel.elsewhere.as_ref();
        if known.is_some_and(|known| known.version > elsewhere.version) {
            return false;
        }
        let carriers = known.map_or(&[][..], |known| &known.carriers);
        let is_new = !same_users(carriers, &elsewhere.carriers);
        channel.learned = now;
        channel.sought = false;
        channel.elsewhere = Some(elsewhere);
        if is_new {
            channel.version = number;
        }
        is_new
    }

    /// Somebody has left who published here.
    pub(super) fn touch(&mut self, key: &Key, number: u64) {
        if let Some(channel) = self.0.get_mut(key) {
            channel.version = number;
        }
    }

    /// The edge cannot say. True when somebody waits for that.
    pub(super) fn unsought(&mut self, key: &Key) -> bool {
        let channel = self.0.get_mut(key);
        channel.is_some_and(|channel| std::mem::take(&mut channel.sought))
    }

    pub(super) fn is_sought(&self, key: &Key) -> bool {
        self.0.get(key).is_some_and(|channel| channel.sought)
    }

    /// 0 for a channel that nobody is in elsewhere.
    pub(super) fn version(&self, key: &Key) -> u64 {
        self.0.get(key).map_or(0, |channel| channel.version)
    }

    /// Where the stream was published last, if that is elsewhere. `own`: its publication here.
    pub(super) fn origin(&self, path: &StreamPath, own: Option<u64>) -> Option<Origin> {
        let elsewhere = self.0.get(&super::key(&path.app, &path.channel))?.elsewhere.as_ref()?;
        if own.is_some_and(|own| own > elsewhere.heard) {
            return None;
        }
        elsewhere.carriers.iter().find_map(|carrier| {
            let user = carrier.users.iter().find(|user| user.uid == path.uid)?;
            let stream = user.streams.iter().find(|stream| stream.name == path.stream)?;
            Some(Origin {
                node_id: carrier.node_id.clone(),
                address: carrier.address.clone(),
                token: carrier.token.clone(),
                publication: stream.publication,
            })
        })
    }

    /// Adds who publishes elsewhere. The streams' URLs are below `base`, which is this node's: it relays them.
    pub(super) fn merge(&self, key: &Key, mut own: Roster, base: &str) -> Roster {
        let Some(channel) = self.0.get(key) else {
            return own;
        };
        let Some(elsewhere) = &channel.elsewhere else {
            own.version = own.version.max(channel.version);
            return own;
        };
        for carrier in &elsewhere.carriers {
            for carried in &carrier.users {
                let known = own.users.iter().position(|user| user.uid == carried.uid);
                let place = known.unwrap_or_else(|| {
                    own.users.push(RosterUser {
                        uid: carried.uid.clone(),
                        joined_at_ms: carried.joined_at_ms,
                        streams: Vec::new(),
                    });
                    own.users.len() - 1
                });
                let Some(user) = own.users.get_mut(place) else {
                    continue;
                };
                user.joined_at_ms = user.joined_at_ms.min(carried.joined_at_ms);
                for stream in &carried.streams {
                    let here = user.streams.iter().find(|here| here.name == stream.name);
                    // What is published here and not known to the edge yet is newer than all that the edge tells.
                    if here.is_none_or(|here| here.publication <= elsewhere.heard) {
                        let path = StreamPath {
                            app: key.0.clone(),
                            channel: key.1.clone(),
                            uid: carried.uid.clone(),
                            stream: stream.name,
                        };
                        let stream = RosterStream {
                            name: stream.name,
                            url: path.url(base).into(),
                            publication: stream.publication,
                            of_camera: stream.of_camera,
                        };
                        put_stream(&mut user.streams, stream);
                    }
                }
            }
        }
        own.users.sort_by_key(|user| user.joined_at_ms);
        own.version = own.version.max(channel.version);
        own
    }

    fn is_followed(&self, key: &Key, now: Instant) -> bool {
        self.0.get(key).is_some_and(|channel| channel.is_followed(now))
    }

    fn entry(&mut self, key: &Key, now: Instant) -> Option<&mut Channel> {
        if self.0.len() >= MAX_FOLLOWED && !self.0.contains_key(key) {
            return None;
        }
        Some(self.0.entry(key.clone()).or_insert(Channel {
            asked: None,
            sought: false,
            elsewhere: None,
            learned: now,
            version: 0,
        }))
    }
}

impl Channel {
    fn is_followed(&self, now: Instant) -> bool {
        self.asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < FOLLOW)
    }
}

/// Tokens and addresses do not matter: a stream that is open stays so.
fn same_users(one: &[ChannelCarrier], other: &[ChannelCarrier]) -> bool {
    let parts = |carriers: &[ChannelCarrier]| -> Vec<_> {
        let parts = carriers
            .iter()
            .map(|carrier| (carrier.node_id.clone(), carrier.users.clone()));
        parts.collect()
    };
    parts(one) == parts(other)
}
