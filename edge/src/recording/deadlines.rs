//! Everything that happens because time passes. The deadlines follow from the state alone, so that one alarm, set to
//! [`next_alarm`], serves them all and a crash loses none.

use protocol::{EndCause, Fault, Refusal, RefusalCode};

use super::lifecycle::MAX_FILES;
use super::state::{Recording, Stage, State};
use super::{Effect, notice, placement};

/// For how long a resource ID is good for a start, and somewhat more for what was under way then.
pub(super) const TICKET_MEMORY_MS: u64 = (5 * 60 + 60) * 1_000;
/// Once a start has taken so long, no further node is asked.
pub(super) const START_BUDGET_MS: u64 = 15_000;
/// After so long without an answer from the fleet or a node, the question was lost in a crash.
const OFFER_LIMIT_MS: u64 = 20_000;
/// A node that holds a lease is silent when it has not been heard of for so long.
const LEASE_MS: u64 = 10_000;
/// After so long a silence the recording ends and its lease is burnt.
const LOST_MS: u64 = 90_000;
/// A recording that outlived its resource is kept for so long after its end, to publish how it ended.
const AFTERLIFE_MS: u64 = 600_000;
/// Recordings that are over and kept for queries; the oldest make room.
const MAX_OVER: usize = 32;

/// When [`super::step`] has to be called with [`super::Input::Alarm`], by Unix time in milliseconds; `None` when nothing is due ever.
pub fn next_alarm(state: &State) -> Option<u64> {
    let recordings = state.recordings.iter().flat_map(|recording| {
        let stage = match &recording.stage {
            Stage::Placing { since_ms, .. } | Stage::Offered { since_ms, .. } => Some(after(*since_ms, OFFER_LIMIT_MS)),
            Stage::Held { lease, .. } if lease.silent => Some(after(lease.heard_ms, LOST_MS)),
            Stage::Held { lease, .. } => {
                let silent_ms = after(lease.heard_ms, LEASE_MS);
                Some(idle_ms(recording).map_or(silent_ms, |idle_ms| idle_ms.min(silent_ms)))
            }
            Stage::Over { .. } => forget_ms(recording),
        };
        [stage, recording.publication.due_ms()].into_iter().flatten()
    });
    let spent = state.spent.iter().map(|spent| spent.forget_ms);
    recordings.chain(spent).chain(notice::next_due(state)).min()
}

/// Brings about what is due.
pub(super) fn settle(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    state.spent.retain(|spent| spent.forget_ms > now_ms);
    let overdue = |recording: &Recording| match recording.stage {
        Stage::Placing { since_ms, .. } | Stage::Offered { since_ms, .. } => now_ms >= after(since_ms, OFFER_LIMIT_MS),
        _ => false,
    };
    let lost: Vec<_> = state
        .recordings
        .iter()
        .filter(|r| overdue(r))
        .map(|r| r.sid.clone())
        .collect();
    for sid in lost {
        let reason = "the start was interrupted inside the service: try again".to_owned();
        let refusal = Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason,
        };
        placement::give_up(state, &sid, refusal, out);
    }
    for recording in &mut state.recordings {
        state.epoch += u64::from(settle_held(recording, now_ms, out));
    }
}

/// True when the lease is lost, so that its epoch has to be burnt.
fn settle_held(recording: &mut Recording, now_ms: u64, out: &mut Vec<Effect>) -> bool {
    let idle = idle_ms(recording).is_some_and(|idle_ms| now_ms >= idle_ms);
    let Stage::Held { lease, .. } = &mut recording.stage else {
        return false;
    };
    let silence_ms = now_ms.saturating_sub(lease.heard_ms);
    if silence_ms >= LOST_MS {
        recording.end(EndCause::NodeLost, now_ms, out);
        return true;
    }
    lease.silent = silence_ms >= LEASE_MS;
    // What a silent node said last of the channel may no longer be so.
    if idle && !lease.silent {
        recording.order = Some(EndCause::Idle);
        recording.send_order(0, out);
    }
    false
}

/// When the recording has been idle for too long, unless it has already been told to end.
fn idle_ms(recording: &Recording) -> Option<u64> {
    let running = recording.order.is_none() && recording.captures();
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
pub(super) fn forget(state: &mut State, now_ms: u64) {
    state
        .recordings
        .retain(|recording| forget_ms(recording).is_none_or(|forget_ms| now_ms < forget_ms));
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
        state.recordings.remove(oldest);
    }
}

fn after(time_ms: u64, duration_ms: u64) -> u64 {
    time_ms.saturating_add(duration_ms)
}
