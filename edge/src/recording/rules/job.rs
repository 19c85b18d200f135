//! The job: what a node is sent when it is offered a recording, and again when it asks after a restart.

use protocol::{Assignment, Fault, Job, RecordingSpec, Refusal, RefusalCode, Terms};

use crate::recording::state::{Lifecycle, Recording};

/// The job for the node that the search has found. `None` when the specification's secrets are gone.
pub(crate) fn offered(recording: &Recording, epoch: u64, now_ms: u64) -> Option<Job> {
    let nodes = &recording.nodes;
    let beside_the_holder = matches!(recording.lifecycle, Lifecycle::Running { .. }) && nodes.lease.is_some();
    let terms = Terms {
        standby: beside_the_holder || nodes.leaver.is_some(),
        ..Terms::default()
    };
    let assignment = Assignment {
        directive: Some(recording.goal().into()),
        terms,
        leased: true,
        takeover: recording.lifecycle != Lifecycle::Placing,
        lane: nodes.next_lane,
        started_ms: Some(recording.requested_ms),
        now_ms: Some(now_ms),
        videos: recording.videos(),
    };
    of(recording, epoch, assignment)
}

/// `None` when the specification's secrets are gone.
pub(crate) fn of(recording: &Recording, epoch: u64, assignment: Assignment) -> Option<Job> {
    let started_with = recording.spec.clone()?;
    Some(Job {
        sid: recording.sid.clone(),
        epoch,
        recorder: recording.key.clone(),
        spec: RecordingSpec {
            subscription: recording.subscription.clone(),
            ..started_with
        },
        assignment,
    })
}

pub(crate) fn secrets_missing() -> Refusal {
    let reason = "the recording's secrets cannot be decrypted: the key that encrypted them is no longer configured";
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason: reason.to_owned(),
    }
}
