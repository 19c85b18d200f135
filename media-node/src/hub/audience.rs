//! Who plays one stream: each gets the packets of the tracks that it wants, in the way that it wants them.

use super::queue::{Packet, Sender};

/// Players of one stream. A viewer by WebRTC is two: one for the picture and one for the sound.
pub(super) const MAX_PLAYERS: usize = 2_048;

/// See the module.
#[derive(Default)]
pub(super) struct Audience(Vec<Player>);

pub(super) struct Player {
    /// Which tracks it has set up, by index.
    pub(super) tracks: Vec<bool>,
    pub(super) tap: Tap,
    pub(super) queue: Sender,
}

/// What a player gets of the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tap {
    /// In order, and what is lost is waited for.
    Ordered,
    /// As they come.
    Fast,
}

impl Audience {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_PLAYERS
    }

    pub(super) fn add(&mut self, player: Player) {
        self.0.push(player);
    }

    /// Hands a packet to who wants it; who takes nothing any more is forgotten.
    pub(super) fn hand_to(&mut self, tap: Tap, packet: &Packet) {
        let is_for = |player: &Player| player.tap == tap && player.wants(packet.track);
        self.0
            .retain(|player| !is_for(player) || player.queue.push(packet.clone()));
    }

    /// How many there still are.
    pub(super) fn count(&mut self) -> usize {
        self.0.retain(|player| !player.queue.is_closed());
        self.0.len()
    }

    pub(super) fn dismiss(&mut self) {
        self.0.clear();
    }
}

impl Player {
    pub(super) fn wants(&self, track: usize) -> bool {
        self.tracks.get(track).copied().unwrap_or_default()
    }
}
