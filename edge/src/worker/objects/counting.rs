//! What this instance of the worker has counted, on its way to the object that adds it up.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use worker::{Delay, Env};

use super::ask::ask;
use super::fleet_of::FleetOf;
use crate::fleet;
use crate::metrics::{Counts, Route, Work};
use crate::worker::bindings;

/// How long counts are gathered before they are sent.
const PAUSE: Duration = Duration::from_secs(5);
/// After so long a sending that was planned has been lost with its request.
const LOST_MS: u64 = 20_000;
/// What objects do is sent at the next opportunity after so long: none is woken up, or kept awake, for it.
const WORK_MS: u64 = 300_000;

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::new(Counts::of_new_instance());
    static PLANNED_MS: Cell<Option<u64>> = const { Cell::new(None) };
    static SENT_MS: Cell<Option<u64>> = const { Cell::new(None) };
    /// The kind of the object that is at work.
    static AT_WORK: Cell<&'static str> = const { Cell::new("") };
}

pub(in crate::worker) fn answered(route: Route, status: u16) {
    count(|counts| counts.answered(route, status));
}

pub(in crate::worker) fn no_room() {
    count(|counts| counts.no_room += 1);
}

pub(in crate::worker) fn unlimited() {
    count(|counts| counts.unlimited += 1);
}

pub(in crate::worker) fn count(change: impl FnOnce(&mut Counts)) {
    COUNTS.with_borrow_mut(change);
}

/// Counts rows as those of the object that is at work.
pub(super) fn rows(rows_read: usize, rows_written: usize) {
    worked(
        AT_WORK.get(),
        Work {
            rows_read: rows_read as u64,
            rows_written: rows_written as u64,
            ..Work::default()
        },
    );
}

/// Counts what an object of a kind has done. The kind is named as its binding.
pub(super) fn worked(binding: &'static str, work: Work) {
    count(|counts| counts.worked(&binding.to_ascii_lowercase(), work));
}

/// Work of an object of this kind.
pub(super) fn at_work<T>(binding: &'static str, work: impl FnOnce() -> T) -> T {
    let before = AT_WORK.replace(binding);
    let done = work();
    AT_WORK.set(before);
    done
}

/// A task of an object of this kind.
pub(super) async fn task_of<T>(binding: &'static str, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    std::future::poll_fn(|context| -> Poll<T> { at_work(binding, || task.as_mut().poll(context)) }).await
}

/// Sends what objects have counted, if it has waited for long: on the platform they may have no worker beside them.
pub(super) fn sending_work(env: &Env) -> Option<impl Future<Output = ()> + 'static> {
    let now_ms = bindings::now_ms();
    let since_ms = SENT_MS.get().unwrap_or_else(|| {
        SENT_MS.set(Some(now_ms));
        now_ms
    });
    if now_ms.saturating_sub(since_ms) < WORK_MS {
        return None;
    }
    SENT_MS.set(Some(now_ms));
    let env = env.clone();
    Some(async move { send(&env).await })
}

/// Work for behind the back of the request at hand: sends what has been counted after a while. One request does it for all.
pub(in crate::worker) fn sending(env: &Env) -> Option<impl Future<Output = ()> + 'static> {
    let now_ms = bindings::now_ms();
    if PLANNED_MS
        .get()
        .is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < LOST_MS)
    {
        return None;
    }
    PLANNED_MS.set(Some(now_ms));
    let env = env.clone();
    Some(async move {
        Delay::from(PAUSE).await;
        PLANNED_MS.set(None);
        send(&env).await;
    })
}

/// Sends what has been counted. What does not arrive is kept for the next time.
pub(in crate::worker) async fn send(env: &Env) {
    let counts = COUNTS.take();
    if counts.is_empty() {
        return;
    }
    SENT_MS.set(Some(bindings::now_ms()));
    if ask::<FleetOf>(env, &(), &fleet::Request::Counts(counts.clone()))
        .await
        .is_err()
    {
        count(|kept| kept.add(counts));
    }
}
