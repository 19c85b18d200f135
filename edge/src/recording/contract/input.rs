use std::fmt;

use protocol::{Desired, Job, JobRequest, Refusal, Report, ReportAnswer};
use serde::{Deserialize, Serialize};

use super::command::{Call, Replay};
use super::delivery::Delivery;
use super::outcome::Outcome;
use crate::object::CallId;

/// What the `Recorder` object can be asked, by a dialect or by a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Call(Call),
    /// `line`: the number of the line that it has come over, if that has a lease.
    Report {
        report: Box<Report>,
        line: Option<u64>,
    },
    /// `line`: as above.
    Job {
        request: JobRequest,
        line: Option<u64>,
    },
    Lost(Lost),
    Missing(Missing),
    Replay(Replay),
    /// Wait no longer for media of a recording that is still on a node.
    GiveUp {
        sid: String,
    },
}

/// The leases of a node's lines are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    pub node_id: String,
    /// The number of the newest of these lines.
    pub line: u64,
    /// When the node was last heard of, Unix milliseconds.
    pub heard_ms: u64,
    /// What it told last, if that was not worth a report of its own.
    pub reports: Vec<Report>,
}

/// A node that is there does not name a recording among those that it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    pub node_id: String,
    pub sid: String,
    /// What it told of it last, if that was not worth a report of its own.
    pub report: Option<Box<Report>>,
}

/// The answer to a [`Request`]: `Outcome` to a call, `Desired` to a report, `Job` to a node's request for its job,
/// `Noted` to a loss, `Missed` to what is missing, `Replayed` to a replay, `GaveUp` to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Outcome(Box<Outcome>),
    Desired(Box<ReportAnswer>),
    /// The refusal says why the node does not get the job.
    Job(Result<JobText, Refusal>),
    Noted,
    /// Whether the recording is taken to be with the node, which is asked then.
    Missed {
        is_with_node: bool,
    },
    /// `count` events wait once more.
    Replayed {
        count: u64,
    },
    /// Why nothing was given up, if nothing was.
    GaveUp(Result<(), String>),
}

/// A job in the form in which its node is sent it, JSON. The edge hands it on without reading it again.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobText(String);

impl JobText {
    pub(in crate::recording) fn new(job: &Job) -> serde_json::Result<Self> {
        serde_json::to_string(job).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text holds the store's keys.
impl fmt::Debug for JobText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobText")
    }
}

/// What can happen to the recordings of one recorder.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A caller asks; the answer is an [`Effect::Reply`](super::Effect::Reply) or an
    /// [`Effect::Answer`](super::Effect::Answer).
    Asked { by: CallId, request: Request },
    /// The fleet's answer to [`Effect::Place`](super::Effect::Place): a node, or why there is none.
    Placed {
        sid: String,
        epoch: u64,
        node: Result<Node, String>,
    },
    /// A node's answer to [`Effect::SendJob`](super::Effect::SendJob).
    JobAnswered {
        sid: String,
        epoch: u64,
        answer: NodeAnswer,
        /// The number of the line that it has come over, if that has a lease.
        line: Option<u64>,
    },
    /// What [`Effect::Look`](super::Effect::Look) has found to be over.
    Looked(Lost),
    /// A node's answer to [`Effect::SendDesired`](super::Effect::SendDesired).
    DesiredAnswered {
        sid: String,
        /// What the node was told.
        desired: Box<Desired>,
        answer: NodeAnswer,
    },
    /// How [`Effect::Publish`](super::Effect::Publish) went.
    Published { sid: String, revision: u64, ok: bool },
    /// How [`Effect::Deliver`](super::Effect::Deliver) went. `chance` is random, for the pause before the next try.
    Delivered {
        sid: String,
        position: u64,
        result: Delivery,
        chance: u32,
    },
    /// A deadline may have passed.
    Alarm,
}

/// A media node, as far as one recording has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    /// The address at which it can be reached when it has no line: `http(s)://host[:port]`, without a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What became of a message to a node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeAnswer {
    Report(Box<Report>),
    Refused(Refusal),
    /// No answer in time, or none that could be read. Whether the node got the message is not known.
    Unreachable,
}

impl Input {
    /// What a node tells with it of recordings.
    pub(in crate::recording) fn reports(&self) -> &[Report] {
        match self {
            Self::Asked {
                request: Request::Report { report, .. },
                ..
            }
            | Self::JobAnswered {
                answer: NodeAnswer::Report(report),
                ..
            }
            | Self::DesiredAnswered {
                answer: NodeAnswer::Report(report),
                ..
            } => std::slice::from_ref(report),
            Self::Asked {
                request: Request::Lost(lost),
                ..
            }
            | Self::Looked(lost) => &lost.reports,
            Self::Asked {
                request: Request::Missing(Missing {
                    report: Some(report), ..
                }),
                ..
            } => std::slice::from_ref(report),
            _ => &[],
        }
    }
}
