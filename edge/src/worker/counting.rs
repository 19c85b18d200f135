//! What this instance of the worker has counted, on its way to the object that adds it up.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use worker::{Delay, Env};

use super::bindings;
use super::objects::{Fleet, ask};
use crate::fleet;
use crate::metrics::{Counts, Route};

/// How long counts are gathered before they are sent.
const PAUSE: Duration = Duration::from_secs(5);
/// After so long a sending that was planned has been lost with its request.
const LOST_MS: u64 = 20_000;

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::new(Counts::of_new_instance());
    static PLANNED_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

pub(super) fn answered(route: Route, status: u16) {
    count(|counts| counts.answered(route, status));
}

pub(super) fn no_room() {
    count(|counts| counts.no_room += 1);
}

pub(super) fn unlimited() {
    count(|counts| counts.unlimited += 1);
}

pub(super) fn count(change: impl FnOnce(&mut Counts)) {
    COUNTS.with_borrow_mut(change);
}

/// Work for behind the back of the request at hand: sends what has been counted after a while. One request does it for all.
pub(super) fn sending(env: &Env) -> Option<impl Future<Output = ()> + 'static> {
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
pub(super) async fn send(env: &Env) {
    let counts = COUNTS.take();
    if counts.is_empty() {
        return;
    }
    if ask::<Fleet>(env, &(), &fleet::Request::Counts(counts.clone()))
        .await
        .is_err()
    {
        count(|kept| kept.add(counts));
    }
}
