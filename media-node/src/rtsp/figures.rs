use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::hub::TurnedAway;

/// What can be seen of a server while it runs.
#[derive(Clone)]
pub struct Figures(pub(super) Arc<Shared>);

impl Figures {
    pub fn turned_away(&self) -> TurnedAway {
        self.0.hub.turned_away.read()
    }

    /// Pictures and frames of sound that publishers sent and nobody could read.
    pub fn unreadable(&self) -> u64 {
        self.0.hub.unreadable.load(Ordering::Relaxed)
    }

    /// Streams that are read from other nodes.
    pub fn relayed_streams(&self) -> usize {
        self.0.relays.count()
    }
}
