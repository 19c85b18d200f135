use protocol::{Selection, Storage, StorageKeys, StreamTypes, Subscription};

use crate::recording::contract::{CallId, Effect, Outcome, Renewal, Status, Unfit, Update, is_empty, reply};
use crate::recording::rules::look_up;
use crate::recording::state::{Recording, State};

/// Changes whose streams a recording takes, or the keys of its storage. The node is told at once, and otherwise hears it
/// with the answer to its next report. Keys are of use as long as something is to be uploaded.
pub(super) fn update(state: &mut State, by: CallId, update: Update, now_ms: u64, out: &mut Vec<Effect>) {
    let recording = match look_up(state, &update.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    let has_lists = update.audio.is_some() || update.video.is_some();
    let is_late = if has_lists {
        recording.status() >= Status::Stopping
    } else {
        recording.spec.is_none()
    };
    if is_late {
        return reply(out, by, Outcome::AlreadyEnded(Box::new(recording.view())));
    }
    match apply(recording, update, has_lists) {
        Ok(()) => {
            recording.send_desired(0, now_ms, out);
            reply(out, by, Outcome::Updated);
        }
        Err(unfit) => reply(out, by, Outcome::Unfit(unfit)),
    }
}

/// All of it or nothing.
fn apply(recording: &mut Recording, update: Update, has_lists: bool) -> Result<(), Unfit> {
    let storage = match (&recording.spec, update.keys) {
        (_, None) => None,
        (None, Some(_)) => return Err(Unfit::StorageLost),
        (Some(spec), Some(renewal)) => Some(renewed(&spec.storage, *renewal)?),
    };
    if has_lists {
        recording.subscription = changed(&recording.subscription, update.audio, update.video)?;
    }
    if let (Some(spec), Some(storage)) = (&mut recording.spec, storage) {
        spec.storage = storage;
        recording.renewals = recording.renewals.saturating_add(1);
    }
    Ok(())
}

fn renewed(storage: &Storage, renewal: Renewal) -> Result<Storage, Unfit> {
    if storage.kind.is_vod() {
        return Err(Unfit::KeysOfVod);
    }
    if !storage.kind.has_session_tokens() && renewal.session_token.is_some() {
        return Err(Unfit::SessionToken);
    }
    if renewal.bucket.is_some_and(|bucket| bucket != storage.bucket) {
        return Err(Unfit::OtherBucket);
    }
    let (access_key, secret_key) = renewal
        .pair
        .unwrap_or_else(|| (storage.access_key.clone(), storage.secret_key.clone()));
    Ok(storage.with_keys(StorageKeys {
        access_key,
        secret_key,
        session_token: renewal.session_token,
        session_ends_ms: renewal.session_ends_ms,
    }))
}

fn changed(old: &Subscription, audio: Option<Selection>, video: Option<Selection>) -> Result<Subscription, Unfit> {
    match old.types {
        StreamTypes::Audio if video.is_some() => return Err(Unfit::AudioOnly),
        StreamTypes::Video if audio.is_some() => return Err(Unfit::VideoOnly),
        _ => {}
    }
    let subscription = Subscription {
        version: old.version.saturating_add(1),
        types: old.types,
        audio: audio.unwrap_or(Selection::None),
        video: video.unwrap_or(Selection::None),
        quality: old.quality,
    };
    if is_empty(&subscription) {
        return Err(Unfit::Empty);
    }
    Ok(subscription)
}
