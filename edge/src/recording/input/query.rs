use crate::recording::contract::{CallId, Effect, Outcome, Target, reply};
use crate::recording::rules::look_up;
use crate::recording::state::State;

/// Tells the caller the recording's state.
pub(super) fn query(state: &mut State, by: CallId, target: &Target, now_ms: u64, out: &mut Vec<Effect>) {
    let outcome = match look_up(state, target, now_ms) {
        Ok(recording) => Outcome::State(Box::new(recording.view())),
        Err(outcome) => outcome,
    };
    reply(out, by, outcome);
}
