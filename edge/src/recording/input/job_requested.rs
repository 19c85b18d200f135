use protocol::{Assignment, Fault, Job, JobRequest, Refusal, RefusalCode};

use crate::recording::contract::{CallId, Effect, JobText, Reply};
use crate::recording::rules::job;
use crate::recording::state::{Lease, Role, State, Way};

/// A restarted node asks for the secrets of a recording whose spool it holds. A node whose lease was lost gets them
/// too, for it still has slices to upload; it is directed to capture no more. A node that was never sent the job does not.
pub(super) fn job_requested(
    state: &mut State,
    by: CallId,
    request: &JobRequest,
    way: Way,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Job(hand_out(state, request, way, now_ms).and_then(|job| written(&job))),
    });
}

fn written(job: &Job) -> Result<JobText, Refusal> {
    JobText::new(job).map_err(|error| Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason: format!("the job cannot be written as JSON: {error}"),
    })
}

fn hand_out(state: &mut State, request: &JobRequest, way: Way, now_ms: u64) -> Result<Job, Refusal> {
    let newest_epoch = state.epoch;
    let Some(recording) = state.find_mut(&request.sid) else {
        return Err(unknown("no such recording, or it has been forgotten"));
    };
    if !recording.is_with(&request.node_id) {
        return Err(unknown("the recording has never been this node's"));
    }
    let search = recording.nodes.search.as_ref();
    if search.is_some_and(|search| search.is_offer_to(&request.node_id, request.epoch)) {
        return job::offered(recording, request.epoch, now_ms).ok_or_else(job::secrets_missing);
    }
    recording.reinstate(&request.node_id, request.epoch, way, now_ms);
    let role = recording.nodes.role(&request.node_id, request.epoch);
    let nodes = &mut recording.nodes;
    let is_anothers = |lease: &Lease| lease.epoch == request.epoch;
    let lane = match (role, &mut nodes.lease, &mut nodes.successor) {
        (Role::Holder, Some(lease), _) => {
            lease.hear(way, now_ms);
            lease.lane
        }
        (Role::Successor, _, Some(successor)) => {
            successor.lease.hear(way, now_ms);
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
        return Err(unknown(
            "the recording has ended, and everything is uploaded or given up",
        ));
    }
    job::of(recording, request.epoch, assignment).ok_or_else(job::secrets_missing)
}

fn unknown(reason: &str) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::UnknownRecording,
        reason: reason.to_owned(),
    }
}
