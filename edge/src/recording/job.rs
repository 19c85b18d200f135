//! The job: what a node is sent when it is offered a recording, and again when it asks after a restart.

use protocol::{Assignment, Fault, Job, JobRequest, Mix, RecordingSpec, Refusal, RefusalCode, Terms};

use super::nodes::{Lease, Role};
use super::state::{Recording, Stage, State};
use super::{CallId, Effect, Reply};

/// For the node that the search has found. `None` when the specification's secrets are gone.
pub(super) fn offered(recording: &Recording, epoch: u64, now_ms: u64) -> Option<Job> {
    let nodes = &recording.nodes;
    let beside_the_holder = matches!(recording.stage, Stage::Running { .. }) && nodes.lease.is_some();
    let terms = Terms {
        standby: beside_the_holder,
        ..Terms::default()
    };
    let assignment = Assignment {
        directive: Some(recording.directive()),
        terms,
        leased: true,
        takeover: recording.stage != Stage::Placing,
        lane: nodes.next_lane,
        started_ms: Some(recording.requested_ms),
        now_ms: Some(now_ms),
        videos: recording.videos(),
    };
    of(recording, epoch, assignment)
}

fn of(recording: &Recording, epoch: u64, assignment: Assignment) -> Option<Job> {
    let started_with = recording.spec.clone()?;
    let mix = started_with.mix.zip(recording.scene.clone());
    Some(Job {
        sid: recording.sid.clone(),
        epoch,
        recorder: recording.key.clone(),
        spec: RecordingSpec {
            mix: mix.map(|(mix, scene)| Mix { scene, ..mix }),
            subscription: recording.subscription.clone(),
            ..started_with
        },
        assignment,
    })
}

/// A restarted node asks for the secrets of a recording whose spool it holds. A node whose lease was lost gets them
/// too, for it still has slices to upload; it is directed to capture no more.
pub(super) fn requested(state: &mut State, by: CallId, request: &JobRequest, now_ms: u64, out: &mut Vec<Effect>) {
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Job(hand_out(state, request, now_ms).map(Box::new)),
    });
}

fn hand_out(state: &mut State, request: &JobRequest, now_ms: u64) -> Result<Job, Refusal> {
    let newest_epoch = state.epoch;
    let Some(recording) = state.find_mut(&request.sid) else {
        return Err(unknown("no such recording, or it has been forgotten"));
    };
    let search = recording.nodes.search.as_ref();
    if search.is_some_and(|search| search.is_offer_to(&request.node_id, request.epoch)) {
        return offered(recording, request.epoch, now_ms).ok_or_else(secrets_missing);
    }
    recording.reinstate(&request.node_id, request.epoch, now_ms);
    let role = recording.nodes.role(&request.node_id, request.epoch);
    let nodes = &mut recording.nodes;
    let is_anothers = |lease: &Lease| lease.epoch == request.epoch;
    let lane = match (role, &mut nodes.lease, &mut nodes.successor) {
        (Role::Holder, Some(lease), _) => {
            lease.hear(now_ms);
            lease.lane
        }
        (Role::Successor, _, Some(successor)) => {
            successor.lease.hear(now_ms);
            successor.lease.lane
        }
        (_, lease, _) if request.epoch > newest_epoch || lease.as_ref().is_some_and(is_anothers) => {
            return Err(unknown("the recording was given to another node"));
        }
        // It captures nothing, so it names nothing.
        _ => 0,
    };
    let desired = recording.desired(role, request.epoch);
    let assignment = Assignment {
        directive: Some(desired.directive),
        terms: desired.terms,
        leased: true,
        takeover: true,
        lane,
        started_ms: Some(recording.requested_ms),
        now_ms: Some(now_ms),
        videos: recording.videos(),
    };
    if recording.is_settled() {
        return Err(unknown("the recording has ended and everything is uploaded"));
    }
    of(recording, request.epoch, assignment).ok_or_else(secrets_missing)
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
