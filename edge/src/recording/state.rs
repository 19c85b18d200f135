//! What is known of the recordings of one recorder. Everything here is persisted, except who waits for a reply; the
//! specifications, which hold the customer's secrets, are persisted apart so that they can be sealed, and so are the
//! ledgers, which change more often than the rest.

use std::collections::BTreeMap;

use protocol::{
    BackedUp, EndCause, Mode, Phase, Pictures, Problem, RecordedFile, RecorderKey, RecordingSpec, Scene, Snapshots,
    Subscription, Vod,
};
use serde::{Deserialize, Serialize};

use super::inventory::Inventory;
use super::nodes::{Lease, Nodes};
use super::notice::{Ledgers, Pacing, Row};
use super::publication::Publication;
use super::{CallId, Ticket};

/// The recordings of one recorder: at most one that may capture, those that still upload, those kept for queries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The highest epoch that has been given out or burnt.
    pub(super) epoch: u64,
    /// In the order of their starts.
    pub(super) recordings: Vec<Recording>,
    /// Resource IDs that have had their recording, as long as they would otherwise be good.
    pub(super) spent: Vec<SpentTicket>,
    #[serde(skip)]
    pub(super) ledgers: Ledgers,
    /// Rows to be written together with the state.
    #[serde(skip)]
    pub(super) rows: Vec<Row>,
    #[serde(skip)]
    pub(super) pacing: Pacing,
    #[serde(skip)]
    pub(super) policy: Policy,
}

/// What the deployment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A node that has not been heard of for so long has lost its lease, and another one is looked for.
    pub lease_ms: u64,
    /// A recording that has had no node for so long ends.
    pub lost_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lease_ms: 10_000,
            lost_ms: 1_800_000,
        }
    }
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

    /// What serialization leaves out because it changes with each event.
    pub fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }

    /// Puts back what [`State::ledgers`] gave, after deserialization.
    pub fn restore_ledgers(&mut self, ledgers: Ledgers) {
        self.ledgers = ledgers;
    }

    /// The rows to be written together with the state, in their order.
    pub fn take_rows(&mut self) -> Vec<Row> {
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
    pub fn secrets(&self) -> Secrets {
        let specs = self.recordings.iter();
        specs
            .filter_map(|recording| Some((recording.sid.clone(), recording.spec.clone()?)))
            .collect()
    }

    /// Puts back what [`State::secrets`] gave, after deserialization.
    pub fn restore_secrets(&mut self, mut secrets: Secrets) {
        for recording in &mut self.recordings {
            recording.spec = secrets.remove(&recording.sid);
        }
    }

    pub(super) fn find(&self, sid: &str) -> Option<&Recording> {
        self.recordings.iter().find(|recording| recording.sid == sid)
    }

    pub(super) fn find_mut(&mut self, sid: &str) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|recording| recording.sid == sid)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SpentTicket {
    pub(super) nonce: String,
    pub(super) forget_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recording {
    pub(super) key: RecorderKey,
    pub(super) sid: String,
    pub(super) ticket: Ticket,
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) mp4: bool,
    #[serde(default)]
    pub(super) snapshots: Option<Snapshots>,
    pub(super) subscription: Subscription,
    /// Of a mixed recording: the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scene: Option<Scene>,
    /// How often the keys of the storage have been renewed.
    #[serde(default)]
    pub(super) renewals: u64,
    pub(super) max_idle_ms: u64,
    pub(super) requested_ms: u64,
    pub(super) stage: Stage,
    /// The recording has been told to end, with this cause.
    pub(super) order: Option<EndCause>,
    pub(super) nodes: Nodes,
    pub(super) inventory: Inventory,
    /// What happened to its nodes, oldest first.
    pub(super) history: Vec<Problem>,
    /// The operator, not the customer, ordered the stop.
    #[serde(default)]
    pub(super) stopped_by_operator: bool,
    /// When the channel token of the start dies, where there is one that was verified.
    #[serde(default)]
    pub(super) token_expires_ms: Option<u64>,
    pub(super) seen: Seen,
    pub(super) publication: Publication,
    #[serde(skip)]
    pub(super) spec: Option<RecordingSpec>,
    /// Who waits for the start's outcome; the first of them asked first.
    #[serde(skip)]
    pub(super) starters: Vec<CallId>,
    /// Who waits for the stop's outcome.
    #[serde(skip)]
    pub(super) stopper: Option<Stopper>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stopper {
    pub(super) by: CallId,
    /// Until then.
    pub(super) until_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// No node has taken it yet.
    Placing,
    /// A node records it, or another one is looked for because that node was lost.
    Running { started_ms: u64 },
    /// Over. A node may still be at work to upload, or to end playlists that a lost one has left without an end.
    Over {
        started_ms: u64,
        cause: EndCause,
        ended_ms: u64,
    },
}

/// What the node's reports told. Times are the node's, except `idle_since_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Of the newest report under the lease.
    pub(super) seq: Option<u64>,
    pub(super) phase: Phase,
    pub(super) cause: Option<EndCause>,
    /// By the edge's clock, so that deadlines do not depend on the node's.
    pub(super) idle_since_ms: Option<u64>,
    pub(super) first_media_ms: Option<u64>,
    pub(super) files: Vec<RecordedFile>,
    #[serde(default)]
    pub(super) pictures: Option<Pictures>,
    pub(super) pending_uploads: u64,
    #[serde(default)]
    pub(super) backed_up: Option<BackedUp>,
    pub(super) problems: Vec<Problem>,
    /// Of a recording that goes to a video-on-demand service.
    #[serde(default)]
    pub(super) vod: Option<Vod>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) node_id: String,
    pub(super) why: String,
}

impl Recording {
    pub(super) fn started_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Placing => None,
            Stage::Running { started_ms } | Stage::Over { started_ms, .. } => Some(started_ms),
        }
    }

    /// The lease in force, or, when its node has done its work, the last one. `None` while a node is looked for.
    pub(super) fn lease(&self) -> Option<&Lease> {
        let last = self.nodes.last.as_ref().filter(|_| self.is_over());
        self.nodes.lease.as_ref().or(last.map(|last| &last.lease))
    }

    /// When the caller may no longer ask about it; `None` until it has started.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        let life_ms = u64::from(self.ticket.expires_hours).saturating_mul(3_600_000);
        Some(self.started_ms()?.saturating_add(life_ms))
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// A node captures for it, or may come to do so.
    pub(super) fn captures(&self) -> bool {
        match self.stage {
            Stage::Placing => true,
            Stage::Running { .. } => self.seen.phase < Phase::Draining,
            Stage::Over { .. } => false,
        }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            seq: None,
            phase: Phase::Starting,
            cause: None,
            idle_since_ms: None,
            first_media_ms: None,
            files: Vec::new(),
            pictures: None,
            pending_uploads: 0,
            backed_up: None,
            problems: Vec::new(),
            vod: None,
        }
    }
}
