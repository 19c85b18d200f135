use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::{Desired, Directive, EndCause, Roster};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::plan::{Order, Plan, Room, plan};
use super::ports::{Captures, Rosters};
use super::recorder::Recorder;
use super::session::User;
use super::shared::{Presence, Shared};
use super::user;
use crate::channel::RosterError;
use crate::record::status::{Ending, Status};

const STATUS_EVERY: Duration = Duration::from_millis(500);

/// Ends a recording whose source cannot be followed at all.
pub fn refuse(shared: &Shared, error: &RosterError, status: &watch::Sender<Status>) -> Ending {
    shared.tell_refused(error);
    shared.publish(status);
    Ending::Over(EndCause::Failed)
}

/// Has `recorder` record the channel until the directive says otherwise or it is interrupted, and returns how it ended. When
/// `desired` is closed it ends as stopped.
pub async fn run<K: Recorder>(
    shared: Shared,
    mut rosters: impl Rosters,
    captures: impl Captures,
    mut recorder: K,
    mut desired: watch::Receiver<Desired>,
    status: watch::Sender<Status>,
) -> Ending {
    let shared = Arc::new(shared);
    let mut users = Users {
        shared: shared.clone(),
        captures,
        orders: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let mut followed = shared.followed.clone();
    let mut roster = Roster::default();
    let mut roster_known = false;
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ending = loop {
        if shared.interruption.is_cancelled() {
            break Ending::Interrupted;
        }
        let wanted = desired.borrow_and_update().clone();
        let paused = match wanted.directive {
            Directive::Record => false,
            Directive::Pause => true,
            Directive::Stop(cause) => break Ending::Over(cause),
            Directive::Release => break Ending::Over(EndCause::LeaseLost),
        };
        let room = Room {
            at_once: shared.options.max_users,
            followed: &followed,
            in_all: match K::SEPARATES_USERS {
                true => shared.options.max_users_in_all,
                false => usize::MAX,
            },
        };
        let plan = match paused {
            true => Plan::default(),
            false => plan(
                &roster,
                &wanted.subscription,
                K::PICTURES,
                &recorder.views(&wanted),
                room,
            ),
        };
        shared.tell_left_out(&plan);
        if K::SEPARATES_USERS {
            remember(&mut followed, &plan);
        }
        let is_somebody_there = match shared.presence {
            Presence::Nobody => false,
            Presence::Bystanders => plan.bystanders,
            Presence::Everybody => !roster.users.is_empty(),
        };
        // A pause is no time in which the channel counts as empty.
        if paused || is_somebody_there && roster_known {
            shared.board.lock().media(shared.now_ms());
        }
        if !recorder.goes_on() {
            break Ending::Over(EndCause::Failed);
        }
        recorder.follow(&roster, &plan, &wanted);
        users.follow(&mut recorder, plan, &roster, &rosters);
        tokio::select! {
            next = rosters.next() => match next {
                Ok(next) => {
                    shared.tell_roster_known();
                    roster = next;
                    roster_known = true;
                }
                // The users that are known go on.
                Err(error) => {
                    roster_known = false;
                    shared.tell_roster_unknown(&error);
                }
            },
            changed = desired.changed() => if changed.is_err() { break Ending::Over(EndCause::Stopped) },
            () = shared.interruption.cancelled() => {}
            Some(done) = users.tasks.join_next() => users.forget(done.ok().as_deref()),
            () = recorder.views_changed() => {}
            _ = ticks.tick() => {
                shared.board.lock().heard(roster.speaker.as_deref(), shared.now_ms());
                shared.publish(&status);
            }
        }
    };
    users.end().await;
    recorder.end().await;
    shared.publish(&status);
    ending
}

fn remember(followed: &mut BTreeSet<String>, plan: &Plan) {
    for uid in plan.users.keys() {
        if !followed.contains(uid) {
            followed.insert(uid.clone());
        }
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
                foreign: rosters.is_foreign(),
                uid: uid.clone(),
                captures: self.captures.clone(),
                orders: receiver,
            };
            let shared = self.shared.clone();
            self.orders.insert(uid.clone(), sender);
            self.tasks.spawn(async move {
                user::capture(&shared, &user, inlet).await;
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
