use protocol::{Phase, RefusalCode};

use crate::recording::contract::{Effect, NodeAnswer};
use crate::recording::rules::{accept, give_up, try_next};
use crate::recording::state::{Lifecycle, State, Step, Way};

/// The answer of the node that was offered the job.
pub(super) fn job_answered(
    state: &mut State,
    sid: &str,
    epoch: u64,
    answer: NodeAnswer,
    way: Way,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let offered = state.find(sid).and_then(|recording| recording.nodes.search.as_ref());
    let offered = offered.and_then(|search| match &search.step {
        Step::Offered { node, .. } if search.epoch == epoch => Some(node.clone()),
        _ => None,
    });
    // A node that took the job too late is told to release it when it reports.
    let Some(node) = offered else { return };
    let (why, taken) = match answer {
        NodeAnswer::Report(report) if (&*report.sid, report.epoch, &report.node_id) != (sid, epoch, &node.id) => {
            ("its answer was about another recording".to_owned(), true)
        }
        NodeAnswer::Report(report) if report.phase == Phase::Ended => {
            let told = report.problems.last().map(|problem| problem.message.as_str());
            (told.unwrap_or("the recorder ended at once").to_owned(), true)
        }
        NodeAnswer::Report(report) => return accept(state, *report, way, now_ms, out),
        NodeAnswer::Refused(refusal) => {
            let is_start = state
                .find(sid)
                .is_some_and(|recording| recording.lifecycle == Lifecycle::Placing);
            let is_the_customers = matches!(
                refusal.code,
                RefusalCode::BadJob | RefusalCode::StorageUnusable | RefusalCode::StorageUnavailable
            );
            if is_start && is_the_customers {
                return give_up(state, sid, refusal, out);
            }
            (refusal.reason, false)
        }
        NodeAnswer::Unreachable => ("it did not answer".to_owned(), true),
    };
    try_next(state, sid, node, why, taken, now_ms, out);
}
