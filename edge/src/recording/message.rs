//! What goes into the core and what comes out of it.

use protocol::{ConfirmedSlice, Desired, Job, JobRequest, RecorderKey, Refusal, Report, ReportAnswer};
use serde::{Deserialize, Serialize};

use super::{Call, CallId, Delivery, Outcome, PageWish, Preference, Replay, Snapshot, Subject};

/// What the `Recorder` object can be asked, by a dialect or by a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Call(Call),
    Report(Box<Report>),
    Job(JobRequest),
    Replay(Replay),
}

/// The answer to a [`Request`]: `Outcome` to a call, `Desired` to a report, `Job` to a node's request for its job,
/// `Replayed` to a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Outcome(Box<Outcome>),
    Desired(Box<ReportAnswer>),
    /// The refusal says why the node does not get the job.
    Job(Result<Box<Job>, Refusal>),
    /// So many events wait once more.
    Replayed {
        count: u64,
    },
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
    /// How [`Effect::Deliver`] went. `chance` is random, for the pause before the next try.
    Delivered {
        sid: String,
        position: u64,
        result: Delivery,
        chance: u32,
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
    /// Reply to a report, with slices of the inventory if `page` asks for some: those behind `answer.inventory.after`, in their
    /// order, as many as fit; `next` becomes the place of the last of them, or stays when there are no more.
    Answer {
        to: CallId,
        answer: Box<ReportAnswer>,
        page: Option<PageWish>,
    },
    /// Keep these slices of a recording's inventory, whose places begin with `first`. `spool` names whose they are. To be
    /// persisted with the state.
    Note {
        sid: String,
        spool: u64,
        first: u64,
        slices: Vec<ConfirmedSlice>,
    },
    /// Forget the slices of a recording's inventory. To be persisted with the state.
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
    /// Tell the app of the recording and, if `document`, write its session document, without secrets; both may be
    /// forgotten at `expires_ms`. Answer with [`Input::Published`].
    Publish {
        revision: u64,
        document: bool,
        snapshot: Box<Snapshot>,
        /// Events that wait because the oldest of them could not be delivered.
        held_up: u64,
        /// Of the recording's resource ID.
        nonce: String,
        expires_ms: u64,
    },
    /// Deliver the event whose row has this place to the app's callback; answer with [`Input::Delivered`].
    Deliver {
        subject: Box<Subject>,
        position: u64,
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

impl Input {
    /// What a node tells with it of a recording.
    pub(super) fn report(&self) -> Option<&Report> {
        match self {
            Self::Asked {
                request: Request::Report(report),
                ..
            }
            | Self::JobAnswered {
                answer: NodeAnswer::Report(report),
                ..
            }
            | Self::DesiredAnswered {
                answer: NodeAnswer::Report(report),
                ..
            } => Some(report),
            _ => None,
        }
    }
}

pub(super) fn reply(out: &mut Vec<Effect>, to: CallId, outcome: Outcome) {
    out.push(Effect::Reply {
        to,
        reply: Reply::Outcome(Box::new(outcome)),
    });
}
