use serde::{Deserialize, Serialize};

/// What became of recordings that were to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Erasures {
    /// Recordings of which nothing is left.
    pub(super) recordings: u64,
    pub(super) objects: u64,
    /// Tries that failed, and are repeated.
    pub(super) failed: u64,
}

impl Erasures {
    pub fn done(&mut self) {
        self.recordings = self.recordings.saturating_add(1);
    }

    pub fn deleted(&mut self, objects: usize) {
        self.objects = self.objects.saturating_add(objects as u64);
    }

    pub fn failed(&mut self) {
        self.failed = self.failed.saturating_add(1);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.recordings = self.recordings.saturating_add(other.recordings);
        self.objects = self.objects.saturating_add(other.objects);
        self.failed = self.failed.saturating_add(other.failed);
    }
}
