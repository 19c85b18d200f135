//! Rooms that are connected: each tells the others what is published in it, and shows what they tell.

use std::collections::BTreeSet;

use protocol::RoomSource;

use super::contract::{Effect, Row};
use super::limits::MAX_SHARED_TRACKS;
use super::peer::{Peer, kind_of};
use super::problem::Problem;
use super::signal::{PeerView, ToClient, TrackView};
use super::terms::SharedTrack;
use super::turn::Turn;

/// A track as clients are shown it. `room_id`: of a connected room.
pub(super) fn view(track_id: &str, peer_id: &str, room_id: Option<&str>, source: RoomSource, on: bool) -> TrackView {
    TrackView {
        track_id: track_id.to_owned(),
        peer_id: peer_id.to_owned(),
        room_id: room_id.map(str::to_owned),
        kind: kind_of(source),
        source,
        on,
    }
}

impl Turn<'_> {
    pub(super) fn own_tracks(&self, peer_id: &str, peer: &Peer) -> Vec<TrackView> {
        let tracks = peer.tracks.iter();
        tracks
            .map(|(track_id, track)| view(track_id, peer_id, None, track.source, track.is_on()))
            .collect()
    }

    pub(super) fn other_peers(&self) -> Vec<PeerView> {
        let peers = self.room.others.iter().flat_map(|(room_id, other)| {
            let peer_ids: BTreeSet<_> = other.tracks.iter().map(|track| track.peer_id.as_str()).collect();
            peer_ids.into_iter().map(move |peer_id| {
                let tracks = other.tracks.iter().filter(|track| track.peer_id == peer_id);
                PeerView {
                    peer_id: peer_id.to_owned(),
                    role: "master",
                    room_id: Some(room_id.clone()),
                    tracks: tracks.map(|track| self.shared_view(room_id, track)).collect(),
                }
            })
        });
        peers.collect()
    }

    fn shared_view(&self, room_id: &str, track: &SharedTrack) -> TrackView {
        let paused = self.spec().is_some_and(|spec| spec.paused.contains(&track.track_id));
        view(
            &track.track_id,
            &track.peer_id,
            Some(room_id),
            track.source,
            track.on && !paused,
        )
    }

    /// The lobby has told which rooms this one is connected with.
    pub(super) fn connects(&mut self, version: u64, room_ids: Vec<String>) {
        let own = self.room.kept.room_id.clone();
        let Some(spec) = self.spec_mut().filter(|spec| spec.merged_version < version) else {
            return;
        };
        spec.merged_version = version;
        spec.merged = room_ids.into_iter().filter(|room_id| *room_id != own).collect();
        let merged: BTreeSet<_> = spec.merged.iter().cloned().collect();
        let over: Vec<_> = self
            .room
            .others
            .keys()
            .filter(|room_id| !merged.contains(*room_id))
            .cloned()
            .collect();
        for room_id in over {
            self.show_other(&room_id, Vec::new());
            self.room.others.remove(&room_id);
            self.room.changed.insert(Row::name_of_other(&room_id));
        }
        for room_id in merged {
            self.room.changed.insert(Row::name_of_other(&room_id));
            self.room.others.entry(room_id).or_default();
        }
    }

    /// What another room publishes. One that this room does not know to be connected has to tell it again. `heard`: what it knows of
    /// this room, which is nothing where it has ended and begun again.
    pub(super) fn takes_shared(
        &mut self,
        from: &str,
        version: u64,
        tracks: Vec<SharedTrack>,
        heard: Option<u64>,
    ) -> Result<(), Problem> {
        let other = self.room.others.get_mut(from).ok_or(Problem::NoOtherRoom)?;
        if let Some(heard) = heard.filter(|heard| *heard < other.told) {
            other.told = heard;
            self.room.changed.insert(Row::name_of_other(from));
        }
        if version <= other.version {
            return Ok(());
        }
        other.version = version;
        let tracks = tracks.into_iter().take(MAX_SHARED_TRACKS).collect();
        self.show_other(from, tracks);
        Ok(())
    }

    /// Shows what has changed of what another room publishes.
    fn show_other(&mut self, room_id: &str, tracks: Vec<SharedTrack>) {
        let Some(other) = self.room.others.get_mut(room_id) else {
            return;
        };
        let before = std::mem::replace(&mut other.tracks, tracks.clone());
        self.room.changed.insert(Row::name_of_other(room_id));
        self.room.moved = true;
        for track in tracks.iter().filter(|track| !before.contains(track)) {
            let view = self.shared_view(room_id, track);
            self.tell_all(None, &ToClient::Track(view));
        }
        let is_over = |track: &&SharedTrack| !tracks.iter().any(|known| known.track_id == track.track_id);
        for track in before.iter().filter(is_over) {
            let track_id = &track.track_id;
            self.tell_all(None, &ToClient::Untrack { track_id });
            let is_paused = self.spec().is_some_and(|spec| spec.paused.contains(track_id));
            if is_paused && let Some(spec) = self.spec_mut() {
                spec.paused.remove(track_id);
            }
        }
    }

    /// A track of a connected room is shown here no longer, or again.
    pub(super) fn pauses(&mut self, track_id: &str, paused: bool) -> Result<(), Problem> {
        let found = self.room.others.iter().find_map(|(room_id, other)| {
            let track = other.tracks.iter().find(|track| track.track_id == track_id)?;
            Some((room_id.clone(), track.clone()))
        });
        let (room_id, track) = found.ok_or(Problem::NoTrack)?;
        let spec = self.spec_mut().ok_or(Problem::NoRoom)?;
        match paused {
            true => spec.paused.insert(track_id.to_owned()),
            false => spec.paused.remove(track_id),
        };
        self.room.moved = true;
        let view = self.shared_view(&room_id, &track);
        self.tell_all(None, &ToClient::Track(view));
        Ok(())
    }

    /// Tells the connected rooms what they do not know yet.
    pub(super) fn share(&mut self) {
        if self.room.others.is_empty() {
            return;
        }
        let tracks = self.room.shared_tracks();
        if self.room.shown != Some(tracks.clone()) {
            // Above all versions of a room that had this id before.
            self.room.kept.shared = self.room.kept.shared.saturating_add(1).max(self.now_ms);
            self.room.changed.insert(Row::ROOM.to_owned());
            self.room.shown = Some(tracks.clone());
        }
        if self.room.again_ms.is_some_and(|at_ms| at_ms > self.now_ms) {
            return;
        }
        let version = self.room.kept.shared;
        let untold = self
            .room
            .others
            .iter()
            .filter(|(room_id, other)| other.told < version && !self.room.sharing.contains(*room_id));
        let untold: Vec<_> = untold
            .map(|(room_id, other)| (room_id.clone(), other.version))
            .collect();
        for (to, heard) in untold {
            self.room.sharing.insert(to.clone());
            self.effect(Effect::Share {
                app_id: self.room.kept.app_id.clone(),
                from: self.room.kept.room_id.clone(),
                to,
                version,
                tracks: tracks.clone(),
                heard,
            });
        }
    }

    /// Whether another room has heard what is published here.
    pub(super) fn heard(&mut self, to: &str, version: u64, ok: bool) {
        self.room.sharing.remove(to);
        match self.room.others.get_mut(to) {
            Some(other) if ok => {
                other.told = other.told.max(version);
                self.room.changed.insert(Row::name_of_other(to));
            }
            Some(_) => self.room.try_again(self.now_ms),
            None => {}
        }
    }
}
