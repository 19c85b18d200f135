use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Desired, Directive, EndCause, Fault, Problem, Roster};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::plan::{Order, Plan, plan};
use super::user::{self, User};
use super::{Captures, Rosters};
use crate::capture::Clock;
use crate::channel::RosterError;
use crate::record::sink::SliceSink;
use crate::record::status::{SharedBoard, problem};
use crate::record::{Options, Status};

const STATUS_EVERY: Duration = Duration::from_millis(500);

const ROSTER: &str = "roster";
const LEFT_OUT: &str = "left out";

/// What all users' tasks work with.
pub(super) struct Shared<S> {
    pub(super) sink: Arc<S>,
    pub(super) clock: Clock,
    pub(super) board: SharedBoard,
    pub(super) options: Options,
    pub(super) sid: String,
    pub(super) channel: String,
    /// Who is in the roster sends media. A fixed list says nothing of the kind.
    pub(super) roster_tells_presence: bool,
}

impl<S> Shared<S> {
    fn now_ms(&self) -> u64 {
        self.clock.wall_ms(self.clock.now_us())
    }

    fn publish(&self, status: &watch::Sender<Status>) {
        let now = self.board.lock().status(self.now_ms());
        status.send_if_modified(|last| {
            let changed = *last != now;
            *last = now;
            changed
        });
    }
}

/// A recording whose source cannot be followed at all.
pub(super) fn refuse<S>(shared: &Shared<S>, error: &RosterError, status: &watch::Sender<Status>) -> EndCause {
    shared.board.lock().problem(unreachable(error, shared.now_ms()));
    shared.publish(status);
    EndCause::Failed
}

pub(super) async fn run<S: SliceSink, R: Rosters, C: Captures>(
    shared: Shared<S>,
    mut rosters: R,
    captures: C,
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
        let subscription = match end_or_subscription(&desired.borrow_and_update()) {
            Ok(subscription) => subscription,
            Err(cause) => break cause,
        };
        let plan = plan(&roster, &subscription, shared.options.max_users);
        shared.tell_left_out(&plan);
        if plan.bystanders && roster_known && shared.roster_tells_presence {
            shared.board.lock().media(shared.now_ms());
        }
        users.follow(plan, &roster, &rosters);
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
    shared.publish(&status);
    cause
}

fn end_or_subscription(desired: &Desired) -> Result<protocol::Subscription, EndCause> {
    match desired.directive {
        Directive::Record => Ok(desired.subscription.clone()),
        Directive::Stop(cause) => Err(cause),
        Directive::Release => Err(EndCause::LeaseLost),
    }
}

fn unreachable(error: &RosterError, at_ms: u64) -> Problem {
    problem(Fault::Destination, "source_unreachable", error.to_string(), at_ms)
}

impl<S> Shared<S> {
    fn tell_left_out(&self, plan: &Plan) {
        let mut board = self.board.lock();
        if plan.left_out == 0 {
            return board.over(LEFT_OUT);
        }
        let message = format!(
            "{} users are not recorded: a recording takes {} at most; subscribe to fewer",
            plan.left_out, self.options.max_users
        );
        board.problem_once(
            LEFT_OUT,
            problem(Fault::Caller, "too_many_users", message, self.now_ms()),
        );
    }
}

/// A task for each user that is, or just was, recorded.
struct Users<S, C> {
    shared: Arc<Shared<S>>,
    captures: C,
    orders: BTreeMap<String, watch::Sender<Order>>,
    /// Each returns its uid.
    tasks: JoinSet<String>,
}

impl<S: SliceSink, C: Captures> Users<S, C> {
    /// Begins, changes and ends tasks. A user that returns while the task of the last stay still writes gets the next
    /// one when that has ended.
    fn follow(&mut self, mut plan: Plan, roster: &Roster, rosters: &impl Rosters) {
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
                user::record(shared, user).await;
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
