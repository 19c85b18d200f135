use serde::{Deserialize, Serialize};

use crate::recording::Delivery;

/// What became of events for callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    pub(super) delivered: u64,
    /// Tries that failed.
    pub(super) failed: u64,
    pub(super) given_up: u64,
}

impl Notices {
    /// Counts one try. An event that nobody wants is none.
    pub fn tried(&mut self, result: &Delivery) {
        match result {
            Delivery::Delivered { .. } => self.delivered = self.delivered.saturating_add(1),
            Delivery::Failed { .. } => self.failed = self.failed.saturating_add(1),
            Delivery::Unwanted | Delivery::NoReceiver => {}
        }
    }

    /// Counts events that are tried no longer.
    pub fn given_up(&mut self, count: u64) {
        self.given_up = self.given_up.saturating_add(count);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.given_up = self.given_up.saturating_add(other.given_up);
    }
}
