//! The job: what a node is sent when it is offered a recording, and again when it asks after a restart.

use protocol::{Fault, Job, JobRequest, Mix, Refusal, RefusalCode};

use super::state::{Recording, Stage, State};
use super::{CallId, Effect, Reply};

/// `None` when the specification's secrets are gone.
pub(super) fn of(recording: &Recording, epoch: u64) -> Option<Job> {
    let spec = recording.spec.clone()?;
    Some(Job {
        sid: recording.sid.clone(),
        epoch,
        recorder: recording.key.clone(),
        mode: recording.mode,
        mix: spec
            .mix
            .zip(recording.scene.clone())
            .map(|(mix, scene)| Mix { scene, ..mix }),
        snapshots: spec.snapshots,
        decryption: spec.decryption,
        source: spec.source,
        channel_type: spec.channel_type,
        subscription: recording.subscription.clone(),
        playlist: spec.playlist,
        storage: spec.storage,
        backup: spec.backup,
    })
}

/// A restarted node asks for the secrets of a recording whose spool it holds. A node whose lease was lost gets them
/// too, for it still has slices to upload; the answer to its first report tells it to capture no more.
pub(super) fn requested(state: &mut State, by: CallId, request: &JobRequest, now_ms: u64, out: &mut Vec<Effect>) {
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Job(hand_out(state, request, now_ms).map(Box::new)),
    });
}

fn hand_out(state: &mut State, request: &JobRequest, now_ms: u64) -> Result<Job, Refusal> {
    let Some(recording) = state.find_mut(&request.sid) else {
        return Err(unknown("no such recording, or it has been forgotten"));
    };
    let (Stage::Held { lease, .. } | Stage::Over { lease, .. }) = &mut recording.stage else {
        return Err(unknown("the recording is being placed on another node"));
    };
    if lease.epoch != request.epoch || lease.node.id != request.node_id {
        return Err(unknown("the recording was given to another node"));
    }
    lease.heard_ms = now_ms;
    let epoch = lease.epoch;
    if recording.seen.phase == protocol::Phase::Ended {
        return Err(unknown("the recording has ended and everything is uploaded"));
    }
    of(recording, epoch).ok_or_else(secrets_missing)
}

fn unknown(reason: &str) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::UnknownRecording,
        reason: reason.to_owned(),
    }
}

pub(super) fn secrets_missing() -> Refusal {
    let reason = "the recording's secrets cannot be opened: the key that sealed them is no longer configured";
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason: reason.to_owned(),
    }
}
