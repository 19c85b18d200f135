use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::version::OLDEST;
use crate::{EndCause, Scene, StorageKeys, Subscription};

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

impl Desired {
    /// The oldest version of the line's protocol in which a node does all that is wanted.
    pub fn oldest_version(&self) -> u32 {
        self.scene.as_ref().map_or(OLDEST, Scene::oldest_version)
    }
}

/// What the edge wants of a recording's capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Capture, record and upload.
    Record,
    /// Capture nothing until told otherwise; what was captured is uploaded, and the recording goes on. Nodes older than this
    /// directive cannot read what it is in, and so are given no recording that is paused.
    Pause,
    /// Capture no more, finish and upload everything, end the playlists, then end with this cause.
    Stop(EndCause),
    /// The lease is lost: capture no more, upload what is there, leave the playlists to another node.
    Release,
}

/// The conditions under which a node follows its directive. The default is that of a node without an edge, which has the
/// recording to itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whether another node has the lease, or has not let go of it yet: the node captures beside it, keeps everything in its
    /// spool and uploads nothing. What it has kept is given up if the recording is released in this state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    /// Whether no other node is free to go on, so that a node that is [leaving](crate::SpoolReport::leaving) has nothing to
    /// wait for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// The times from which on media is the other node's, with [`Directive::Release`]: the name of a playlist → Unix
    /// milliseconds. What this node has captured after that is given up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cuts: BTreeMap<String, u64>,
}
