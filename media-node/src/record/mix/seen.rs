//! Brings the pictures of all users up to a time, by several threads where there are many. Each user is one piece of
//! work of its own, so that the number of threads does not change the result.

use std::collections::BTreeMap;
use std::thread;

use super::Counters;
use super::compose::Slot;
use super::mixer::User;
use super::scene::Stage;

/// Users for whom a thread is worth its start.
const USERS_FOR_A_THREAD: usize = 2;

/// One user with the regions that show the user.
struct Work<'a> {
    uid: &'a str,
    user: &'a mut User,
    slots: Vec<&'a mut Slot>,
}

impl Work<'_> {
    fn run(&mut self, stage: &Stage, at_us: i64, counters: &mut Counters) {
        if self.slots.is_empty() {
            return self.user.video.rest(at_us, counters);
        }
        self.user.video.advance(at_us, counters);
        // At once, while the picture is still in the processor's caches.
        let source = stage.source(self.uid, self.user.video.shown(), at_us);
        for slot in &mut self.slots {
            counters.pictures_unusable += u64::from(slot.show(source).is_err());
        }
    }
}

/// Decodes and scales what is due at `at_us`.
pub fn update(
    users: &mut BTreeMap<String, User>,
    slots: &mut [Slot],
    stage: &Stage,
    at_us: i64,
    workers: usize,
) -> Counters {
    let mut work: Vec<Work<'_>> = users
        .iter_mut()
        .map(|(uid, user)| Work {
            uid,
            user,
            slots: Vec::new(),
        })
        .collect();
    let mut seen = 0;
    for slot in slots {
        if let Some(owner) = work.iter_mut().find(|work| work.user.key == slot.owner()) {
            owner.slots.push(slot);
            seen += 1;
        }
    }
    let workers = workers.min(seen / USERS_FOR_A_THREAD).max(1);
    let mut shares: Vec<Vec<Work<'_>>> = (0..workers).map(|_| Vec::new()).collect();
    for (index, work) in work.into_iter().enumerate() {
        shares[index % workers].push(work);
    }
    let run = |share: &mut Vec<Work<'_>>| {
        let mut counters = Counters::default();
        share.iter_mut().for_each(|work| work.run(stage, at_us, &mut counters));
        counters
    };
    thread::scope(|scope| {
        let mut shares = shares.iter_mut();
        let own = shares.next();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || run(share))).collect();
        let mut counters = own.map(run).unwrap_or_default();
        for other in others {
            match other.join() {
                Ok(counted) => counters += counted,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        counters
    })
}
