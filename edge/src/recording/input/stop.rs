use protocol::EndCause;

use crate::recording::contract::{CallId, Effect, Outcome, Status, Stop, reply};
use crate::recording::limits::after;
use crate::recording::rules::look_up;
use crate::recording::state::{Recording, State, Stopper, Wanted};

/// Stops a recording for the customer who shows the resource ID, or for the operator.
pub(super) fn stop(state: &mut State, by: CallId, stop: &Stop, now_ms: u64, out: &mut Vec<Effect>) {
    let policy = state.policy;
    let recording = match look_up(state, &stop.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    let view = |recording: &Recording| Box::new(recording.view());
    match (recording.wanted, recording.status()) {
        // A stop that is wanted stays so until the node has heard it, so that it need not be sent again.
        (Wanted::Stop(_), _) | (_, Status::Stopping | Status::Ended | Status::Failed) => {
            reply(out, by, Outcome::AlreadyEnded(view(recording)));
        }
        (Wanted::Record | Wanted::Pause, Status::Placing | Status::Started | Status::Recording) => {
            recording.stopped_by_operator = stop.target.nonce.is_none();
            let wait_ms = if stop.at_once { 0 } else { policy.node_stop_ms() };
            recording.want_end(EndCause::Stopped, wait_ms, now_ms, out);
            if stop.at_once {
                reply(out, by, Outcome::Stopping(view(recording)));
            } else {
                let until_ms = after(now_ms, policy.stop_limit_ms());
                recording.stopper = Some(Stopper { by, until_ms });
            }
        }
    }
}
