//! Starting a recording: who may, and what a start that found no node is told.

use protocol::{Fault, RecorderKey, Refusal, RefusalCode, StorageKind, Vod};

use super::deadlines::{TICKET_MEMORY_MS, after};
use super::message::reply;
use super::state::{Recording, Seen, SpentTicket, Stage, State, Tried};
use super::{CallId, Effect, Outcome, Start, Status};

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
    let to_vod = start.spec.storage.kind == StorageKind::AliyunVod;
    let mut recording = Recording {
        key,
        sid: start.sid,
        ticket: start.ticket,
        mode: start.spec.mode,
        mp4: start.spec.mix.as_ref().is_some_and(|mix| mix.mp4),
        snapshots: start.spec.snapshots,
        subscription: start.spec.subscription.clone(),
        scene: start.spec.mix.as_ref().map(|mix| mix.scene.clone()),
        renewals: 0,
        max_idle_ms: start.max_idle_ms,
        requested_ms: now_ms,
        stage: Stage::Placing,
        order: None,
        stopped_by_operator: false,
        token_expires_ms: start.token_expires_ms,
        nodes: Default::default(),
        inventory: Default::default(),
        history: Vec::new(),
        seen: Seen {
            vod: to_vod.then(Vod::default),
            ..Seen::default()
        },
        publication: Default::default(),
        spec: Some(start.spec),
        starters: vec![by],
        stopper: None,
    };
    recording.seek(&mut state.epoch, now_ms, out);
    state.recordings.push(recording);
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

/// From here on the recording exists.
pub(super) fn answer_starters(recording: &mut Recording, out: &mut Vec<Effect>) {
    let sid = recording.sid.clone();
    let mut starters = std::mem::take(&mut recording.starters).into_iter();
    if let Some(first) = starters.next() {
        reply(out, first, Outcome::Started { sid: sid.clone() });
    }
    for other in starters {
        reply(out, other, Outcome::AlreadyStarted { sid: sid.clone() });
    }
}

impl Recording {
    /// Its resource ID has had its recording.
    pub(super) fn spend_ticket(&self) -> SpentTicket {
        SpentTicket {
            nonce: self.ticket.nonce.clone(),
            forget_ms: after(self.ticket.issued_ms, TICKET_MEMORY_MS),
        }
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
            stopper.by,
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
