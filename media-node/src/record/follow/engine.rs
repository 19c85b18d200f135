use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{ChannelType, Desired, Directive, EndCause, Fault, Job, Problem, Roster, Source};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::plan::{Order, Plan, plan};
use super::session::{self, User};
use super::{Captures, Recorder, Rosters};
use crate::capture::Clock;
use crate::channel::RosterError;
use crate::encryption::Keys;
use crate::record::status::{SharedBoard, problem};
use crate::record::{Options, Status};

const STATUS_EVERY: Duration = Duration::from_millis(500);

const ROSTER: &str = "roster";
const LEFT_OUT: &str = "left out";

/// What all users' tasks work with.
pub struct Shared {
    pub clock: Clock,
    pub board: SharedBoard,
    pub options: Options,
    /// By which the channel's media is decrypted.
    pub keys: Option<Arc<Keys>>,
    pub presence: Presence,
}

/// Whose being in the roster keeps a channel from being empty, though nothing is recorded of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody's: a fixed list does not say who is there.
    Nobody,
    /// Those whom the subscription leaves out: they are taken to send, the others are seen to.
    Bystanders,
    /// Everybody's.
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

    /// Counters that grow all the time are news together with something else only.
    fn publish(&self, status: &watch::Sender<Status>) {
        let now = self.board.lock().status(self.now_ms());
        status.send_if_modified(|last| {
            last.mix = now.mix;
            let changed = *last != now;
            *last = now;
            changed
        });
    }
}

/// A recording whose source cannot be followed at all.
pub fn refuse(shared: &Shared, error: &RosterError, status: &watch::Sender<Status>) -> EndCause {
    shared.board.lock().problem(unreachable(error, shared.now_ms()));
    shared.publish(status);
    EndCause::Failed
}

/// Has `recorder` record the channel until the directive says otherwise, and returns why it ended. When `desired` is
/// closed it ends as stopped.
pub async fn run<K: Recorder>(
    shared: Shared,
    mut rosters: impl Rosters,
    captures: impl Captures,
    mut recorder: K,
    mut desired: watch::Receiver<Desired>,
    status: watch::Sender<Status>,
) -> EndCause {
    let shared = Arc::new(shared);
    let mut users = Users {
        shared: shared.clone(),
        captures,
        orders: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let mut roster = Roster::default();
    let mut roster_known = false;
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let cause = loop {
        let wanted = desired.borrow_and_update().clone();
        match wanted.directive {
            Directive::Record => {}
            Directive::Stop(cause) => break cause,
            Directive::Release => break EndCause::LeaseLost,
        }
        let pictures = K::PICTURES(wanted.subscription.quality);
        let plan = plan(&roster, &wanted.subscription, pictures, shared.options.max_users);
        shared.tell_left_out(&plan);
        let is_somebody_there = match shared.presence {
            Presence::Nobody => false,
            Presence::Bystanders => plan.bystanders,
            Presence::Everybody => !roster.users.is_empty(),
        };
        if is_somebody_there && roster_known {
            shared.board.lock().media(shared.now_ms());
        }
        if !recorder.goes_on() {
            break EndCause::Failed;
        }
        recorder.follow(&roster, &plan, &wanted);
        users.follow(&mut recorder, plan, &roster, &rosters);
        tokio::select! {
            next = rosters.next() => match next {
                Ok(next) => {
                    shared.board.lock().over(ROSTER);
                    roster = next;
                    roster_known = true;
                }
                // The users that are known go on.
                Err(error) => {
                    roster_known = false;
                    let problem = unreachable(&error, shared.now_ms());
                    shared.board.lock().problem_once(ROSTER, problem);
                }
            },
            changed = desired.changed() => if changed.is_err() { break EndCause::Stopped },
            Some(done) = users.tasks.join_next() => users.forget(done.ok().as_deref()),
            _ = ticks.tick() => shared.publish(&status),
        }
    };
    users.end().await;
    recorder.end().await;
    shared.publish(&status);
    cause
}

fn unreachable(error: &RosterError, at_ms: u64) -> Problem {
    problem(Fault::Destination, "source_unreachable", error.to_string(), at_ms)
}

impl Shared {
    fn tell_left_out(&self, plan: &Plan) {
        let mut board = self.board.lock();
        if plan.left_out.is_empty() {
            return board.over(LEFT_OUT);
        }
        let message = format!(
            "{} users are not recorded: a recording takes {} at most; subscribe to fewer",
            plan.left_out.len(),
            self.options.max_users
        );
        board.problem_once(
            LEFT_OUT,
            problem(Fault::Caller, "too_many_users", message, self.now_ms()),
        );
    }
}

/// A task for each user that is, or just was, recorded.
struct Users<C> {
    shared: Arc<Shared>,
    captures: C,
    orders: BTreeMap<String, watch::Sender<Order>>,
    /// Each returns its uid.
    tasks: JoinSet<String>,
}

impl<C: Captures> Users<C> {
    /// Begins, changes and ends tasks. A user that returns while the task of the last stay still writes gets the next
    /// one when that has ended.
    fn follow(&mut self, recorder: &mut impl Recorder, mut plan: Plan, roster: &Roster, rosters: &impl Rosters) {
        for (uid, sender) in &self.orders {
            // A task that has been told to end does not come back.
            if sender.borrow().tracks().is_none() {
                plan.users.remove(uid);
                continue;
            }
            let order = match plan.users.remove(uid) {
                Some(wanted) => Order::Record(wanted),
                None if roster.users.iter().any(|user| user.uid == *uid) => Order::End,
                None => Order::Left,
            };
            sender.send_if_modified(|current| {
                let changed = *current != order;
                *current = order;
                changed
            });
        }
        for (uid, wanted) in plan.users {
            let (inlet, recorded) = recorder.begin(&uid, wanted.tracks);
            let (sender, receiver) = watch::channel(Order::Record(wanted));
            let user = User {
                credentials: rosters.credentials(&uid),
                uid: uid.clone(),
                captures: self.captures.clone(),
                orders: receiver,
            };
            let shared = self.shared.clone();
            self.orders.insert(uid.clone(), sender);
            self.tasks.spawn(async move {
                session::capture(&shared, &user, inlet).await;
                recorded.await;
                uid
            });
        }
    }

    /// A task has ended, of itself or, without a uid, by a panic.
    fn forget(&mut self, uid: Option<&str>) {
        self.orders.retain(|held, sender| match uid {
            Some(uid) => held != uid,
            None => !sender.is_closed(),
        });
    }

    async fn end(mut self) {
        for sender in self.orders.values() {
            sender.send_replace(Order::End);
        }
        while self.tasks.join_next().await.is_some() {}
    }
}
