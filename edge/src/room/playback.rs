//! A recorded file that a room shows: a node publishes it into the room's channel. The room asks the node again and again, which
//! keeps the file going, so that another node takes over when that one is lost.

use protocol::{Fault, PlaybackState, RefusalCode};

use super::contract::{Effect, Output};
use super::limits::{
    AGAIN_MS, MAX_MIRRORS, PLAYBACK_AHEAD_MS, PLAYBACK_ASKED_MS, PLAYBACK_LOST_MS, PLAYBACK_PAUSE_MS, PLAYBACK_TRIES,
};
use super::showing::Played;
use super::state::Room;
use super::terms::Server;
use super::turn::Turn;

impl Turn<'_> {
    /// Has the room's file played, when it is time for that.
    pub(super) fn play(&mut self) {
        let (due_ms, now_ms) = (self.room.play_ms, self.now_ms);
        let Some(playback) = self.spec().and_then(|spec| spec.playback.as_deref()) else {
            return;
        };
        let begins_ms = playback
            .starts_ms
            .map_or(0, |at_ms| at_ms.saturating_sub(PLAYBACK_AHEAD_MS));
        let at_ms = due_ms.unwrap_or_default().max(begins_ms);
        if at_ms > now_ms {
            self.room.play_ms = Some(at_ms);
            return;
        }
        let effect = self.asks_to_play(false);
        self.room.playing = effect.is_some();
        self.room.play_ms = Some(now_ms.saturating_add(PLAYBACK_LOST_MS));
        self.out.extend(effect.map(Output::Effect));
    }

    fn asks_to_play(&self, is_over: bool) -> Option<Effect> {
        let spec = self.spec()?;
        let playback = spec.playback.as_deref()?;
        let node_id = playback.node_id.as_ref().unwrap_or(&spec.server.node_id);
        Some(Effect::Play {
            node_id: node_id.clone(),
            app_id: self.room.kept.app_id.clone(),
            room_id: self.room.kept.room_id.clone(),
            uid: spec.master_id.clone(),
            playback: Box::new(playback.clone()),
            is_over,
        })
    }

    /// The room ends, and what it shows with it.
    pub(super) fn stops_playing(&mut self) {
        let asked = self.spec().and_then(|spec| spec.playback.as_deref());
        if asked.is_some_and(|playback| playback.node_id.is_some()) || self.room.playing {
            let effect = self.asks_to_play(true);
            self.out.extend(effect.map(Output::Effect));
        }
        self.room.playing = false;
        self.room.play_ms = None;
    }

    /// `None`: no node has answered.
    pub(super) fn played(&mut self, played: Option<Played>) {
        self.room.playing = false;
        let now_ms = self.now_ms;
        let Some(mut playback) = self.spec().and_then(|spec| spec.playback.clone()) else {
            return;
        };
        let Some(Played { node_id, server, state }) = played else {
            self.room.play_ms = Some(now_ms.saturating_add(PLAYBACK_PAUSE_MS));
            return;
        };
        playback.node_id = Some(node_id);
        match state {
            // It was answered after a wait.
            PlaybackState::Waits => self.room.play_ms = Some(now_ms.saturating_add(AGAIN_MS)),
            PlaybackState::Plays { starts_ms } => {
                playback.starts_ms = Some(starts_ms);
                playback.failures = 0;
                let asked_ms = now_ms.saturating_add(PLAYBACK_ASKED_MS);
                self.room.play_ms = Some(playback.over_ms(starts_ms, now_ms).min(asked_ms));
            }
            PlaybackState::Over => return self.ends(),
            PlaybackState::Failed(refusal) => {
                let is_about_room = matches!(refusal.code, RefusalCode::NoCapacity | RefusalCode::Draining);
                playback.failures = playback.failures.saturating_add(u32::from(!is_about_room));
                let is_final = refusal.fault == Fault::Caller || refusal.code == RefusalCode::StorageUnusable;
                if is_final || playback.failures >= PLAYBACK_TRIES {
                    return self.ends();
                }
                playback.node_id = None;
                self.room.play_ms = Some(now_ms.saturating_add(PLAYBACK_PAUSE_MS));
            }
        }
        let is_known = self.spec().and_then(|spec| spec.playback.as_ref()) == Some(&playback);
        if !is_known && let Some(spec) = self.spec_mut() {
            spec.playback = Some(playback);
            let is_new = |server: &Server| spec.servers().all(|known| known.node_id != server.node_id);
            let has_room = spec.mirrors.len() < MAX_MIRRORS;
            let server = server.filter(|server| has_room && is_new(server));
            spec.mirrors.extend(server);
        }
    }

    /// A playback that no node has ended ends by itself.
    pub(super) fn ends_playback(&mut self) {
        if self.room.playback_ends_ms().is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.ends();
        }
    }
}

impl Room {
    /// When what the room shows is over at the latest.
    fn playback_ends_ms(&self) -> Option<u64> {
        self.spec()?.playback.as_ref()?.ends_ms
    }

    /// When the room has to see to what it shows.
    pub(super) fn playback_due_ms(&self) -> Option<u64> {
        self.play_ms.into_iter().chain(self.playback_ends_ms()).min()
    }
}
