use protocol::ProblemCode;
use serde::{Deserialize, Serialize};

/// What has been told of a recording. Persisted with its ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) requested: bool,
    /// Nodes that refused.
    pub(crate) refusals: usize,
    /// The newest lease.
    pub(crate) lease: Option<ToldLease>,
    pub(crate) media: bool,
    pub(crate) ordered: bool,
    pub(crate) subscription: u64,
    pub(crate) scene: u64,
    pub(crate) token: bool,
    #[serde(default)]
    pub(crate) renewals: u64,
    /// The backup store holds something.
    #[serde(default)]
    pub(crate) backup: bool,
    /// Those that the node listed last, by code and time.
    pub(crate) problems: Vec<(ProblemCode, u64)>,
    pub(crate) progress_ms: u64,
    pub(crate) left: bool,
    pub(crate) uploaded: bool,
    #[serde(default)]
    pub(crate) backed_up: bool,
    /// Videos of a video-on-demand service.
    #[serde(default)]
    pub(crate) videos: usize,
    pub(crate) vod_completed: bool,
    pub(crate) exited: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldLease {
    pub(crate) epoch: u64,
    pub(crate) node: String,
    /// Nobody holds it any more, and no newer one has been told.
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
