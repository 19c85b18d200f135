use serde::{Deserialize, Serialize};

use crate::recording::contract::Node;
use crate::recording::limits::{OFFER_LIMIT_MS, after};

/// The search for a node that takes the recording, or takes it over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Search {
    /// The epoch of the present question; each has a higher one.
    pub(crate) epoch: u64,
    pub(crate) step: Step,
    /// Nodes that did not take the job, and why.
    pub(crate) tried: Vec<Tried>,
    /// The number of offers that may have been taken.
    pub(crate) offers: u32,
    pub(crate) pauses: u32,
    /// Whether the node that was lost may be asked too, if it is back.
    pub(crate) everybody: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// The fleet is asked for a node.
    Asked {
        since_ms: u64,
    },
    /// A node is asked to take the job.
    Offered {
        node: Node,
        since_ms: u64,
    },
    Waiting {
        until_ms: u64,
    },
}

impl Search {
    pub(crate) fn tried(&self) -> &[Tried] {
        &self.tried
    }

    pub(crate) fn due_ms(&self) -> u64 {
        match self.step {
            Step::Asked { since_ms } | Step::Offered { since_ms, .. } => after(since_ms, OFFER_LIMIT_MS),
            Step::Waiting { until_ms } => until_ms,
        }
    }

    /// The job is offered to this node at present. Whatever it says about the job, it has taken it.
    pub(crate) fn is_offer_to(&self, node_id: &str, offered: u64) -> bool {
        match &self.step {
            Step::Offered { node, .. } => self.epoch == offered && node.id == node_id,
            Step::Asked { .. } | Step::Waiting { .. } => false,
        }
    }

    pub(crate) fn is_offered_to(&self, node_id: &str) -> bool {
        match &self.step {
            Step::Offered { node, .. } => node.id == node_id,
            Step::Asked { .. } | Step::Waiting { .. } => false,
        }
    }

    pub(crate) fn wait_no_longer(&mut self, now_ms: u64) {
        if let Step::Waiting { until_ms } = &mut self.step {
            *until_ms = now_ms;
        }
    }
}

/// A node that did not take the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) node_id: String,
    pub(crate) why: String,
}
