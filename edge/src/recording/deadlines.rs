//! Everything that happens because time passes. The deadlines follow from the state alone, so that one alarm, set to
//! [`next_alarm`], serves them all and a crash loses none.

use protocol::{EndCause, Fault, Refusal, RefusalCode};

use super::lifecycle::MAX_FILES;
use super::search::Search;
use super::state::{Policy, Recording, Stage, State};
use super::{Effect, notice, placement};

/// For how long a resource ID is good for a start, and somewhat more for what was under way then.
pub(super) const TICKET_MEMORY_MS: u64 = (5 * 60 + 60) * 1_000;
/// Once a start has taken so long, no further node is asked.
pub(super) const START_BUDGET_MS: u64 = 15_000;
/// A recording that was told to end waits only so long for a node that ends it, when its own was lost.
const ORDERED_LOST_MS: u64 = 90_000;
/// A recording that outlived its resource is kept for so long after its end, to publish how it ended.
const AFTERLIFE_MS: u64 = 600_000;
/// Recordings that are over and kept for queries; the oldest make room.
const MAX_OVER: usize = 32;

/// When [`super::step`] has to be called with [`super::Input::Alarm`], by Unix time in milliseconds; `None` when nothing is due ever.
pub fn next_alarm(state: &State) -> Option<u64> {
    let recordings = state.recordings.iter().flat_map(|recording| {
        let dues = [
            recording.nodes.search.as_ref().map(Search::due_ms),
            recording.lease_due_ms(state.policy),
            idle_ms(recording),
            give_up_ms(recording, state.policy),
            recording.ending_due_ms(),
            recording.stopper.as_ref().map(|stopper| stopper.until_ms),
            forget_ms(recording),
            recording.publication.due_ms(),
        ];
        dues.into_iter().flatten()
    });
    let spent = state.spent.iter().map(|spent| spent.forget_ms);
    recordings.chain(spent).chain(notice::next_due(state)).min()
}

/// Brings about what is due.
pub(super) fn settle(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    state.spent.retain(|spent| spent.forget_ms > now_ms);
    let overdue = |recording: &&Recording| {
        let search = recording.nodes.search.as_ref();
        recording.stage == Stage::Placing && search.is_none_or(|search| now_ms >= search.due_ms())
    };
    let lost: Vec<_> = state.recordings.iter().filter(overdue).map(|r| r.sid.clone()).collect();
    for sid in lost {
        let reason = "the start was interrupted inside the service: try again".to_owned();
        let refusal = Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason,
        };
        placement::give_up(state, &sid, refusal, out);
    }
    let (epoch, policy) = (&mut state.epoch, state.policy);
    for recording in &mut state.recordings {
        recording.settle_lease(epoch, policy, now_ms, out);
        settle_end(recording, policy, now_ms, out);
        recording.settle_ending(epoch, now_ms, out);
        recording.settle_search(epoch, now_ms, out);
        recording.let_go(out);
    }
}

fn settle_end(recording: &mut Recording, policy: Policy, now_ms: u64, out: &mut Vec<Effect>) {
    if idle_ms(recording).is_some_and(|idle_ms| now_ms >= idle_ms) {
        recording.order(EndCause::Idle, 0, now_ms, out);
    }
    if give_up_ms(recording, policy).is_some_and(|give_up_ms| now_ms >= give_up_ms) {
        recording.end(EndCause::NodeLost, now_ms, out);
    }
    if recording
        .stopper
        .as_ref()
        .is_some_and(|stopper| now_ms >= stopper.until_ms)
    {
        recording.tell_stopping(out);
    }
}

/// When a recording whose node was lost ends, unless another node has taken it until then.
fn give_up_ms(recording: &Recording, policy: Policy) -> Option<u64> {
    let lost = recording.nodes.last.as_ref()?;
    let waits = matches!(recording.stage, Stage::Running { .. }) && recording.nodes.lease.is_none();
    let wait_ms = match recording.order {
        Some(_) => policy.lost_ms.min(ORDERED_LOST_MS),
        None => policy.lost_ms,
    };
    waits.then(|| after(lost.since_ms, wait_ms))
}

/// When the recording has been idle for too long, unless it has already been told to end. What a lost node said last of
/// the channel may no longer be so.
fn idle_ms(recording: &Recording) -> Option<u64> {
    let running = recording.order.is_none() && recording.nodes.lease.is_some() && recording.captures();
    recording
        .seen
        .idle_since_ms
        .filter(|_| running)
        .map(|since_ms| after(since_ms, recording.max_idle_ms))
}

/// When a recording that is over is forgotten.
fn forget_ms(recording: &Recording) -> Option<u64> {
    let Stage::Over { ended_ms, .. } = recording.stage else {
        return None;
    };
    Some(recording.expires_ms()?.max(after(ended_ms, AFTERLIFE_MS)))
}

/// Lets go of what is over and has served its time, or has to make room.
pub(super) fn forget(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    state.recordings.retain_mut(|recording| {
        let keep = forget_ms(recording).is_none_or(|forget_ms| now_ms < forget_ms);
        if !keep {
            recording.forget_slices(out);
        }
        keep
    });
    loop {
        let over = state.recordings.iter().filter(|recording| recording.is_over()).count();
        let files: usize = state
            .recordings
            .iter()
            .map(|recording| recording.seen.files.len())
            .sum();
        if over <= MAX_OVER && (files <= MAX_FILES || over <= 1) {
            return;
        }
        let Some(oldest) = state.recordings.iter().position(Recording::is_over) else {
            return;
        };
        state.recordings.remove(oldest).forget_slices(out);
    }
}

pub(super) fn after(time_ms: u64, duration_ms: u64) -> u64 {
    time_ms.saturating_add(duration_ms)
}
