//! The deletion of a recording from its stores, as far as one round can.

use futures_util::future::join_all;
use worker::{Env, console_error, console_log};

use crate::access::Directory;
use crate::app::{Doomed, Left};
use crate::erasing::{Place, places};
use crate::recording::Request;
use crate::worker::bindings;
use crate::worker::objects::ask::ask;
use crate::worker::objects::counting;
use crate::worker::objects::recorder::{Recorder, Request as RecorderRequest};
use crate::worker::outbound;

/// Requests at the same time, as many as the platform makes.
const ABREAST: usize = 6;
/// For a store to answer.
const LIMIT_MS: u64 = 20_000;
/// The longest answer that is read: many times the list of one round.
const MAX_BYTES: usize = 1 << 20;

pub(super) async fn erase(doomed: &Doomed, env: &Env) -> Left {
    let left = match try_to(doomed, env).await {
        Ok(left) => left,
        Err(error) => Left::Failed(error),
    };
    let Doomed { key, sid, .. } = doomed;
    match &left {
        Left::Nothing => {
            counting::count(|counts| counts.erasures.done());
            console_log!("recording {sid} of app {} is deleted", key.app_id);
        }
        Left::Some => {}
        Left::Failed(error) => {
            counting::count(|counts| counts.erasures.failed());
            console_error!("recording {sid} of app {} is not deleted yet: {error}", key.app_id);
        }
    }
    left
}

async fn try_to(doomed: &Doomed, env: &Env) -> Result<Left, String> {
    let Doomed { key, sid, awaited } = doomed;
    let (store, keys) = match (bindings::directory(env), bindings::seal_keys(env)) {
        (Ok(store), Ok(keys)) => (store, keys),
        (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
    };
    let app = Directory::new(&store, &keys).app(&key.app_id).await;
    let app = app.map_err(|error| error.to_string())?;
    let app = app.ok_or("the app is gone, and with it the keys of its store")?;
    if *awaited {
        // A node that still has media of it would bring it back.
        let give_up = RecorderRequest::Core(Request::GiveUp { sid: sid.clone() });
        let given_up = ask::<Recorder>(env, key, &give_up).await;
        given_up.map_err(|_| "its recorder did not answer".to_owned())?;
    }
    for place in places(&app, sid)? {
        if empty(&place, env).await? == Left::Some {
            return Ok(Left::Some);
        }
    }
    let forgotten = store.delete_session(&key.app_id, sid).await;
    forgotten.map_err(|error| error.to_string())?;
    Ok(Left::Nothing)
}

/// Deletes what is in a place, or the first of it.
async fn empty(place: &Place, env: &Env) -> Result<Left, String> {
    let listing = place.listing(bindings::now_ms());
    let (status, answer) = outbound::text("GET", &listing, LIMIT_MS, MAX_BYTES, env).await?;
    let deletions = place.deletions(status, &answer, bindings::now_ms())?;
    if deletions.is_empty() {
        return Ok(Left::Nothing);
    }
    for urls in deletions.chunks(ABREAST) {
        let answers = urls
            .iter()
            .map(|url| outbound::text("DELETE", url, LIMIT_MS, MAX_BYTES, env));
        for answer in join_all(answers).await {
            let (status, _) = answer?;
            place.deleted(status)?;
        }
        counting::count(|counts| counts.erasures.deleted(urls.len()));
    }
    Ok(Left::Some)
}
