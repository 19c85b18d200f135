use serde::{Deserialize, Serialize};

use crate::RecorderKey;

/// A node's sign of life, sent every `interval_ms` of the answer to the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub node_id: String,
    /// Where the edge reaches this node: `http(s)://host[:port]`, without a path.
    pub url: String,
    pub region: String,
    /// The node's own version.
    pub version: String,
    /// Recordings that it takes at most.
    pub capacity: u32,
    /// From 0, idle, to 1, no room.
    pub load: f64,
    /// It takes no new work.
    pub draining: bool,
    /// What it holds, uploads of ended recordings included.
    pub recordings: Vec<HeldRecording>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecording {
    pub recorder: RecorderKey,
    pub sid: String,
    pub epoch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// Until the next heartbeat; also the longest time between two reports of a recording.
    pub interval_ms: u64,
}
