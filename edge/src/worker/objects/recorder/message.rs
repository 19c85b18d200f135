use serde::{Deserialize, Serialize};

use crate::recording::{self, Incident, LoggedNotice, NoticeState, Which};

/// What a `Recorder` can be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::worker) enum Request {
    Core(recording::Request),
    /// The events of a recording behind the number `after`.
    Notices {
        sid: String,
        after: Option<u64>,
        state: Option<NoticeState>,
        limit: usize,
    },
    /// The history of a recording.
    History {
        sid: String,
    },
    /// Deliver events of a recording once more.
    Replay {
        sid: String,
        which: Which,
    },
}

/// The answer to a [`Request`] of the same name. A replay is answered by the core.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::worker) enum Reply {
    Core(recording::Reply),
    /// In their order.
    Notices(Vec<LoggedNotice>),
    /// The oldest first.
    History(Vec<Incident>),
}
