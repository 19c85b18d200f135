//! What comes of an offer: the node takes the job, or another one is asked, or the start is given up.

use protocol::{Fault, Refusal, RefusalCode, Report};

use crate::recording::contract::{Effect, Node, Outcome, reply};
use crate::recording::limits::{MAX_ATTEMPTS, MAX_ROUND, START_BUDGET_MS, after};
use crate::recording::state::{
    Lease, Lifecycle, Recording, Role, Search, State, Step, Successor, Tried, Wanted, Way, begun, find_mut,
};

/// The node has taken the offered job.
pub(crate) fn accept(state: &mut State, report: Report, way: Way, now_ms: u64, out: &mut Vec<Effect>) {
    let stop_ms = state.policy.node_stop_ms();
    let Some(recording) = find_mut(&mut state.recordings, &report.sid) else {
        return;
    };
    let Some(Search {
        epoch,
        step: Step::Offered { node, .. },
        ..
    }) = recording
        .nodes
        .search
        .take_if(|search| search.is_offer_to(&report.node_id, report.epoch))
    else {
        return;
    };
    let nodes = &mut recording.nodes;
    nodes.took(&node.id);
    let lease = Lease::new(node, epoch, nodes.next_lane, way, now_ms);
    nodes.next_lane = nodes.next_lane.saturating_add(1);
    match recording.lifecycle {
        Lifecycle::Placing => {
            state.spent.push(recording.spend_ticket());
            recording.lifecycle = Lifecycle::Running { started_ms: now_ms };
            recording.hold(lease);
            answer_starters(recording, out);
        }
        Lifecycle::Running { .. } if nodes.lease.is_some() => {
            nodes.successor = Some(Successor {
                lease,
                since_ms: now_ms,
                begun: begun(&report.spool),
            });
        }
        Lifecycle::Running { .. } | Lifecycle::Over { .. } => recording.take_over(lease, now_ms),
    }
    let role = recording.nodes.role_of(&report);
    recording.hear(report, way, now_ms, out);
    // The job may have been made before the recording was told to end or to pause.
    match (role, recording.goal()) {
        (Role::Holder, Wanted::Stop(_)) => recording.send_desired(stop_ms, now_ms, out),
        (Role::Holder, Wanted::Pause) => recording.send_desired(0, now_ms, out),
        (Role::Holder, Wanted::Record) | (Role::Successor | Role::Outsider, _) => {}
    }
}

/// Asks for another node, unless it is a start that has taken too long or is not wanted any more.
pub(crate) fn try_next(
    state: &mut State,
    sid: &str,
    node: Node,
    why: String,
    taken: bool,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let (newest, Some(recording)) = (&mut state.epoch, find_mut(&mut state.recordings, sid)) else {
        return;
    };
    let Some(mut search) = recording.nodes.search.take() else {
        return;
    };
    if taken {
        recording.nodes.give_up_offer();
    } else {
        recording.nodes.refused(&node.id);
        search.offers = search.offers.saturating_sub(1);
    }
    search.tried.push(Tried { node_id: node.id, why });
    if recording.lifecycle == Lifecycle::Placing {
        let in_time = now_ms < after(recording.requested_ms, START_BUDGET_MS);
        let is_wanted = match recording.wanted {
            Wanted::Record | Wanted::Pause => true,
            Wanted::Stop(_) => false,
        };
        if is_wanted && search.tried.len() < MAX_ATTEMPTS && in_time {
            recording.ask(search, newest, now_ms, out);
        } else {
            let refusal = no_node(&search.tried, "no more are asked");
            give_up(state, sid, refusal, out);
        }
    } else if search.tried.len() < MAX_ROUND {
        recording.ask(search, newest, now_ms, out);
    } else {
        recording.pause(search, now_ms);
    }
}

/// Nothing was recorded, and the resource ID is good for another try.
pub(crate) fn give_up(state: &mut State, sid: &str, refusal: Refusal, out: &mut Vec<Effect>) {
    let Some(index) = state.recordings.iter().position(|recording| recording.sid == sid) else {
        return;
    };
    let recording = state.recordings.remove(index);
    for starter in recording.starters {
        reply(out, starter, Outcome::Refused(refusal.clone()));
    }
    if let Some(stopper) = recording.stopper {
        reply(
            out,
            stopper.by,
            Outcome::NotFound {
                reason: format!("it could not be started: {}", refusal.reason),
            },
        );
    }
}

pub(crate) fn no_node(tried: &[Tried], last: &str) -> Refusal {
    let told: Vec<_> = tried
        .iter()
        .map(|tried| format!("node {}: {}", tried.node_id, tried.why))
        .collect();
    let reason = match told.is_empty() {
        true => format!("no media node can take the recording: {last}"),
        false => format!("no media node accepted the recording: {}; {last}", told.join("; ")),
    };
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason,
    }
}

/// From here on the recording exists.
fn answer_starters(recording: &mut Recording, out: &mut Vec<Effect>) {
    let sid = recording.sid.clone();
    let mut starters = std::mem::take(&mut recording.starters).into_iter();
    if let Some(first) = starters.next() {
        reply(out, first, Outcome::Started { sid: sid.clone() });
    }
    for other in starters {
        reply(out, other, Outcome::AlreadyStarted { sid: sid.clone() });
    }
}
