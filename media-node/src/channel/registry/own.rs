use std::collections::BTreeMap;

use protocol::{CarriedChannel, CarriedStream, CarriedUser, Roster, RosterStream, RosterUser, StreamName};

use super::{ChannelFull, Key, Limits};
use crate::channel::StreamPath;

/// Who publishes to this node's channel server.
#[derive(Default)]
pub(super) struct Own(BTreeMap<Key, Roster>);

impl Own {
    pub(super) fn get(&self, key: &Key) -> Option<&Roster> {
        self.0.get(key)
    }

    pub(super) fn rosters(&self) -> impl Iterator<Item = (&Key, &Roster)> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(
        &mut self,
        limits: Limits,
        path: &StreamPath,
        stream: RosterStream,
        now_ms: u64,
    ) -> Result<(), ChannelFull> {
        let key = super::key(&path.app, &path.channel);
        if !self.0.contains_key(&key) && self.0.len() >= limits.channels {
            return Err(ChannelFull);
        }
        let version = stream.publication;
        let users = self.0.get(&key).map_or(&[][..], |roster| &roster.users);
        if !users.iter().any(|user| user.uid == path.uid) && users.len() >= limits.users_per_channel {
            return Err(ChannelFull);
        }
        let roster = self.0.entry(key).or_default();
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

    /// `version`: that of the channel then. False when this publication is not listed, because a newer one took its place.
    pub(super) fn remove(&mut self, path: &StreamPath, publication: u64, version: u64) -> bool {
        let key = super::key(&path.app, &path.channel);
        let Some(roster) = self.0.get_mut(&key) else {
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
        roster.version = version;
        if roster.users.is_empty() {
            self.0.remove(&key);
        }
        true
    }

    pub(super) fn publication(&self, path: &StreamPath) -> Option<u64> {
        let roster = self.0.get(&super::key(&path.app, &path.channel))?;
        let user = roster.users.iter().find(|user| user.uid == path.uid)?;
        let stream = user.streams.iter().find(|stream| stream.name == path.stream)?;
        Some(stream.publication)
    }

    /// What the edge is told of a channel. `gone_version`: the version if nobody is in it any more.
    pub(super) fn carried(&self, key: &Key, gone_version: u64) -> CarriedChannel {
        let (app_id, channel) = key.clone();
        let roster = self.0.get(key);
        let users = roster.map_or(&[][..], |roster| &roster.users);
        CarriedChannel {
            app_id,
            channel,
            version: roster.map_or(gone_version, |roster| roster.version),
            users: users.iter().map(carried_user).collect(),
        }
    }
}

fn carried_user(user: &RosterUser) -> CarriedUser {
    let stream = |stream: &RosterStream| CarriedStream {
        name: stream.name,
        publication: stream.publication,
        of_camera: stream.of_camera,
    };
    CarriedUser {
        uid: user.uid.clone(),
        joined_at_ms: user.joined_at_ms,
        streams: user.streams.iter().map(stream).collect(),
    }
}

/// Streams stand in the order of their names.
pub(super) fn put_stream(streams: &mut Vec<RosterStream>, stream: RosterStream) {
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
