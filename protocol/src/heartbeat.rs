use serde::{Deserialize, Serialize};

use crate::RecorderKey;

/// A node's sign of life, sent every `interval_ms` of the answer to the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub node_id: String,
    /// The address at which the edge can reach this node: `http(s)://host[:port]`, without a path. A node without a line needs
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub region: String,
    /// The node's own version.
    pub version: String,
    /// The most recordings that it takes.
    pub capacity: u32,
    /// Its load, from 0 (idle) to 1 (no room).
    pub load: f64,
    /// Whether it takes no new work.
    pub draining: bool,
    /// Whether it takes no new work because its spool is nearly full: what it holds for the stores is not taken by them.
    #[serde(default)]
    pub spool_full: bool,
    /// What each thread that carries media by WebRTC does, from 0 (idle) to 1 (all of a core), in an order that stays. Empty: the
    /// node has none, or is too old to tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<f64>,
    /// The recordings that it holds, including ended ones that still upload.
    pub recordings: Vec<HeldRecording>,
}

/// A recording that a node holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecording {
    pub recorder: RecorderKey,
    pub sid: String,
    pub epoch: u64,
}

/// What the edge answers to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// The time until the next heartbeat, in milliseconds; also the longest time between two reports of a recording.
    pub interval_ms: u64,
}
