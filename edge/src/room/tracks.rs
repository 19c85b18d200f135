//! What is published in a room.

use std::collections::BTreeSet;

use protocol::RoomSource;

use super::offer::MediaKind;
use super::peer::{Track, kind_of};
use super::signal::ToClient;
use super::turn::Turn;

/// What a peer can see or hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visible {
    pub(super) track_id: String,
    pub(super) room_id: String,
    pub(super) peer_id: String,
    pub(super) source: RoomSource,
    pub(super) paused: bool,
}

impl Visible {
    /// Whether the two are the sound and the camera of one peer.
    pub(super) fn is_mate_of(&self, other: &Self) -> bool {
        let is_pair = |one, two| (one, two) == (RoomSource::Audio, RoomSource::Camera);
        let are_pair = is_pair(self.source, other.source) || is_pair(other.source, self.source);
        are_pair && (&self.room_id, &self.peer_id) == (&other.room_id, &other.peer_id)
    }
}

impl Turn<'_> {
    /// What a peer publishes from now on.
    pub(super) fn has_tracks(&mut self, peer_id: &str, sources: &BTreeSet<RoomSource>) {
        let Some(peer) = self.room.peers.get(peer_id) else {
            return;
        };
        let known: BTreeSet<_> = peer.tracks.values().map(|track| track.source).collect();
        let over = peer.tracks.iter().filter(|(_, track)| !sources.contains(&track.source));
        let over: Vec<_> = over.map(|(track_id, _)| track_id.clone()).collect();
        for source in sources.difference(&known) {
            let track_id = self.random.id();
            let track = Track {
                source: *source,
                muted: false,
                dry: false,
            };
            if let Some(peer) = self.peer_mut(peer_id) {
                peer.tracks.insert(track_id.clone(), track);
            }
            self.shows_track(peer_id, &track_id, track);
        }
        for track_id in &over {
            self.drops_track(peer_id, track_id);
        }
        self.room.moved = true;
    }

    fn drops_track(&mut self, peer_id: &str, track_id: &str) {
        if let Some(peer) = self.peer_mut(peer_id) {
            peer.tracks.remove(track_id);
        }
        self.room.moved = true;
        self.tell_all(None, &ToClient::Untrack { track_id });
    }

    /// Tells the others of a track as it is now. Its own peer learns its id by that too.
    pub(super) fn shows_track(&mut self, peer_id: &str, track_id: &str, track: Track) {
        let view = super::sharing::view(track_id, peer_id, None, track.source, track.is_on());
        self.tell_all(None, &ToClient::Track(view));
    }

    /// All that is published, of those first who came first; then what connected rooms have.
    pub(super) fn published(&self) -> Vec<Visible> {
        let mut peers: Vec<_> = self
            .room
            .peers
            .iter()
            .filter(|(_, peer)| !peer.tracks.is_empty())
            .collect();
        peers.sort_by_key(|(_, peer)| peer.number);
        let room_id = &self.room.kept.room_id;
        let own = peers.into_iter().flat_map(|(peer_id, peer)| {
            peer.tracks.iter().map(|(track_id, track)| Visible {
                track_id: track_id.clone(),
                room_id: room_id.clone(),
                peer_id: peer_id.clone(),
                source: track.source,
                paused: false,
            })
        });
        let paused = self.spec().map(|spec| &spec.paused);
        let others = self.room.others.iter().flat_map(|(room_id, other)| {
            other.tracks.iter().map(move |track| Visible {
                track_id: track.track_id.clone(),
                room_id: room_id.clone(),
                peer_id: track.peer_id.clone(),
                source: track.source,
                paused: paused.is_some_and(|paused| paused.contains(&track.track_id)),
            })
        });
        own.chain(others).collect()
    }

    pub(super) fn is_of_kind(visible: &Visible, kind: MediaKind) -> bool {
        kind_of(visible.source) == kind
    }
}
