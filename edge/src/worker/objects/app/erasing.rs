//! The deletion of a recording from its stores, as far as one round can.

use worker::{Env, console_error, console_log};

use crate::app::{Doomed, Left};
use crate::erasing::places;
use crate::recording::Request;
use crate::worker::objects::ask::ask;
use crate::worker::objects::recorder::{Recorder, Request as RecorderRequest};
use crate::worker::objects::{clearing, counting};
use crate::worker::{apps, bindings};

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
    let store = bindings::directory(env).map_err(|error| error.to_string())?;
    let app = apps::find(&key.app_id, env).await?;
    let app = app.ok_or("the app is gone, and with it the keys of its store")?;
    if *awaited {
        // A node that still has media of it would bring it back.
        let give_up = RecorderRequest::Core(Request::GiveUp { sid: sid.clone() });
        let given_up = ask::<Recorder>(env, key, &give_up).await;
        given_up.map_err(|_| "its recorder did not answer".to_owned())?;
    }
    for place in places(&app, sid)? {
        if !clearing::empty(&place, env).await? {
            return Ok(Left::Some);
        }
    }
    let forgotten = store.delete_session(&key.app_id, sid).await;
    forgotten.map_err(|error| error.to_string())?;
    Ok(Left::Nothing)
}
