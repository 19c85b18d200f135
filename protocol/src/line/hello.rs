use serde::{Deserialize, Serialize};

use super::Versions;

/// The first message of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeHello {
    pub versions: Versions,
    pub node: Identity,
}

/// What a node says of itself once for each line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub node_id: String,
    pub region: String,
    /// The node's own version.
    pub version: String,
    /// The most recordings that it takes.
    pub capacity: u32,
    /// The address at which the edge can reach it as well, `http(s)://host[:port]` without a path; `None` for most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When its process began, by its own clock, Unix milliseconds: another time is another process, which has none of the
    /// connections of the one before. `None`: it is too old to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
}

impl Identity {
    /// The most bytes that its texts may have together: the edge keeps them beside the socket, where there is little room.
    pub const MAX_BYTES: usize = 1_024;
}

/// The first message of the edge, when it takes the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeHello {
    pub versions: Versions,
    /// How long the node's lease lasts from each ping, in milliseconds; `None` when the version that both speak has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}
