use protocol::{EndCause, Fault, Refusal, RefusalCode};

use crate::recording::contract::Effect;
use crate::recording::limits::{ORDERED_LOST_MS, Policy, after};
use crate::recording::rules::give_up;
use crate::recording::state::{Lifecycle, Opening, Recording, State, Wanted};

/// Gives up the starts whose question to the fleet or to a node was lost.
pub(super) fn give_up_starts(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    let overdue = |recording: &&Recording| {
        let search = recording.nodes.search.as_ref();
        recording.lifecycle == Lifecycle::Placing && search.is_none_or(|search| now_ms >= search.due_ms())
    };
    let lost: Vec<_> = state.recordings.iter().filter(overdue).map(|r| r.sid.clone()).collect();
    for sid in lost {
        let reason = "the start was interrupted inside the service: try again".to_owned();
        let refusal = Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason,
        };
        give_up(state, &sid, refusal, out);
    }
}

/// Ends what has been idle or without a node for too long, and lets no caller wait for longer than they may.
pub(super) fn settle_end(recording: &mut Recording, policy: Policy, now_ms: u64, out: &mut Vec<Effect>) {
    if idle_ms(recording).is_some_and(|idle_ms| now_ms >= idle_ms) {
        recording.want_end(EndCause::Idle, 0, now_ms, out);
    }
    if unopened_ms(recording).is_some_and(|unopened_ms| now_ms >= unopened_ms) {
        recording.want_end(EndCause::Idle, 0, now_ms, out);
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
pub(super) fn give_up_ms(recording: &Recording, policy: Policy) -> Option<u64> {
    let lost = recording.nodes.last.as_ref()?;
    let waits = matches!(recording.lifecycle, Lifecycle::Running { .. }) && recording.nodes.lease.is_none();
    let wait_ms = match recording.wanted {
        Wanted::Stop(_) => policy.lost_ms.min(ORDERED_LOST_MS),
        Wanted::Record | Wanted::Pause => policy.lost_ms,
    };
    waits.then(|| after(lost.since_ms, wait_ms))
}

/// When the recording has been idle for too long, unless it has already been told to end. What a lost node said last of
/// the channel may no longer be so.
pub(super) fn idle_ms(recording: &Recording) -> Option<u64> {
    let may_be_idle = match recording.wanted {
        Wanted::Record => recording.nodes.lease.is_some() && recording.captures(),
        Wanted::Pause | Wanted::Stop(_) => false,
    };
    recording
        .seen
        .idle_since_ms
        .filter(|_| may_be_idle)
        .map(|since_ms| after(since_ms, recording.max_idle_ms))
}

/// When a recording has waited for its first layout for too long.
pub(super) fn unopened_ms(recording: &Recording) -> Option<u64> {
    match recording.opening {
        Some(Opening::Waits { for_ms }) if recording.waits() => Some(after(recording.started_ms()?, for_ms)),
        _ => None,
    }
}
