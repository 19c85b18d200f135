use protocol::{Fault, RecorderKey, Refusal, RefusalCode, Vod};

use crate::recording::contract::{CallId, Effect, Outcome, Start, Status, reply};
use crate::recording::limits::{MAX_SPENT, MAX_STARTERS, TICKET_MEMORY_MS, after};
use crate::recording::state::{Lifecycle, Opening, Recording, Seen, State, Wanted};

/// Starts a recording, if the resource ID is good for one: a node is searched for it.
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
                    "too many starts with this resource ID are waiting",
                ),
            );
        }
        return;
    }
    if let Err(outcome) = admit(state, &start, now_ms) {
        reply(out, by, outcome);
        return;
    }
    let to_vod = start.spec.storage.kind.is_vod();
    let mut recording = Recording {
        key,
        sid: start.sid,
        ticket: start.ticket,
        mode: start.spec.mode,
        mp4: start.spec.mix.as_ref().is_some_and(|mix| mix.mp4),
        outputs: start.spec.outputs.clone(),
        snapshots: start.spec.snapshots,
        subscription: start.spec.subscription.clone(),
        scene_version: start.spec.mix.as_ref().map(|mix| mix.scene.version),
        scene: None,
        renewals: 0,
        max_idle_ms: start.max_idle_ms,
        opening: start.waits_ms.map(|for_ms| Opening::Waits { for_ms }),
        requested_ms: now_ms,
        lifecycle: Lifecycle::Placing,
        wanted: match start.waits_ms {
            Some(_) => Wanted::Pause,
            None => Wanted::Record,
        },
        stopped_by_operator: false,
        token_expires_ms: start.token_expires_ms,
        house: start.house,
        nodes: Default::default(),
        inventory: Default::default(),
        history: Vec::new(),
        seen: Seen {
            vod: to_vod.then(Vod::default),
            ..Seen::default()
        },
        publication: Default::default(),
        away: false,
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
    if now_ms >= after(start.ticket.issued_ms, TICKET_MEMORY_MS) {
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

fn refused(fault: Fault, code: RefusalCode, reason: &str) -> Outcome {
    Outcome::Refused(Refusal {
        fault,
        code,
        reason: reason.to_owned(),
    })
}
