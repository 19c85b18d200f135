//! Whose streams a recording takes, and how that is changed while it runs.

use protocol::{Fault, Refusal, RefusalCode, Selection, StreamTypes, Subscription};

use super::message::reply;
use super::orders::look_up;
use super::state::State;
use super::{CallId, Effect, Outcome, Status, Update};

/// Whether nothing is left to record.
pub(crate) fn is_empty(subscription: &Subscription) -> bool {
    let audio = subscription.types != StreamTypes::Video && subscription.audio != Selection::None;
    let video = subscription.types != StreamTypes::Audio && subscription.video != Selection::None;
    !audio && !video
}

/// The node is told at once, and otherwise hears it with the answer to its next report.
pub(super) fn update(state: &mut State, by: CallId, update: Update, now_ms: u64, out: &mut Vec<Effect>) {
    let recording = match look_up(state, &update.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    if recording.status() >= Status::Stopping {
        return reply(out, by, Outcome::AlreadyEnded(Box::new(recording.snapshot())));
    }
    match changed(&recording.subscription, update) {
        Ok(subscription) => {
            recording.subscription = subscription;
            recording.send_order(0, out);
            reply(out, by, Outcome::Updated);
        }
        Err(reason) => {
            let refusal = Refusal {
                fault: Fault::Caller,
                code: RefusalCode::BadJob,
                reason: reason.to_owned(),
            };
            reply(out, by, Outcome::Refused(refusal));
        }
    }
}

fn changed(old: &Subscription, update: Update) -> Result<Subscription, &'static str> {
    match old.types {
        StreamTypes::Audio if update.video.is_some() => {
            return Err("the recording was started for audio only: it takes no list for video");
        }
        StreamTypes::Video if update.audio.is_some() => {
            return Err("the recording was started for video only: it takes no list for audio");
        }
        _ => {}
    }
    let subscription = Subscription {
        version: old.version.saturating_add(1),
        types: old.types,
        audio: update.audio.unwrap_or(Selection::None),
        video: update.video.unwrap_or(Selection::None),
        quality: old.quality,
    };
    if is_empty(&subscription) {
        return Err("the lists leave nothing to record; stop the recording instead");
    }
    Ok(subscription)
}
