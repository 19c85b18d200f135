use crate::recording::contract::Effect;
use crate::recording::limits::{AFTERLIFE_MS, MAX_FILES, MAX_OVER, after};
use crate::recording::state::{Lifecycle, Recording, State};

/// When a recording that is over is forgotten.
pub(super) fn forget_ms(recording: &Recording) -> Option<u64> {
    let Lifecycle::Over { ended_ms, .. } = recording.lifecycle else {
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
