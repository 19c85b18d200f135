//! The requests to both stores: which are due at either side, and when something is due that nothing else tells of.

use std::time::Duration;

use super::Store;
use super::division::Due;
use super::pace::Pace;
use super::schedule::Schedule;
use super::task::Task;
use crate::spool::Spool;

/// When all that was recorded is in the customer's store, the backup has so long to remove what it held.
pub(super) const CLEARANCE_MS: u64 = 60_000;

/// Which store a request is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Customer,
    Backup,
}

/// The requests to both stores.
pub(super) struct Schedules {
    pub(super) customer: Schedule,
    pub(super) backup: Schedule,
    /// How often playlists are written to each.
    customer_pace: Pace,
    backup_pace: Pace,
    /// When one that waits for its turn may be written.
    paced_until_ms: Option<u64>,
    /// Since when the backup has taken over.
    pub(super) taken_over_ms: Option<u64>,
    /// Since when nothing is left to do but to clear the backup.
    pub(super) clearing_ms: Option<u64>,
}

impl Schedules {
    pub(super) fn new() -> Self {
        Self {
            customer: Schedule::new(),
            backup: Schedule::new(),
            customer_pace: Pace::default(),
            backup_pace: Pace::default(),
            paced_until_ms: None,
            taken_over_ms: None,
            clearing_ms: None,
        }
    }

    pub(super) fn of(&mut self, side: Side) -> &mut Schedule {
        match side {
            Side::Customer => &mut self.customer,
            Side::Backup => &mut self.backup,
        }
    }

    pub(super) fn pace_of(&mut self, side: Side) -> &mut Pace {
        match side {
            Side::Customer => &mut self.customer_pace,
            Side::Backup => &mut self.backup_pace,
        }
    }

    /// What has to be done at this moment. `store`: the customer's.
    pub(super) fn due(&mut self, spool: &Spool, store: &Store, now_ms: u64) -> Due {
        let (pace, copy_pace) = (&mut self.customer_pace, &mut self.backup_pace);
        let due = Due::of(spool, store, pace, copy_pace, now_ms);
        let turns = [pace.take_wake_ms(), copy_pace.take_wake_ms()];
        self.paced_until_ms = turns.into_iter().flatten().min();
        due
    }

    /// The requests to make at this moment. `takeover_after`: for how long the customer's store has to take nothing before the backup
    /// takes over; `None` where there is no backup.
    pub(super) fn next(&mut self, due: &Due, takeover_after: Option<Duration>, now_ms: u64) -> Vec<(Side, Task)> {
        let Some(after) = takeover_after else {
            let tasks = self.customer.next(due.for_customer(None), now_ms);
            return tasks.into_iter().map(|task| (Side::Customer, task)).collect();
        };
        let after_ms = after.as_millis() as u64;
        let tasks = self.customer.next(due.for_customer(Some(&self.backup)), now_ms);
        let mut tasks: Vec<_> = tasks.into_iter().map(|task| (Side::Customer, task)).collect();
        let to_backup = self
            .backup
            .next(due.for_backup(&self.customer, after_ms, now_ms), now_ms);
        tasks.extend(to_backup.into_iter().map(|task| (Side::Backup, task)));
        tasks
    }

    /// When something may be due that nothing else tells of. `takeover_after`: as for [`Self::next`].
    pub(super) fn wake_ms(&self, takeover_after: Option<Duration>, now_ms: u64) -> Option<u64> {
        let takeover_ms = takeover_after.and_then(|after| {
            let down_ms = self.customer.down_since_ms()?;
            Some(down_ms + after.as_millis() as u64)
        });
        let clearance_ms = self.clearing_ms.map(|since_ms| since_ms + CLEARANCE_MS);
        let closed = [self.customer.closed_until_ms(), self.backup.closed_until_ms()];
        let all = closed
            .into_iter()
            .chain(takeover_ms)
            .chain(clearance_ms)
            .chain(self.paced_until_ms);
        all.filter(|at_ms| *at_ms > now_ms).min()
    }

    pub(super) fn are_idle(&self) -> bool {
        self.customer.is_idle() && self.backup.is_idle()
    }
}
