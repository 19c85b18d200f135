//! What is known of the recordings of one recorder, and what follows from it without any decision. Everything here is
//! persisted, except who waits for a reply; the specifications, which hold the customer's secrets, are persisted apart so
//! that they can be sealed, and so are the ledgers, which change more often than the rest. May not know what is done about
//! it.

mod inventory;
mod lazy;
mod lease;
mod nodes;
mod page;
mod publication;
mod recording;
mod search;
mod seen;
mod view;
mod wanted;
mod written;

use std::collections::BTreeMap;

use protocol::RecordingSpec;
use serde::{Deserialize, Serialize};

pub(crate) use inventory::told_up_to;
pub(crate) use lease::{Lease, Said, Way};
pub(crate) use nodes::{Last, Role, Successor, begun};
pub use page::fill_page;
pub(crate) use publication::Shown;
pub(crate) use recording::{Lifecycle, Opening, Recording, Stopper};
pub(crate) use search::{Search, Step, Tried};
pub(crate) use seen::Seen;
pub(crate) use wanted::Wanted;
pub use written::{Changes, Written};

use super::contract::Row;
use super::limits::Policy;
use super::notice::{Ledger, Ledgers, Pacing, Scribe};

/// The recordings of one recorder: at most one that may capture, those that still upload, those kept for queries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The highest epoch that has been given out or burnt.
    pub(in crate::recording) epoch: u64,
    /// In the order of their starts.
    pub(in crate::recording) recordings: Vec<Recording>,
    /// Resource IDs that have had their recording, as long as they would otherwise be good.
    pub(in crate::recording) spent: Vec<SpentTicket>,
    #[serde(skip)]
    pub(in crate::recording) ledgers: Ledgers,
    /// Rows to be written together with the state.
    #[serde(skip)]
    pub(in crate::recording) rows: Vec<Row>,
    #[serde(skip)]
    pub(in crate::recording) pacing: Pacing,
    #[serde(skip)]
    pub(in crate::recording) policy: Policy,
}

/// The specifications of those recordings whose node may still ask for its job, by sid.
pub type Secrets = BTreeMap<String, RecordingSpec>;

impl State {
    /// Nothing is known and nothing is due: the state need not be kept.
    pub fn is_empty(&self) -> bool {
        self.recordings.is_empty() && self.spent.is_empty() && self.ledgers.is_empty()
    }

    /// Sets how deliveries are paced. Settings are not persisted.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        self.pacing = pacing;
    }

    /// Puts back what serialization leaves out because it changes with each event.
    pub(in crate::recording) fn restore_ledgers(&mut self, ledgers: Ledgers) {
        self.ledgers = ledgers;
    }

    /// The rows to be written together with the state, in their order.
    pub(in crate::recording) fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// Comes before all else when the state has been read back: nobody could be heard before `now_ms`.
    pub fn wake(&mut self, policy: Policy, now_ms: u64) {
        self.policy = policy;
        for recording in &mut self.recordings {
            recording.nodes.excuse(now_ms);
        }
    }

    /// What serialization leaves out because it has to be sealed.
    pub(in crate::recording) fn secrets(&self) -> Secrets {
        let specs = self.recordings.iter();
        specs
            .filter_map(|recording| Some((recording.sid.clone(), recording.spec.clone()?)))
            .collect()
    }

    /// Puts back what [`State::secrets`] gave, after deserialization.
    pub(in crate::recording) fn restore_secrets(&mut self, mut secrets: Secrets) {
        for recording in &mut self.recordings {
            let spec = secrets.remove(&recording.sid);
            recording.restore_spec(spec);
        }
    }

    /// Does something to what has been told of a recording; `None` when nothing is kept of that any more.
    pub(in crate::recording) fn with_ledger<T>(
        &mut self,
        sid: &str,
        now_ms: u64,
        work: impl FnOnce(&mut Ledger, &mut Scribe<'_>) -> T,
    ) -> Option<T> {
        let ledger = self.ledgers.get_mut(sid)?;
        let mut scribe = Scribe {
            sid,
            pacing: &self.pacing,
            now_ms,
            rows: &mut self.rows,
        };
        Some(work(ledger, &mut scribe))
    }

    /// Whether these are the secrets, without copying any.
    fn has_secrets(&self, known: &Secrets) -> bool {
        let own = || {
            self.recordings
                .iter()
                .filter_map(|it| Some((&it.sid, it.spec.as_ref()?)))
        };
        own().count() == known.len() && own().all(|(sid, spec)| known.get(sid) == Some(spec))
    }

    /// Something is worth a write: what is persisted lazily goes along.
    fn note(&mut self) {
        for recording in &mut self.recordings {
            recording.nodes.note();
            recording.seen.seq.note();
        }
    }

    pub(in crate::recording) fn find(&self, sid: &str) -> Option<&Recording> {
        self.recordings.iter().find(|recording| recording.sid == sid)
    }

    pub(in crate::recording) fn find_mut(&mut self, sid: &str) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|recording| recording.sid == sid)
    }
}

/// A resource ID that has had its recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpentTicket {
    pub(crate) nonce: String,
    pub(crate) forget_ms: u64,
}

/// As [`State::find_mut`], when other parts of the state are needed at the same time.
pub(crate) fn find_mut<'a>(recordings: &'a mut [Recording], sid: &str) -> Option<&'a mut Recording> {
    recordings.iter_mut().find(|recording| recording.sid == sid)
}
