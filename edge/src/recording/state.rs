//! What is known of the recordings of one recorder. Everything here is persisted, except who waits for a reply; the
//! specifications, which hold the customer's secrets, are persisted apart so that they can be sealed, and so are the
//! ledgers, which change more often than the rest.

use std::collections::BTreeMap;

use protocol::{
    EndCause, Mode, Phase, Pictures, Problem, RecordedFile, RecorderKey, Scene, Snapshots, Subscription, Vod,
};
use serde::{Deserialize, Serialize};

use super::notice::{Ledgers, Pacing, Row};
use super::publication::Publication;
use super::{CallId, Node, Spec, Ticket};

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
}

/// The specifications of those recordings whose node may still ask for its job, by sid.
pub type Secrets = BTreeMap<String, Spec>;

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
    pub(super) max_idle_ms: u64,
    pub(super) requested_ms: u64,
    pub(super) stage: Stage,
    /// The recording has been told to end, with this cause.
    pub(super) order: Option<EndCause>,
    /// The operator, not the customer, ordered the stop.
    #[serde(default)]
    pub(super) stopped_by_operator: bool,
    /// When the channel token of the start dies, where there is one that was verified.
    #[serde(default)]
    pub(super) token_expires_ms: Option<u64>,
    pub(super) seen: Seen,
    pub(super) publication: Publication,
    /// Nodes that did not take the job, and why.
    pub(super) tried: Vec<Tried>,
    #[serde(skip)]
    pub(super) spec: Option<Spec>,
    /// Who waits for the start's outcome; the first of them asked first.
    #[serde(skip)]
    pub(super) starters: Vec<CallId>,
    /// Who waits for the stop's outcome.
    #[serde(skip)]
    pub(super) stopper: Option<CallId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// The fleet is asked for a node.
    Placing { epoch: u64, since_ms: u64 },
    /// A node is asked to take the job.
    Offered { epoch: u64, node: Node, since_ms: u64 },
    /// A node has the lease.
    Held { started_ms: u64, lease: Lease },
    /// Over; the lease is the last one. Its node may still upload if it was lost.
    Over {
        started_ms: u64,
        lease: Lease,
        cause: EndCause,
        ended_ms: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) epoch: u64,
    pub(super) node: Node,
    /// When its node was last heard of.
    pub(super) heard_ms: u64,
    /// Its node has not been heard of for longer than a lease lasts.
    pub(super) silent: bool,
}

/// What the node's reports told. Times are the node's, except `idle_since_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Of the newest report of the lease's epoch.
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
    pub(super) fn lease(&self) -> Option<&Lease> {
        match &self.stage {
            Stage::Placing { .. } | Stage::Offered { .. } => None,
            Stage::Held { lease, .. } | Stage::Over { lease, .. } => Some(lease),
        }
    }

    pub(super) fn started_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Placing { .. } | Stage::Offered { .. } => None,
            Stage::Held { started_ms, .. } | Stage::Over { started_ms, .. } => Some(started_ms),
        }
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
            Stage::Placing { .. } | Stage::Offered { .. } => true,
            Stage::Held { .. } => self.seen.phase < Phase::Draining,
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
            problems: Vec::new(),
            vod: None,
        }
    }
}
