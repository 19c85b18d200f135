use std::collections::BTreeMap;

use protocol::EndCause;
use serde::{Deserialize, Serialize};

use crate::recording::Status;

/// What the recordings of one app add up to. Each of its figures becomes one of all apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub placing: u64,
    pub started: u64,
    pub recording: u64,
    pub stopping: u64,
    /// Events of its recordings that wait because one before them could not be delivered.
    pub held_up: u64,
    /// Recordings that have ended since the last tally.
    pub ended: BTreeMap<EndCause, u64>,
}

impl Tally {
    /// Counts a recording that is not over.
    pub fn count(&mut self, status: Status) {
        match status {
            Status::Placing => self.placing += 1,
            Status::Started => self.started += 1,
            Status::Recording => self.recording += 1,
            Status::Stopping => self.stopping += 1,
            Status::Ended | Status::Failed => {}
        }
    }

    pub(super) fn by_status(&self) -> [(&'static str, u64); 4] {
        [
            ("placing", self.placing),
            ("started", self.started),
            ("recording", self.recording),
            ("stopping", self.stopping),
        ]
    }
}
