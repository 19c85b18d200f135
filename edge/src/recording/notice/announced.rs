use protocol::ProblemCode;
use serde::{Deserialize, Serialize};

use crate::recording::contract::Standing;

/// What has been told of a recording: `true` where it is told once, and the newest version where it is told with each
/// change. Persisted with its ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) requested: bool,
    /// The number of nodes that refused.
    pub(crate) refusals: usize,
    /// The newest lease.
    pub(crate) lease: Option<ToldLease>,
    pub(crate) media: bool,
    pub(crate) ordered: bool,
    /// Whether the last that was told of it is that it is paused.
    #[serde(default)]
    pub(crate) paused: bool,
    pub(crate) subscription: u64,
    pub(crate) scene: u64,
    pub(crate) token: bool,
    #[serde(default)]
    pub(crate) renewals: u64,
    /// Whether the backup store holds something.
    #[serde(default)]
    pub(crate) backup: bool,
    /// The problems that the node listed last, by code and time.
    pub(crate) problems: Vec<(ProblemCode, u64)>,
    /// When the progress of uploads was last told.
    pub(crate) progress_ms: u64,
    pub(crate) left: bool,
    pub(crate) uploaded: bool,
    #[serde(default)]
    pub(crate) backed_up: bool,
    /// The number of videos in a video-on-demand service.
    #[serde(default)]
    pub(crate) videos: usize,
    pub(crate) vod_completed: bool,
    pub(crate) exited: bool,
    /// Of a recording in the app's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<Standing>,
}

/// A lease that has been told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldLease {
    pub(crate) epoch: u64,
    pub(crate) node: String,
    /// Whether nobody holds it any more, and no newer one has been told of.
    pub(crate) lost: bool,
}

impl Announced {
    /// Whether the death of the recording's token is still to be told.
    pub(crate) fn token_is_news(&self) -> bool {
        !self.token && !self.exited
    }

    pub(crate) fn is_exited(&self) -> bool {
        self.exited
    }
}
