use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Recording, Stage};

/// Ended recordings whose last report can be asked for.
const MOST_ENDED: usize = 1000;

/// The recordings of this node by sid.
#[derive(Default)]
pub(super) struct Table {
    /// With the order of their coming.
    recordings: BTreeMap<String, (u64, Arc<Recording>)>,
    next: u64,
}

impl Table {
    pub(super) fn get(&self, sid: &str) -> Option<Arc<Recording>> {
        self.recordings.get(sid).map(|(_, recording)| Arc::clone(recording))
    }

    pub(super) fn insert(&mut self, recording: Arc<Recording>) {
        self.recordings.insert(recording.sid.clone(), (self.next, recording));
        self.next += 1;
    }

    pub(super) fn remove(&mut self, sid: &str) {
        self.recordings.remove(sid);
    }

    /// Forgets those that did not begin, and the oldest of those that are over and acknowledged.
    pub(super) fn prune(&mut self) {
        self.recordings
            .retain(|_, (_, recording)| !matches!(recording.status().borrow().stage, Stage::Refused(_)));
        let mut known: Vec<_> = self
            .recordings
            .values()
            .filter(|(_, recording)| is_known(recording))
            .map(|(order, recording)| (*order, recording.sid.clone()))
            .collect();
        known.sort();
        let surplus = known.len().saturating_sub(MOST_ENDED);
        for (_, sid) in known.into_iter().take(surplus) {
            self.recordings.remove(&sid);
        }
    }

    /// Those that take room.
    pub(super) fn active(&self) -> usize {
        self.recordings
            .values()
            .filter(|(_, recording)| recording.status().borrow().takes_room())
            .count()
    }

    /// Those that began and whose end is not acknowledged.
    pub(super) fn open(&self) -> Vec<Arc<Recording>> {
        self.recordings
            .values()
            .filter(|(_, recording)| {
                !is_known(recording) && !matches!(recording.status().borrow().stage, Stage::Refused(_))
            })
            .map(|(_, recording)| Arc::clone(recording))
            .collect()
    }
}

fn is_known(recording: &Recording) -> bool {
    recording.status().borrow().acknowledged
}
