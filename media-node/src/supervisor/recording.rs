use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Confirmed, Desired, Job, Phase, RecorderKey, Refusal, RefusalCode, Report};
use tokio::sync::{mpsc, watch};

use super::{Answered, Vitals};
use crate::spool::{self, RemovalError};

/// Orders are rare; a keeper that does not take so many is stuck.
const MOST_ORDERS: usize = 32;

/// The supervisor's view of one recording; its keeper changes it.
pub struct Recording {
    pub recorder: RecorderKey,
    pub sid: String,
    pub(super) dir: PathBuf,
    orders: mpsc::Sender<Order>,
    status: watch::Sender<Status>,
}

/// What the supervisor knows of a recording.
#[derive(Clone, Debug)]
pub struct Status {
    pub epoch: u64,
    pub stage: Stage,
    /// The newest report.
    pub report: Option<Report>,
    /// What its process measures, or what a former one left in the spool.
    pub vitals: Vitals,
    /// It has been told to end because the disk is full.
    pub(super) no_space: bool,
    /// Somebody has learnt of the end.
    pub acknowledged: bool,
    /// How often the edge has said what it wants, other than in answers to reports.
    pub asked: u64,
}

/// The state of a recording on this node.
#[derive(Clone, Debug)]
pub enum Stage {
    /// A spool without a job.
    Waiting,
    /// A spool without a job, whose recording the edge does not know any more. It takes no room that another recording could
    /// have, and its media stays: `media-node rescue` brings it to a store.
    Unclaimed,
    /// It has a process, or will have one soon.
    Running,
    /// It did not begin.
    Refused(Refusal),
    /// It is over, and everything is uploaded.
    Ended,
    /// This node shuts down; the spool keeps the rest.
    Interrupted,
}

/// What a recording's keeper is to do.
#[derive(Debug)]
pub(super) enum Order {
    Job(Box<Job>),
    Desired(Box<Desired>),
    Confirmed(Confirmed),
    /// The answer to a report of `epoch`.
    Answered {
        epoch: u64,
        answered: Box<Answered>,
    },
    /// What the process of `epoch` may write it may write up to this moment, by [`boot_ms`](crate::clock::boot_ms).
    Renewed {
        epoch: u64,
        until_ms: u64,
    },
    /// Another node shall go on with it. When none can, it is interrupted; uploads may go on for so long then.
    Leave(Duration),
    /// The disk has no room for more of it; the sentence says so to a person.
    EndForSpace(String),
    /// End capture; uploads may go on for so long.
    Interrupt(Duration),
}

impl Recording {
    pub(super) fn new(job: &Job, dir: PathBuf, complete: bool) -> (Self, mpsc::Receiver<Order>) {
        let (orders, receiver) = mpsc::channel(MOST_ORDERS);
        let stage = if complete { Stage::Running } else { Stage::Waiting };
        let status = Status {
            epoch: job.epoch,
            stage,
            report: None,
            vitals: Vitals::default(),
            no_space: false,
            acknowledged: false,
            asked: 0,
        };
        let recording = Self {
            recorder: job.recorder.clone(),
            sid: job.sid.clone(),
            dir,
            orders,
            status: watch::Sender::new(status),
        };
        (recording, receiver)
    }

    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    /// An order to a recording that is over changes nothing and is no error.
    pub(super) fn order(&self, order: Order) -> Result<(), Refusal> {
        match self.orders.try_send(order) {
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Refusal::internal("the recording's process does not accept orders"))
            }
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    /// Somebody has learnt of the end: the spool is removed. Does nothing before the end.
    pub(super) fn acknowledge(&self) {
        let ended = matches!(self.status.borrow().stage, Stage::Ended);
        if ended {
            self.remove_spool();
            self.update(|status| status.acknowledged = true);
        }
    }

    /// For a spool whose content is uploaded, or that never had any: a few small files. It is gone when this returns, so that
    /// another one may take its place; one that holds something after all is set aside.
    pub(super) fn remove_spool(&self) {
        match spool::remove(&self.dir) {
            Ok(()) => tracing::debug!(sid = self.sid, "spool removed"),
            Err(RemovalError::Needed(why)) => self.set_aside(&why),
            Err(RemovalError::Failed(error)) => {
                tracing::warn!(sid = self.sid, %error, "a spool that is not needed any more cannot be removed");
            }
        }
    }

    /// Keeps a spool that cannot be gone on with, out of the way of others. `why`: a sentence.
    pub(super) fn set_aside(&self, why: &str) {
        set_aside(&self.dir, why);
    }
}

/// Keeps the spool in `dir` out of the way, and tells the operator. `why`: a sentence.
pub(super) fn set_aside(dir: &Path, why: &str) {
    match spool::set_aside(dir, why) {
        Ok(to) => tracing::error!(
            spool = %dir.display(),
            to = %to.display(),
            why,
            "a spool is set aside: nothing of it is deleted or uploaded; `media-node rescue` brings to a store what can be read"
        ),
        Err(error) => {
            tracing::error!(spool = %dir.display(), why, %error, "a spool cannot be set aside; it stays where it is")
        }
    }
}

impl Status {
    /// The answer to a job of `epoch`, once there is one.
    pub(super) fn answer_to(&self, epoch: u64) -> Option<Result<Report, Refusal>> {
        match (&self.stage, &self.report) {
            (Stage::Refused(refusal), _) => Some(Err(refusal.clone())),
            (_, Some(report)) if report.epoch >= epoch => Some(Ok(report.clone())),
            (Stage::Interrupted, _) => Some(Err(Refusal {
                code: RefusalCode::Draining,
                ..Refusal::internal("this node is being shut down")
            })),
            _ => None,
        }
    }

    /// It adds to the spool, and nothing has ended that for want of space.
    pub(super) fn fills_spool(&self) -> bool {
        matches!(self.stage, Stage::Running)
            && !self.no_space
            && self.phase().is_none_or(|phase| phase < Phase::Draining)
    }

    /// Capture has ended, and the backup store has what the customer's has not.
    pub(super) fn is_backed_up(&self) -> bool {
        let is_complete = |report: &Report| report.backed_up.is_some_and(|backed_up| backed_up.complete);
        self.phase() == Some(Phase::Draining) && self.report.as_ref().is_some_and(is_complete)
    }

    pub fn phase(&self) -> Option<Phase> {
        self.report.as_ref().map(|report| report.phase)
    }

    /// It takes one of the places that the node has.
    pub(super) fn takes_room(&self) -> bool {
        !self.is_over() && !matches!(self.stage, Stage::Unclaimed)
    }

    /// Nothing will change any more in this process.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Refused(_) | Stage::Ended | Stage::Interrupted)
    }

    /// It is over, and nobody has to be told of it any more.
    pub(super) fn is_settled(&self) -> bool {
        self.acknowledged || matches!(self.stage, Stage::Refused(_) | Stage::Interrupted)
    }
}
