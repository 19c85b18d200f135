use crate::recording::contract::{Effect, Lost};
use crate::recording::rules::try_next;
use crate::recording::state::{Recording, State, Step, Way};

/// The leases of a node's lines are over: whatever it holds by them is lost, and what it was just offered is offered to another
/// one. What it told last is heard before.
pub(super) fn lost(state: &mut State, lost: Lost, now_ms: u64, out: &mut Vec<Effect>) {
    let Lost {
        node_id,
        line,
        heard_ms,
        reports,
    } = lost;
    for report in reports {
        let known = state.find_mut(&report.sid);
        if let Some(recording) = known.filter(|recording| recording.is_with(&report.node_id)) {
            recording.hear(report, Way::Aside, now_ms, out);
        }
    }
    for recording in &mut state.recordings {
        recording.nodes.lose(&node_id, line, heard_ms);
    }
    let offered = |recording: &Recording| match &recording.nodes.search.as_ref()?.step {
        Step::Offered { node, .. } if node.id == node_id => Some((recording.sid.clone(), node.clone())),
        _ => None,
    };
    let offered: Vec<_> = state.recordings.iter().filter_map(offered).collect();
    for (sid, node) in offered {
        try_next(state, &sid, node, "its line was lost".to_owned(), true, now_ms, out);
    }
}
