use protocol::{EndCause, Problem};
use serde::{Deserialize, Serialize};

/// One line of a recording's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub at_ms: u64,
    #[serde(flatten)]
    pub what: What,
}

/// What has happened to a recording, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The customer has asked for it; a node is looked for.
    Requested,
    NodeRefused {
        node: String,
        reason: String,
    },
    /// A node has taken it, under this epoch of the lease.
    Started {
        node: String,
        epoch: u64,
    },
    /// Another node, or the same one under another lease, goes on with it.
    Moved {
        node: String,
        epoch: u64,
    },
    /// The node has not been heard of for longer than a lease lasts; another one is looked for.
    LeaseLost {
        node: String,
        epoch: u64,
    },
    /// It is back before another one was asked, and goes on.
    NodeHeard {
        node: String,
    },
    /// The wall-clock time of the first media is `first_media_ms`.
    MediaBegan {
        first_media_ms: u64,
    },
    SubscriptionChanged {
        version: u64,
    },
    LayoutChanged {
        version: u64,
    },
    /// The customer has paused it,
    Paused,
    /// and let it go on.
    Resumed,
    TokenExpired,
    /// The customer has given other keys of the storage.
    KeysRenewed,
    /// The backup store holds what the customer's store does not take.
    BackupTookOver,
    /// The customer's store has what the backup store held.
    BackupEmptied,
    StopOrdered {
        cause: EndCause,
        by: Who,
    },
    CaptureEnded {
        cause: EndCause,
    },
    Ended {
        cause: EndCause,
    },
    /// Media that these nodes have is waited for no longer: for as long as it may be, or by the operator's will.
    MediaGivenUp {
        nodes: Vec<String>,
    },
    Problem {
        problem: Problem,
    },
    /// So many events were not delivered in time. They can be replayed.
    NoticesGivenUp {
        count: u64,
    },
    /// Too many events wait for the callback: further ones are left out.
    NoticesDropped,
    /// There is room again; `count` events were left out.
    NoticesResumed {
        count: u64,
    },
}

/// Who ordered a recording to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    Customer,
    Operator,
    /// The recording's own rules, such as how long a channel may be empty.
    Edge,
}

#[cfg(test)]
mod tests {
    use protocol::Fault;

    use protocol::ProblemCode;

    use super::*;

    #[test]
    fn a_line_that_was_kept_reads_as_it_was() {
        let problem = Problem {
            at_ms: 3,
            fault: Fault::Destination,
            code: ProblemCode::UploadRefused,
            message: "the store answers 503".into(),
        };
        let lines = [
            What::Requested,
            What::Moved {
                node: "n2".into(),
                epoch: 4,
            },
            What::MediaBegan {
                first_media_ms: 1_700_000_000_123,
            },
            What::StopOrdered {
                cause: EndCause::Stopped,
                by: Who::Operator,
            },
            What::Problem { problem },
            What::NoticesGivenUp { count: 9 },
        ];
        for what in lines {
            let line = Incident { at_ms: 5, what };
            let kept = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Incident>(&kept).unwrap(), line, "{kept}");
        }
    }
}
