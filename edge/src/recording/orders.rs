//! Query, stop and change of layout, by the customer who shows the resource ID or by the operator.

use protocol::{Desired, Directive, EndCause, Scene};

use super::deadlines::after;
use super::lifecycle::{STOP_LIMIT_MS, STOP_WAIT_MS};
use super::message::reply;
use super::state::{Recording, State, Stopper};
use super::{CallId, Effect, NodeAnswer, Outcome, Status, Stop, Target, Unfit, UpdateLayout};

pub(super) fn query(state: &mut State, by: CallId, target: &Target, now_ms: u64, out: &mut Vec<Effect>) {
    let outcome = match look_up(state, target, now_ms) {
        Ok(recording) => Outcome::State(Box::new(recording.view())),
        Err(outcome) => outcome,
    };
    reply(out, by, outcome);
}

pub(super) fn stop(state: &mut State, by: CallId, stop: &Stop, now_ms: u64, out: &mut Vec<Effect>) {
    let recording = match look_up(state, &stop.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    let view = |recording: &Recording| Box::new(recording.view());
    match (recording.order, recording.status()) {
        // The order stays until the node has heard it, so that it need not be sent again.
        (Some(_), _) | (None, Status::Stopping | Status::Ended | Status::Failed) => {
            reply(out, by, Outcome::AlreadyEnded(view(recording)));
        }
        (None, Status::Placing | Status::Started | Status::Recording) => {
            recording.stopped_by_operator = stop.target.nonce.is_none();
            let wait_ms = if stop.at_once { 0 } else { STOP_WAIT_MS };
            recording.order(EndCause::Stopped, wait_ms, now_ms, out);
            if stop.at_once {
                reply(out, by, Outcome::Stopping(view(recording)));
            } else {
                let until_ms = after(now_ms, STOP_LIMIT_MS);
                recording.stopper = Some(Stopper { by, until_ms });
            }
        }
    }
}

/// The node is told at once, and otherwise hears it with the answer to its next report.
pub(super) fn update_layout(state: &mut State, by: CallId, update: UpdateLayout, now_ms: u64, out: &mut Vec<Effect>) {
    let recording = match look_up(state, &update.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    let is_ending = recording.status() >= Status::Stopping;
    let outcome = match &mut recording.scene {
        None => Outcome::Unfit(Unfit::NotMixed),
        Some(_) if is_ending => Outcome::AlreadyEnded(Box::new(recording.view())),
        Some(scene) => {
            let version = scene.version.saturating_add(1);
            *scene = Scene {
                version,
                ..update.scene
            };
            recording.send_order(0, out);
            Outcome::Updated
        }
    };
    reply(out, by, outcome);
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
    if let NodeAnswer::Report(report) = answer {
        recording.hear(*report, now_ms, out);
    }
    let lease = recording.nodes.lease.as_ref();
    // An answer to what was wanted before the stop, or of another node, ends no wait for it.
    if desired.directive != Directive::Record && lease.is_some_and(|lease| lease.epoch == desired.epoch) {
        recording.tell_stopping(out);
    }
}

pub(super) fn look_up<'a>(state: &'a mut State, target: &Target, now_ms: u64) -> Result<&'a mut Recording, Outcome> {
    let not_found = |reason: &str| Outcome::NotFound {
        reason: reason.to_owned(),
    };
    let Some(recording) = state.find_mut(&target.sid) else {
        return Err(not_found(
            "no recording with this sid: it was not started, or its resource has expired",
        ));
    };
    if let Some(nonce) = &target.nonce {
        if *nonce != recording.ticket.nonce {
            return Err(Outcome::Mismatch);
        }
        if recording.expires_ms().is_some_and(|expires_ms| now_ms >= expires_ms) {
            return Err(not_found(
                "the resource has expired: resourceExpiredHour has passed since the start",
            ));
        }
    }
    Ok(recording)
}
