use crate::recording::contract::{CallId, Effect, Outcome, Status, Target, reply};
use crate::recording::rules::look_up;
use crate::recording::state::{Opening, State, Wanted};

/// Has a recording capture nothing for a while (`Wanted::Pause`), or go on with it (`Wanted::Record`). It stays so whatever
/// becomes of nodes. What is so already is left as it is.
pub(super) fn pause(
    state: &mut State,
    by: CallId,
    target: &Target,
    wanted: Wanted,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let recording = match look_up(state, target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    // A stop that comes before any node has it is not seen by its status.
    let is_to_end = recording.goal().end_cause().is_some() || recording.status() >= Status::Stopping;
    if is_to_end {
        return reply(out, by, Outcome::AlreadyEnded(Box::new(recording.view())));
    }
    if recording.waits() && wanted == Wanted::Record {
        recording.opening = Some(Opening::Begun);
    }
    if recording.wanted != wanted {
        recording.wanted = wanted;
        recording.send_desired(0, now_ms, out);
    }
    reply(out, by, Outcome::State(Box::new(recording.view())));
}
