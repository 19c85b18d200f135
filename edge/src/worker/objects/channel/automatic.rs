//! The start of a channel's automatic recording: as a customer's call, by the app's own setting.

use worker::{Env, console_error};

use crate::access::{App as AppSettings, Directory, Method};
use crate::app::{self, Admit, Denial, Reservation, Room};
use crate::channel::{Begun, ChannelKey};
use crate::dialect::{Dialect, StartTerms};
use crate::recording::{Call, Command, Outcome, Reply, Request};
use crate::worker::bindings;
use crate::worker::objects::app_of::AppOf;
use crate::worker::objects::ask::ask;
use crate::worker::objects::recorder::{Recorder, Reply as RecorderReply, Request as RecorderRequest};

pub(super) async fn begin(channel: &ChannelKey, env: &Env) -> Begun {
    match try_to(channel, env).await {
        Ok(begun) => begun,
        Err(reason) => {
            let ChannelKey { app_id, channel } = channel;
            console_error!("channel {channel} of app {app_id} is not recorded automatically yet: {reason}");
            Begun::Failed
        }
    }
}

async fn try_to(channel: &ChannelKey, env: &Env) -> Result<Begun, String> {
    let Some(app) = settings(&channel.app_id, env).await? else {
        return Ok(Begun::Unwanted);
    };
    let (Some(automatic), Some(dialect)) = (&app.automatic, Dialect::named(&app.dialect)) else {
        return Ok(Begun::Unwanted);
    };
    let terms = StartTerms {
        targets: bindings::targets(env),
        now_ms: bindings::now_ms(),
        entropy: &bindings::entropy(),
    };
    let call = match dialect.automatic(automatic, &channel.channel, &app, terms) {
        Ok(call) => call,
        // No other try can be better: the channel has a name that the dialect does not take.
        Err(reason) => {
            console_error!(
                "channel {} of app {} is never recorded: {reason}",
                channel.channel,
                channel.app_id
            );
            return Ok(Begun::Unwanted);
        }
    };
    reserve(&call, &app, env).await?;
    start(call, env).await
}

/// The app, if it is in use.
pub(super) async fn settings(app_id: &str, env: &Env) -> Result<Option<AppSettings>, String> {
    let store = bindings::directory(env).map_err(|error| error.to_string())?;
    let keys = bindings::seal_keys(env).map_err(|error| error.to_string())?;
    let app = Directory::new(&store, &keys).app(app_id).await;
    let app = app.map_err(|error| error.to_string())?;
    Ok(app.filter(|app| !app.disabled))
}

/// Takes a place among the app's recordings, as each start does.
async fn reserve(call: &Call, app: &AppSettings, env: &Env) -> Result<(), String> {
    let Command::Start(start) = &call.command else {
        return Err("the dialect made no start of it".to_owned());
    };
    let reservation = Reservation {
        sid: start.sid.clone(),
        nonce: start.ticket.nonce.clone(),
        key: call.key.clone(),
        mode: start.spec.mode,
    };
    let admit = Admit {
        method: Method::Start,
        limits: app.limits,
        room: Room::Taken(Box::new(reservation)),
    };
    match ask::<AppOf>(env, &app.app_id, &app::Request::Admit(admit)).await {
        Ok(app::Reply::Verdict(verdict)) => match verdict.denial {
            None => Ok(()),
            Some(Denial::TooManyRequests) => Err("the app has had as many starts as it may in this second".to_owned()),
            Some(Denial::NoRoom { recordings }) => Err(format!(
                "{recordings} recordings of the app are running, which is all that it may have"
            )),
        },
        // As for customers: nodes take no more than they can.
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn start(call: Call, env: &Env) -> Result<Begun, String> {
    let (key, command) = (call.key.clone(), call.command.clone());
    let request = RecorderRequest::Core(Request::Call(call));
    let outcome = match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Outcome(outcome))) => *outcome,
        Ok(_) | Err(_) => return Err("its recorder did not answer".to_owned()),
    };
    let sid = match outcome {
        Outcome::Started { sid } => return Ok(Begun::Runs { sid }),
        Outcome::AlreadyStarted { sid } | Outcome::Conflict { sid } => Ok(Begun::Runs { sid }),
        Outcome::Refused(refusal) => Err(refusal.reason),
        other => Err(format!("its recorder answered {other:?}")),
    };
    if let Command::Start(start) = command {
        // What gets lost here lapses by itself.
        let _ = ask::<AppOf>(env, &key.app_id, &app::Request::Release { sid: start.sid }).await;
    }
    sid
}
