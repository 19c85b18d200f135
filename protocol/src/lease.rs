use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Directive, VodVideo};

/// What a node may do with a recording beside what it is directed to. The default is that of a node without an edge, which
/// has the recording for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Another node has the lease, or has not let go of it yet: capture beside it, keep everything in the spool and upload
    /// nothing. What is kept is given up when the recording is released in this state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    /// For a node that is [leaving](crate::SpoolReport::leaving): no other node is free to go on, so there is nothing to
    /// wait for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// With [`Directive::Release`]: name of a playlist → Unix milliseconds from which on its media is the other node's.
    /// What this node has captured after that is given up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cuts: BTreeMap<String, u64>,
}

/// How a node comes to a recording. The default is that of a node without an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What is wanted at first; `Record` when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directive: Option<Directive>,
    #[serde(default)]
    pub terms: Terms,
    /// Playlists are written only under the lease that [answers to reports](crate::ReportAnswer::lease_ms) give: the one
    /// who sent the job may have asked another node since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leased: bool,
    /// The recording may have been on another node. No playlist is written before the slices of the
    /// [inventory](crate::InventoryPage) are known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takeover: bool,
    /// How many nodes may have captured before this one. No two nodes that capture for a recording have the same, which
    /// keeps the names of their files apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lane: u64,
    /// The beginning of the recording's timeline, Unix milliseconds, the same for all its nodes. Else it is the beginning
    /// of the node's own work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// Unix milliseconds by the sender's clock when this was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<u64>,
    /// Of a video-on-demand service, made by the recording's nodes so far: this one goes on with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub videos: Vec<VodVideo>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
