//! Starting a recording: who may, and the search for a node that takes it.

use protocol::{Fault, Phase, RecorderKey, Refusal, RefusalCode, Report, StorageKind, Vod};

use super::deadlines::{START_BUDGET_MS, TICKET_MEMORY_MS};
use super::message::reply;
use super::state::{Recording, Seen, SpentTicket, Stage, State, Tried};
use super::{CallId, Effect, Node, NodeAnswer, Outcome, Start, Status, job, lifecycle};

/// Nodes that are asked before a start is refused.
pub(super) const MAX_ATTEMPTS: usize = 3;
/// Callers that may wait for the same start.
pub(super) const MAX_STARTERS: usize = 16;
/// Starts of one recorder within the life of a resource ID.
pub(super) const MAX_SPENT: usize = 256;

pub(super) fn start(state: &mut State, by: CallId, key: RecorderKey, start: Start, now_ms: u64, out: &mut Vec<Effect>) {
    let nonce = &start.ticket.nonce;
    let waiting = |recording: &&mut Recording| recording.ticket.nonce == *nonce && recording.started_ms().is_none();
    if let Some(recording) = state.recordings.iter_mut().find(waiting) {
        if recording.starters.len() < MAX_STARTERS {
            recording.starters.push(by);
        } else {
            reply(
                out,
                by,
                refused(
                    Fault::Caller,
                    RefusalCode::NoCapacity,
                    "too many starts with this resource ID wait",
                ),
            );
        }
        return;
    }
    if let Err(outcome) = admit(state, &start, now_ms) {
        reply(out, by, outcome);
        return;
    }
    state.epoch += 1;
    let epoch = state.epoch;
    let to_vod = start.spec.storage.kind == StorageKind::AliyunVod;
    let recording = Recording {
        key,
        sid: start.sid,
        ticket: start.ticket,
        mode: start.spec.mode,
        mp4: start.spec.mix.as_ref().is_some_and(|mix| mix.mp4),
        snapshots: start.spec.snapshots,
        subscription: start.spec.subscription.clone(),
        scene: start.spec.mix.as_ref().map(|mix| mix.scene.clone()),
        max_idle_ms: start.spec.max_idle_ms,
        requested_ms: now_ms,
        stage: Stage::Placing {
            epoch,
            since_ms: now_ms,
        },
        order: None,
        stopped_by_operator: false,
        token_expires_ms: start.spec.token_expires_ms,
        seen: Seen {
            vod: to_vod.then(Vod::default),
            ..Seen::default()
        },
        publication: Default::default(),
        tried: Vec::new(),
        spec: Some(start.spec),
        starters: vec![by],
        stopper: None,
    };
    out.push(place(&recording, epoch));
    state.recordings.push(recording);
}

/// Asks for a node that has not been tried.
fn place(recording: &Recording, epoch: u64) -> Effect {
    Effect::Place {
        key: recording.key.clone(),
        sid: recording.sid.clone(),
        epoch,
        exclude: recording.tried.iter().map(|tried| tried.node_id.clone()).collect(),
        preference: recording.ticket.preference.clone(),
    }
}

fn admit(state: &State, start: &Start, now_ms: u64) -> Result<(), Outcome> {
    let nonce = &start.ticket.nonce;
    if let Some(own) = state
        .recordings
        .iter()
        .find(|recording| recording.ticket.nonce == *nonce)
    {
        return Err(match own.status() {
            Status::Placing | Status::Started | Status::Recording => Outcome::AlreadyStarted { sid: own.sid.clone() },
            Status::Stopping | Status::Ended | Status::Failed => Outcome::TicketSpent,
        });
    }
    if state.spent.iter().any(|spent| spent.nonce == *nonce) {
        return Err(Outcome::TicketSpent);
    }
    // Whether an older one has been used is no longer remembered.
    if now_ms >= start.ticket.issued_ms.saturating_add(TICKET_MEMORY_MS) {
        return Err(refused(
            Fault::Caller,
            RefusalCode::BadJob,
            "the resource ID has expired: acquire another one",
        ));
    }
    if let Some(other) = state
        .recordings
        .iter()
        .find(|other| other.captures() || other.sid == start.sid)
    {
        return Err(Outcome::Conflict { sid: other.sid.clone() });
    }
    if state.spent.len() >= MAX_SPENT {
        let reason = "too many recordings of this channel and uid have been started within minutes: wait a little";
        return Err(refused(Fault::Caller, RefusalCode::NoCapacity, reason));
    }
    Ok(())
}

pub(super) fn placed(
    state: &mut State,
    sid: &str,
    epoch: u64,
    node: Result<Node, String>,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let Some(recording) = state.find_mut(sid) else { return };
    if !matches!(recording.stage, Stage::Placing { epoch: asked, .. } if asked == epoch) {
        return;
    }
    let refusal = match node {
        Ok(node) => match job::of(recording, epoch) {
            Some(job) => {
                out.push(Effect::SendJob {
                    url: node.url.clone(),
                    job: Box::new(job),
                });
                recording.stage = Stage::Offered {
                    epoch,
                    node,
                    since_ms: now_ms,
                };
                return;
            }
            None => job::secrets_missing(),
        },
        Err(why) => no_node(&recording.tried, &why),
    };
    give_up(state, sid, refusal, out);
}

pub(super) fn job_answered(
    state: &mut State,
    sid: &str,
    epoch: u64,
    answer: NodeAnswer,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let offered = state.find(sid).and_then(|recording| match &recording.stage {
        Stage::Offered { epoch: asked, node, .. } if *asked == epoch => Some(node.clone()),
        _ => None,
    });
    // A node that took the job too late is told to release it when it reports.
    let Some(node) = offered else { return };
    match answer {
        NodeAnswer::Report(report) if (&*report.sid, report.epoch, &report.node_id) != (sid, epoch, &node.id) => {
            try_next(
                state,
                sid,
                node,
                "its answer was about another recording".to_owned(),
                now_ms,
                out,
            );
        }
        NodeAnswer::Report(report) if report.phase == Phase::Ended => {
            let told = report.problems.last().map(|problem| problem.message.as_str());
            let why = told.unwrap_or("the recorder ended at once").to_owned();
            try_next(state, sid, node, why, now_ms, out);
        }
        NodeAnswer::Report(report) => accept(state, node, *report, now_ms, out),
        NodeAnswer::Refused(refusal) => match refusal.code {
            RefusalCode::BadJob | RefusalCode::StorageUnusable => give_up(state, sid, refusal, out),
            _ => try_next(state, sid, node, refusal.reason, now_ms, out),
        },
        NodeAnswer::Unreachable => try_next(state, sid, node, "it did not answer".to_owned(), now_ms, out),
    }
}

/// The node has taken the offered job: from here on the recording exists and its resource ID is spent.
pub(super) fn accept(state: &mut State, node: Node, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
    let Some(recording) = state
        .recordings
        .iter_mut()
        .find(|recording| recording.sid == report.sid)
    else {
        return;
    };
    state.spent.push(SpentTicket {
        nonce: recording.ticket.nonce.clone(),
        forget_ms: recording.ticket.issued_ms.saturating_add(TICKET_MEMORY_MS),
    });
    recording.hold(node, report.epoch, now_ms);
    recording.absorb(report, now_ms, out);
    let sid = recording.sid.clone();
    let mut starters = std::mem::take(&mut recording.starters).into_iter();
    if let Some(first) = starters.next() {
        reply(out, first, Outcome::Started { sid: sid.clone() });
    }
    for other in starters {
        reply(out, other, Outcome::AlreadyStarted { sid: sid.clone() });
    }
    if recording.order.is_some() {
        recording.send_order(lifecycle::STOP_WAIT_MS, out);
    }
}

/// Asks the fleet for another node, unless the start has taken too long or is not wanted any more.
fn try_next(state: &mut State, sid: &str, node: Node, why: String, now_ms: u64, out: &mut Vec<Effect>) {
    let Some(recording) = state.recordings.iter_mut().find(|recording| recording.sid == sid) else {
        return;
    };
    recording.tried.push(Tried { node_id: node.id, why });
    let in_time = now_ms < recording.requested_ms.saturating_add(START_BUDGET_MS);
    if recording.order.is_none() && recording.tried.len() < MAX_ATTEMPTS && in_time {
        state.epoch += 1;
        recording.stage = Stage::Placing {
            epoch: state.epoch,
            since_ms: now_ms,
        };
        out.push(place(recording, state.epoch));
    } else {
        let refusal = no_node(&recording.tried, "no more are asked");
        give_up(state, sid, refusal, out);
    }
}

/// Nothing was recorded, and the resource ID is good for another try.
pub(super) fn give_up(state: &mut State, sid: &str, refusal: Refusal, out: &mut Vec<Effect>) {
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
            stopper,
            Outcome::NotFound {
                reason: format!("it could not be started: {}", refusal.reason),
            },
        );
    }
}

pub(super) fn no_node(tried: &[Tried], last: &str) -> Refusal {
    let told: Vec<_> = tried
        .iter()
        .map(|tried| format!("node {}: {}", tried.node_id, tried.why))
        .collect();
    let reason = match told.is_empty() {
        true => format!("no media node can take the recording: {last}"),
        false => format!("no media node took the recording: {}; {last}", told.join("; ")),
    };
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason,
    }
}

fn refused(fault: Fault, code: RefusalCode, reason: &str) -> Outcome {
    Outcome::Refused(Refusal {
        fault,
        code,
        reason: reason.to_owned(),
    })
}
