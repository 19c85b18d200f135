use crate::recording::contract::{Effect, Missing};
use crate::recording::state::{State, Way};

/// A node that is there does not name a recording among those that it holds: it is asked, and has the last word. What it told
/// last is heard before. Returns whether the recording is taken to be with it.
pub(super) fn missing(state: &mut State, missing: Missing, now_ms: u64, out: &mut Vec<Effect>) -> bool {
    let Missing { node_id, sid, report } = missing;
    let Some(recording) = state.find_mut(&sid) else {
        return false;
    };
    if let Some(report) = report
        && recording.is_with(&node_id)
    {
        recording.hear(*report, Way::Aside, now_ms, out);
    }
    recording.nodes.doubt(&node_id, now_ms)
}
