//! What nodes tell.

use protocol::{RoomEvent, RoomSource, RoomUnshown};

use super::signal::ToClient;
use super::slots::side_of;
use super::terms::Side;
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn news(&mut self, node_id: &str, events: Vec<RoomEvent>) {
        for event in events {
            match event {
                RoomEvent::Connected { .. } => {}
                RoomEvent::Gone { connection, reason } => {
                    let known = side_of(self, &connection);
                    let is_there = known.as_ref().and_then(|(peer_id, side)| {
                        let peer = self.room.peers.get(peer_id)?;
                        peer.connection(*side).filter(|known| known.node_id == node_id)
                    });
                    if let (Some(_), Some((peer_id, side))) = (is_there, known) {
                        self.loses_connection(&peer_id, side, &reason);
                    }
                }
                RoomEvent::Track { peer_id, source, is_on } => self.flows(peer_id, source, is_on),
                RoomEvent::Speakers { peer_ids } => self.tell_all(None, &ToClient::Speakers { peer_ids: &peer_ids }),
            }
        }
    }

    /// Clients are told which tracks they cannot be shown.
    pub(super) fn stays_empty(&mut self, unshown: Vec<RoomUnshown>) {
        for RoomUnshown {
            connection,
            mid,
            reason,
        } in unshown
        {
            let Some((peer_id, Side::Subscribe)) = side_of(self, &connection) else {
                continue;
            };
            let slots = self.room.peers.get(&peer_id).map(|peer| &peer.slots.slots);
            let mut of_mid = slots.into_iter().flatten().filter(|slot| slot.mid == mid);
            if let Some(track_id) = of_mid.next().and_then(|slot| slot.track_id.clone()) {
                self.tell(
                    &peer_id,
                    &ToClient::Unshown {
                        track_id: &track_id,
                        reason: &reason,
                    },
                );
            }
        }
    }

    /// Media comes from a user of the channel, or comes no longer.
    fn flows(&mut self, peer_id: String, source: RoomSource, is_on: bool) {
        let known = self.room.peers.get(&peer_id);
        match known.map(|peer| peer.publishing.is_some()) {
            Some(true) => self.runs_dry(&peer_id, source, !is_on),
            Some(false) => self.guest_tracks(peer_id, source, is_on),
            None if is_on && self.guest_comes(&peer_id) => self.guest_tracks(peer_id, source, is_on),
            None => {}
        }
    }

    /// A track of a connection is there whether media comes or not.
    fn runs_dry(&mut self, peer_id: &str, source: RoomSource, dry: bool) {
        let Some(peer) = self.peer_mut(peer_id) else {
            return;
        };
        let found = peer
            .tracks
            .iter_mut()
            .find(|(_, track)| track.source == source && track.dry != dry);
        if let Some((track_id, track)) = found {
            track.dry = dry;
            let (track_id, track) = (track_id.clone(), *track);
            self.room.moved = true;
            self.shows_track(peer_id, &track_id, track);
        }
    }
}
