use protocol::{Desired, Directive};

use crate::recording::contract::{Effect, NodeAnswer};
use crate::recording::state::State;

/// Nobody waits longer for the end of a recording than its node may take to answer.
pub(super) fn desired_answered(
    state: &mut State,
    sid: &str,
    desired: &Desired,
    answer: NodeAnswer,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let Some(recording) = state.find_mut(sid) else { return };
    if let NodeAnswer::Report(report) = answer {
        recording.hear(*report, now_ms, out);
    }
    let lease = recording.nodes.lease.as_ref();
    // An answer to what was wanted before the stop, or of another node, ends no wait for it.
    if desired.directive != Directive::Record && lease.is_some_and(|lease| lease.epoch == desired.epoch) {
        recording.tell_stopping(out);
    }
}
