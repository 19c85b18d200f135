use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::{ChannelType, Fault, Job, Problem, ProblemCode, Source};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::plan::Plan;
use crate::channel::RosterError;
use crate::encryption::Keys;
use crate::record::options::Options;
use crate::record::status::{SharedBoard, Status, problem};
use crate::stream::Clock;

/// The cause of problems with the roster, and with users beyond the most that are recorded.
const ROSTER: &str = "roster";
const LEFT_OUT: &str = "left out";
const FULL: &str = "full";

/// What all users' tasks work with.
pub struct Shared {
    pub clock: Clock,
    pub board: SharedBoard,
    pub options: Options,
    /// Video is decoded for the recording: into a mix, or into snapshots.
    pub decodes: bool,
    /// The keys that decrypt the channel's media.
    pub keys: Option<Arc<Keys>>,
    pub presence: Presence,
    /// The users of whom earlier processes of the recording have left files.
    pub followed: BTreeSet<String>,
    /// See [`Context::interruption`](crate::record::Context::interruption).
    pub interruption: CancellationToken,
}

/// The users whose presence in the roster keeps a channel from counting as empty, though nothing of them is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// No user: a fixed list does not say who is there.
    Nobody,
    /// Users whom the subscription leaves out: they are taken to send, while the others are seen to.
    Bystanders,
    /// Every user.
    Everybody,
}

impl Presence {
    pub fn of(job: &Job) -> Self {
        match (&job.spec.source, job.spec.channel_type) {
            (Source::Static { .. }, _) => Self::Nobody,
            (_, ChannelType::Live) => Self::Bystanders,
            (_, ChannelType::Communication) => Self::Everybody,
        }
    }
}

impl Shared {
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.wall_ms(self.clock.now_us())
    }

    /// Sends the status if it has changed. Counters, which grow all the time, go along with other changes only.
    pub(super) fn publish(&self, status: &watch::Sender<Status>) {
        let now = self.board.lock().status(self.now_ms());
        status.send_if_modified(|last| {
            last.mix = now.mix;
            let changed = *last != now;
            *last = now;
            changed
        });
    }

    /// The source cannot be followed at all.
    pub(super) fn tell_refused(&self, error: &RosterError) {
        self.board.lock().problem(self.unreachable(error));
    }

    /// The roster is not known at present.
    pub(super) fn tell_roster_unknown(&self, error: &RosterError) {
        self.board.lock().problem_once(ROSTER, self.unreachable(error));
    }

    pub(super) fn tell_roster_known(&self) {
        self.board.lock().over(ROSTER);
    }

    pub(super) fn tell_left_out(&self, plan: &Plan) {
        let mut board = self.board.lock();
        if plan.left_out.is_empty() {
            return board.over(LEFT_OUT);
        }
        let Options {
            max_users,
            max_users_in_all,
            ..
        } = &self.options;
        // There is room again when somebody leaves, but a recording that is full stays so: that is told once.
        let (cause, message) = match plan.is_full {
            true => (
                FULL,
                format!(
                    "users who join now are not recorded: a recording takes {max_users_in_all} users in total, including those \
                     who have left; start another one"
                ),
            ),
            false => (
                LEFT_OUT,
                format!(
                    "{} users are not recorded: a recording takes {max_users} at a time; subscribe to fewer",
                    plan.left_out.len()
                ),
            ),
        };
        board.problem_once(
            cause,
            problem(Fault::Caller, ProblemCode::TooManyUsers, message, self.now_ms()),
        );
    }

    fn unreachable(&self, error: &RosterError) -> Problem {
        problem(
            Fault::Destination,
            ProblemCode::SourceUnreachable,
            error.to_string(),
            self.now_ms(),
        )
    }
}
