use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::ProblemCode;
use serde::{Deserialize, Serialize};

/// What the process of a recording measures of itself, for the node's limits and metrics. The edge does not see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// Bytes in the spool that wait for the store.
    pub spool_bytes: u64,
    /// Wall-clock time of the oldest media that the store has not confirmed, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_since_ms: Option<u64>,
    #[serde(flatten)]
    pub counted: Counted,
}

/// What only grows: in a [`Vitals`] since the start of the process, in the node's sum since the start of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub uploads: u64,
    pub upload_failures: u64,
    pub uploaded_bytes: u64,
    /// Packets of publishers that never came.
    pub lost_packets: u64,
    /// Units that were given another time than their sender's.
    #[serde(default)]
    pub restamped_units: u64,
    /// Pictures of mixes, and those left out because the node could not keep up.
    #[serde(default)]
    pub mixed_frames: u64,
    #[serde(default)]
    pub shed_frames: u64,
}

impl Counted {
    /// What came since `earlier` of the same process.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            uploads: self.uploads.saturating_sub(earlier.uploads),
            upload_failures: self.upload_failures.saturating_sub(earlier.upload_failures),
            uploaded_bytes: self.uploaded_bytes.saturating_sub(earlier.uploaded_bytes),
            lost_packets: self.lost_packets.saturating_sub(earlier.lost_packets),
            restamped_units: self.restamped_units.saturating_sub(earlier.restamped_units),
            mixed_frames: self.mixed_frames.saturating_sub(earlier.mixed_frames),
            shed_frames: self.shed_frames.saturating_sub(earlier.shed_frames),
        }
    }
}

impl AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.uploads = self.uploads.saturating_add(other.uploads);
        self.upload_failures = self.upload_failures.saturating_add(other.upload_failures);
        self.uploaded_bytes = self.uploaded_bytes.saturating_add(other.uploaded_bytes);
        self.lost_packets = self.lost_packets.saturating_add(other.lost_packets);
        self.restamped_units = self.restamped_units.saturating_add(other.restamped_units);
        self.mixed_frames = self.mixed_frames.saturating_add(other.mixed_frames);
        self.shed_frames = self.shed_frames.saturating_add(other.shed_frames);
    }
}

/// What all processes of the node counted together, the ended ones too. Clones share one sum.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals(Arc<Mutex<Sum>>);

#[derive(Debug, Default)]
struct Sum {
    total: Total,
    problems: ProblemCounts,
}

/// How often each kind of problem was told.
pub type ProblemCounts = BTreeMap<ProblemCode, u64>;

/// Counts of all recordings since the node began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub counted: Counted,
    /// Processes that were started again because they ended before their recording.
    pub restarts: u64,
}

impl Totals {
    pub(super) fn read(&self) -> Total {
        self.lock().total
    }

    pub(super) fn problems(&self) -> ProblemCounts {
        self.lock().problems.clone()
    }

    pub(super) fn add(&self, counted: Counted) {
        self.lock().total.counted += counted;
    }

    pub(super) fn restarted(&self) {
        self.lock().total.restarts += 1;
    }

    /// A recording has told of it for the first time. The processes are of the node's own version and know no other codes.
    pub(super) fn told(&self, code: &ProblemCode) {
        *self.lock().problems.entry(code.clone()).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
