use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Directive, VodVideo};

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

/// How a node comes to a recording: as its first node or after others, and under which terms. The default is that of a
/// node without an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What is wanted at first; `Record` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directive: Option<Directive>,
    #[serde(default)]
    pub terms: Terms,
    /// Whether playlists are written only under the lease that [answers to reports](crate::ReportAnswer::lease_ms) give:
    /// whoever sent the job may have asked another node since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leased: bool,
    /// Whether the recording may have been on another node. Then no playlist is written before the slices of the
    /// [inventory](crate::InventoryPage) are known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takeover: bool,
    /// The number of nodes that may have captured before this one. It differs between any two nodes that capture for a
    /// recording, which keeps the names of their files apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lane: u64,
    /// The beginning of the recording's timeline, Unix milliseconds, the same for all its nodes. When absent, it is the
    /// beginning of the node's own work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// When this was sent, Unix milliseconds by the sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<u64>,
    /// The videos that the recording's nodes have made in a video-on-demand service so far: this node goes on with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub videos: Vec<VodVideo>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
