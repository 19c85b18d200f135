use crate::recording::contract::Effect;
use crate::recording::limits::{AFTERLIFE_MS, MAX_AWAITED, MAX_FILES, MAX_OVER, Policy, after};
use crate::recording::state::{Lifecycle, Recording, State};

/// When a recording that is over is put away, given up or forgotten.
pub(super) fn forget_ms(recording: &Recording, policy: Policy) -> Option<u64> {
    let served_ms = served_ms(recording)?;
    match (recording.away, recording.awaits_media()) {
        (false, _) => Some(served_ms),
        // Its app is told first that it awaits nothing more.
        (true, false) if recording.publication.is_written() => Some(0),
        (true, false) => Some(after(recording.awaited_until_ms(policy)?, AFTERLIFE_MS)),
        (true, true) => recording.awaited_until_ms(policy),
    }
}

/// Waits no longer for what no node has brought in time. The app hears of that before the recording is forgotten.
pub(super) fn give_up(state: &mut State, now_ms: u64) {
    let policy = state.policy;
    let is_late = |recording: &Recording| {
        let until_ms = recording.awaited_until_ms(policy).filter(|_| recording.awaits_media());
        until_ms.is_some_and(|until_ms| until_ms <= now_ms)
    };
    while let Some(recording) = state.recordings.iter_mut().find(|recording| is_late(recording)) {
        recording.put_away();
        let (sid, what) = (recording.sid.clone(), recording.give_up_media());
        state.with_ledger(&sid, now_ms, |ledger, scribe| ledger.note(what, scribe));
    }
}

/// When the caller can ask about it no longer, and how it ended has been published.
fn served_ms(recording: &Recording) -> Option<u64> {
    let Lifecycle::Over { ended_ms, .. } = recording.lifecycle else {
        return None;
    };
    Some(recording.expires_ms()?.max(after(ended_ms, AFTERLIFE_MS)))
}

/// Lets go of what is over and has served its time, or has to make room. What is needed for media that is still on a node
/// stays for longer.
pub(super) fn forget(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    let policy = state.policy;
    for recording in &mut state.recordings {
        let has_served = served_ms(recording).is_some_and(|served_ms| now_ms >= served_ms);
        if has_served && !recording.away && recording.awaits_media() {
            recording.put_away();
        }
    }
    let is_due = |recording: &Recording| forget_ms(recording, policy).is_some_and(|forget_ms| now_ms >= forget_ms);
    while let Some(place) = state.recordings.iter().position(is_due) {
        remove(state, place, now_ms, out);
    }
    while let Some(place) = surplus(state) {
        match state.recordings.get_mut(place) {
            Some(recording) if !recording.away && recording.awaits_media() => recording.put_away(),
            Some(_) => remove(state, place, now_ms, out),
            None => return,
        }
    }
}

/// The recording that makes room, if there are too many: the oldest that is over, of those that callers can ask about
/// before the others.
fn surplus(state: &State) -> Option<usize> {
    let over = state.recordings.iter().filter(|recording| recording.is_over());
    let (away, kept): (Vec<_>, Vec<_>) = over.partition(|recording| recording.away);
    let files: usize = state.recordings.iter().map(Recording::listed).sum();
    let is_crowded = files > MAX_FILES && kept.len() + away.len() > 1;
    let oldest = |away: bool| {
        let is_one = |recording: &Recording| recording.is_over() && recording.away == away;
        state.recordings.iter().position(is_one)
    };
    if kept.len() > MAX_OVER || (is_crowded && !kept.is_empty()) {
        oldest(false)
    } else if away.len() > MAX_AWAITED || is_crowded {
        oldest(true)
    } else {
        None
    }
}

fn remove(state: &mut State, place: usize, now_ms: u64, out: &mut Vec<Effect>) {
    let mut recording = state.recordings.remove(place);
    if recording.awaits_media() {
        let what = recording.media_given_up();
        state.with_ledger(&recording.sid, now_ms, |ledger, scribe| ledger.note(what, scribe));
    }
    recording.forget_slices(out);
}
