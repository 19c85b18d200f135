//! What goes into the core and what comes out of it.

use protocol::{Desired, Job, JobRequest, LedgerSlice, RecorderKey, Refusal, Report, ReportAnswer};
use serde::{Deserialize, Serialize};

use super::{Call, Outcome, PageWish, Preference, Snapshot};

/// Names a caller who waits for a reply; unique within the life of the process that holds the state.
pub type CallId = u64;

/// What the `Recorder` object can be asked, by a dialect or by a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Call(Call),
    Report(Box<Report>),
    Job(JobRequest),
}

/// The answer to a [`Request`]: `Outcome` to a call, `Report` to a report, `Job` to a node's request for its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Outcome(Box<Outcome>),
    Report(Box<ReportAnswer>),
    /// The refusal says why the node does not get the job.
    Job(Result<Box<Job>, Refusal>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Asked {
        by: CallId,
        request: Request,
    },
    /// The fleet's answer to [`Effect::Place`]: a node, or why there is none.
    Placed {
        sid: String,
        epoch: u64,
        node: Result<Node, String>,
    },
    /// A node's answer to [`Effect::SendJob`].
    JobAnswered {
        sid: String,
        epoch: u64,
        answer: NodeAnswer,
    },
    /// A node's answer to [`Effect::SendDesired`].
    DesiredAnswered {
        sid: String,
        /// What the node was told.
        desired: Box<Desired>,
        answer: NodeAnswer,
    },
    /// How [`Effect::Publish`] went.
    Published {
        sid: String,
        revision: u64,
        ok: bool,
    },
    /// A deadline may have passed.
    Alarm,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Reply {
        to: CallId,
        reply: Reply,
    },
    /// Reply to a report, with slices of the ledger if `page` asks for some: those behind `answer.ledger.after`, in their
    /// order, as many as fit; `next` becomes the place of the last of them, or stays when there are no more.
    Answer {
        to: CallId,
        answer: Box<ReportAnswer>,
        page: Option<PageWish>,
    },
    /// Keep these slices of a recording's ledger, whose places begin with `first`. `spool` names whose they are. To be
    /// persisted with the state.
    Note {
        sid: String,
        spool: u64,
        first: u64,
        slices: Vec<LedgerSlice>,
    },
    /// Forget the slices of a recording's ledger. To be persisted with the state.
    Forget {
        sid: String,
    },
    /// Ask the fleet for a node that is none of `exclude`; answer with [`Input::Placed`].
    Place {
        key: RecorderKey,
        sid: String,
        epoch: u64,
        exclude: Vec<String>,
        preference: Preference,
    },
    /// Offer the job to the node; answer with [`Input::JobAnswered`].
    SendJob {
        url: String,
        job: Box<Job>,
    },
    /// Tell the node what is wanted, and let it answer when that is reached or after `wait_ms`; answer with
    /// [`Input::DesiredAnswered`].
    SendDesired {
        url: String,
        sid: String,
        desired: Box<Desired>,
        wait_ms: u64,
    },
    /// Write the recording's session document, without secrets, to be forgotten at `expires_ms`; answer with
    /// [`Input::Published`].
    Publish {
        revision: u64,
        snapshot: Box<Snapshot>,
        expires_ms: u64,
    },
}

/// A media node, as far as one recording has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    /// Where the edge reaches it: `http(s)://host[:port]`, without a path.
    pub url: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NodeAnswer {
    Report(Box<Report>),
    Refused(Refusal),
    /// No answer in time, or none that could be read. Whether the node got the message is not known.
    Unreachable,
}

pub(super) fn reply(out: &mut Vec<Effect>, to: CallId, outcome: Outcome) {
    out.push(Effect::Reply {
        to,
        reply: Reply::Outcome(Box::new(outcome)),
    });
}
