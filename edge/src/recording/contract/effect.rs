use protocol::{ConfirmedSlice, Desired, Job, RecorderKey, ReportAnswer};

use super::event::Subject;
use super::input::{Node, Reply};
use super::outcome::Outcome;
use super::preference::Preference;
use super::view::{Awaited, RecordingView};
use crate::object::CallId;

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Give the caller this reply.
    Reply { to: CallId, reply: Reply },
    /// Reply to a report, with slices of the inventory if `page` asks for some: those behind `answer.inventory.after`,
    /// in their order, as many as fit; `next` becomes the position of the last of them, or stays when there are no more.
    Answer {
        to: CallId,
        answer: Box<ReportAnswer>,
        page: Option<PageWish>,
    },
    /// Keep these slices of a recording's inventory, whose positions begin with `first`. `spool` names whose they are. To be
    /// persisted with the state.
    Note {
        sid: String,
        spool: u64,
        first: u64,
        slices: Vec<ConfirmedSlice>,
    },
    /// Forget the slices of a recording's inventory. To be persisted with the state.
    Forget { sid: String },
    /// Ask the fleet for a node that is none of `exclude`; answer with [`Input::Placed`](super::Input::Placed).
    Place {
        key: RecorderKey,
        sid: String,
        epoch: u64,
        exclude: Vec<String>,
        preference: Preference,
    },
    /// Offer the job to the node; answer with [`Input::JobAnswered`](super::Input::JobAnswered).
    SendJob { node: Node, job: Box<Job> },
    /// Tell the node what is wanted, and let it answer when that is reached or after `wait_ms`; answer with
    /// [`Input::DesiredAnswered`](super::Input::DesiredAnswered).
    SendDesired {
        node: Node,
        sid: String,
        desired: Box<Desired>,
        wait_ms: u64,
    },
    /// Ask the node's line whether its lease is over; answer with [`Input::Looked`](super::Input::Looked) if it is.
    Look {
        key: RecorderKey,
        sid: String,
        node_id: String,
        line: u64,
    },
    /// Tell the app of the recording and, if `document`, write its session document, without secrets; both may be
    /// forgotten at `expires_ms`. Answer with [`Input::Published`](super::Input::Published).
    Publish {
        revision: u64,
        document: bool,
        view: Box<RecordingView>,
        /// Media that is still on a node though the recording is over.
        awaited: Vec<Awaited>,
        /// The number of events that wait because the oldest of them could not be delivered.
        held_up: u64,
        /// The nonce of the recording's resource ID.
        nonce: String,
        expires_ms: u64,
    },
    /// Deliver the event whose row has this position to the app's callback; answer with
    /// [`Input::Delivered`](super::Input::Delivered).
    Deliver { subject: Box<Subject>, position: u64 },
}

/// The slices to be read for the answer to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageWish {
    pub sid: String,
    /// Those of this spool are left out.
    pub except_spool: u64,
}

pub(in crate::recording) fn reply(out: &mut Vec<Effect>, to: CallId, outcome: Outcome) {
    out.push(Effect::Reply {
        to,
        reply: Reply::Outcome(Box::new(outcome)),
    });
}
