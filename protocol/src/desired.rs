use serde::{Deserialize, Serialize};

use crate::{EndCause, Scene, StorageKeys, Subscription, Terms};

/// What the edge wants of a recording. The node converges to it, whichever message brings it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The epoch of the lease that this is addressed to. A node with a higher one ignores it, for it has been given another
    /// lease meanwhile. A node with a lower one has lost its lease.
    pub epoch: u64,
    pub directive: Directive,
    pub subscription: Subscription,
    /// The scene of a mixed recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<Scene>,
    /// The keys of the job's storage, once they have been renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<StorageKeys>,
    #[serde(default)]
    pub terms: Terms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Capture, record and upload.
    Record,
    /// Capture no more, finish and upload everything, end the playlists, then end with this cause.
    Stop(EndCause),
    /// The lease is lost: capture no more, upload what is there, leave the playlists to another node.
    Release,
}
