//! What a registry knows of all channels, which its lock is around.

use std::collections::BTreeMap;

use protocol::{RelayKey, Roster};
use tokio::time::Instant;

use super::super::StreamPath;
use super::followed::Followed;
use super::media::Medias;
use super::own::Own;
use super::{Key, key};
use crate::speaking::Speakers;

/// See the module.
pub(super) struct Channels {
    /// The last version or publication number that was given out. It begins at the process's start time in microseconds, so
    /// that a recorder who outlives this process does not take a new roster for one that it knows.
    pub(super) last_number: u64,
    pub(super) own: Own,
    pub(super) followed: Followed,
    pub(super) media: Medias,
    /// Who speaks in each channel of which somebody has been loud, and the number of the last change.
    pub(super) speaking: BTreeMap<Key, (Speakers, u64)>,
    pub(super) began: Instant,
    /// Whether there is an edge that can be asked.
    pub(super) has_edge: bool,
    /// Base of the URLs of streams that are relayed.
    pub(super) base: String,
    /// What other nodes' tokens are made with, the present key first.
    pub(super) relay_keys: Vec<RelayKey>,
}

impl Channels {
    /// `now_ms`: Unix milliseconds.
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            last_number: now_ms.saturating_mul(1_000),
            own: Own::default(),
            followed: Followed::default(),
            media: Medias::default(),
            speaking: BTreeMap::new(),
            began: Instant::now(),
            has_edge: false,
            base: String::new(),
            relay_keys: Vec::new(),
        }
    }

    pub(super) fn roster(&self, key: &Key) -> Roster {
        let own = self.own.get(key).cloned().unwrap_or_default();
        let mut roster = self.followed.merge(key, own, &self.base);
        if let Some((speakers, changed)) = self.speaking.get(key) {
            roster.speaker = speakers.speaker().map(str::to_owned);
            roster.version = roster.version.max(*changed);
        }
        roster
    }

    /// Somebody's stream has ended.
    pub(super) fn forget_speaker(&mut self, path: &StreamPath) {
        let key = key(&path.app, &path.channel);
        let users = self.own.get(&key).map(|roster| &roster.users);
        match users {
            None => drop(self.speaking.remove(&key)),
            Some(users) if users.iter().all(|user| user.uid != path.uid) => {
                if let Some((speakers, _)) = self.speaking.get_mut(&key) {
                    speakers.left(&path.uid);
                }
            }
            Some(_) => {}
        }
    }

    /// Users who published elsewhere have left, perhaps the one who spoke.
    pub(super) fn forget_who_left(&mut self, key: &Key) {
        let users = self.roster(key).users;
        if let Some((speakers, _)) = self.speaking.get_mut(key)
            && let Some(speaker) = speakers.speaker().map(str::to_owned)
            && users.iter().all(|user| user.uid != speaker)
        {
            speakers.left(&speaker);
        }
    }

    /// Nobody is listened to in channels that are neither here nor followed.
    pub(super) fn forget_channels(&mut self) {
        let Self {
            own,
            followed,
            speaking,
            ..
        } = self;
        speaking.retain(|key, _| own.get(key).is_some() || followed.version(key) != 0);
    }

    pub(super) fn awaits(&self, key: &Key) -> bool {
        self.has_edge && self.followed.is_sought(key)
    }

    pub(super) fn version(&self, key: &Key) -> u64 {
        let own = self.own.get(key).map_or(0, |roster| roster.version);
        let spoken = self.speaking.get(key).map_or(0, |(_, changed)| *changed);
        own.max(self.followed.version(key)).max(spoken)
    }
}
