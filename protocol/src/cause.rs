use serde::{Deserialize, Serialize};

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The customer, or the operator, stopped it.
    Stopped,
    /// The channel was empty for too long.
    Idle,
    /// The lease went to another node.
    LeaseLost,
    /// No node answered for it.
    NodeLost,
    /// The node's spool had no room for more; what was captured is kept and uploaded.
    NoSpace,
    /// The node could not go on; the problems say why.
    Failed,
}
