//! What nodes report, and what each report is answered: the desired state, to which the node converges.

use protocol::{Desired, Directive, Report, ReportAnswer, Selection, StreamTypes, Subscription, VideoQuality};

use super::state::{Recording, Stage, State};
use super::{CallId, Effect, Reply, notice, placement};

pub(super) fn reported(state: &mut State, by: CallId, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
    let (sid, epoch) = (report.sid.clone(), report.epoch);
    // What is confirmed here is persisted with this step, before the answer leaves.
    let confirmed = notice::confirmed(state, &report);
    let from_holder = take(state, report, now_ms, out);
    let newest_epoch = state.epoch.max(epoch);
    let desired = match state.find(&sid) {
        Some(recording) if from_holder => recording.desired(newest_epoch),
        _ => release(newest_epoch),
    };
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Desired(Box::new(ReportAnswer { desired, confirmed })),
    });
}

/// Whether the report came from the node that has, or last had, the lease.
fn take(state: &mut State, report: Report, now_ms: u64, out: &mut Vec<Effect>) -> bool {
    let Some(recording) = state.find_mut(&report.sid) else {
        return false;
    };
    match &recording.stage {
        // The answer to the offer is late or lost, but the node works.
        Stage::Offered { epoch, node, .. } if *epoch == report.epoch && node.id == report.node_id => {
            let node = node.clone();
            placement::accept(state, node, report, now_ms, out);
            true
        }
        _ if recording.is_from_holder(&report) => {
            recording.absorb(report, now_ms, out);
            true
        }
        _ => false,
    }
}

impl Recording {
    pub(super) fn is_from_holder(&self, report: &Report) -> bool {
        self.lease()
            .is_some_and(|lease| lease.epoch == report.epoch && lease.node.id == report.node_id)
    }
}

/// For a node without a lease, whatever it records.
fn release(epoch: u64) -> Desired {
    let subscription = Subscription {
        version: 0,
        types: StreamTypes::Both,
        audio: Selection::None,
        video: Selection::None,
        quality: VideoQuality::High,
    };
    Desired {
        epoch,
        directive: Directive::Release,
        subscription,
        scene: None,
        keys: None,
    }
}
