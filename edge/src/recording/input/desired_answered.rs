use protocol::line::OLDEST;
use protocol::{Desired, Directive, ProblemCode, RefusalCode};

use crate::recording::contract::{Effect, NodeAnswer};
use crate::recording::state::{Lease, Recording, State, Wanted, Way};

/// A node that goes on capturing, as one does that is too old to know what a pause is, must not pass for one that is paused.
fn not_paused(recording: &mut Recording, epoch: u64, reason: &str, now_ms: u64) {
    let lease = recording.nodes.lease.as_ref().filter(|lease| lease.epoch == epoch);
    if let (Wanted::Pause, Some(lease)) = (recording.wanted, lease) {
        let message = format!(
            "media node {} did not pause the recording ({reason}), which goes on: update the node if it is older than the \
             edge, and pause again",
            lease.node.id
        );
        recording.wanted = Wanted::Record;
        recording.remember(ProblemCode::NotPaused, message, now_ms);
    }
}

/// A node that is too old for the scene keeps the one that it has, and is told everything else again.
fn not_arranged(recording: &mut Recording, epoch: u64, reason: &str, now_ms: u64, out: &mut Vec<Effect>) {
    let lease = recording.nodes.lease.as_mut().filter(|lease| lease.epoch == epoch);
    if let Some(lease) = lease.filter(|lease| !lease.keeps_scene) {
        lease.keeps_scene = true;
        let message = format!(
            "media node {} does not show the new layout ({reason}) and keeps the one that it has: update the node",
            lease.node.id
        );
        recording.remember(ProblemCode::NotArranged, message, now_ms);
        recording.send_desired(0, now_ms, out);
    }
}

/// Nobody waits longer for the end of a recording than its node may take to answer.
pub(super) fn desired_answered(
    state: &mut State,
    sid: &str,
    desired: &Desired,
    answer: NodeAnswer,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let Some(recording) = state.find_mut(sid) else { return };
    match answer {
        NodeAnswer::Report(report) => {
            recording.has_heard(desired.epoch);
            recording.hear(*report, Way::Aside, now_ms, out);
        }
        NodeAnswer::Refused(refusal) => {
            recording.has_heard(desired.epoch);
            if refusal.code == RefusalCode::UnknownRecording {
                recording.nodes.lack(desired.epoch);
            } else if refusal.code == RefusalCode::NoCapacity && desired.oldest_version() > OLDEST {
                not_arranged(recording, desired.epoch, &refusal.reason, now_ms, out);
            } else if desired.directive == Directive::Pause {
                not_paused(recording, desired.epoch, &refusal.reason, now_ms);
            }
        }
        NodeAnswer::Unreachable => {}
    }
    let is_holders = |lease: &Lease| lease.epoch == desired.epoch;
    // An answer to what was wanted before the stop, or of another node, ends no wait for it.
    let ends_wait = match desired.directive {
        Directive::Record | Directive::Pause => false,
        Directive::Stop(_) | Directive::Release => recording.nodes.lease.as_ref().is_some_and(is_holders),
    };
    if ends_wait {
        recording.tell_stopping(out);
    }
}
