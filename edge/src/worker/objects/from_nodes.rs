//! What nodes ask, by whichever way it comes. Whoever brings it has made sure of the node.

use protocol::{
    EntryAnswer, EntryQuestion, Heartbeat, HeartbeatAnswer, JobRequest, RecorderKey, Refusal, Report, ReportAnswer,
    RoomNews,
};
use worker::{Env, console_error};

use super::ask::{ask, unavailable};
use super::fleet_of::FleetOf;
use super::recorder::{Recorder, Reply as RecorderReply, Request as RecorderRequest};
use super::room_of::RoomOf;
use crate::access::{self, Directory};
use crate::fleet;
use crate::recording::{JobText, Lost, Missing, Reply, Request};
use crate::room;
use crate::worker::bindings;

pub(in crate::worker) async fn heartbeat(heartbeat: Heartbeat, env: &Env) -> Result<HeartbeatAnswer, Refusal> {
    beat(&fleet::Request::Heartbeat(heartbeat), env).await
}

/// As [`heartbeat`], of a node whose line vouches for it from then on.
pub(in crate::worker) async fn vouched(heartbeat: Heartbeat, env: &Env) -> Result<HeartbeatAnswer, Refusal> {
    beat(&fleet::Request::Vouched(heartbeat), env).await
}

/// Vouches for a node that the fleet knows, or tells it all of it. What does not arrive is made good by the next time.
pub(in crate::worker) async fn vouch(heartbeat: Heartbeat, env: &Env) {
    let node_id = heartbeat.node_id.clone();
    let answer = ask::<FleetOf>(env, &(), &fleet::Request::Alive { node_id }).await;
    if let Ok(fleet::Reply::Alive { known: false }) = answer {
        // A refusal is told when the node sends its next beat.
        let _ = vouched(heartbeat, env).await;
    }
}

/// Nobody vouches for the node any more. What does not arrive is made good by time.
pub(in crate::worker) async fn absent(node_id: String, env: &Env) {
    let _ = ask::<FleetOf>(env, &(), &fleet::Request::Absent { node_id }).await;
}

async fn beat(request: &fleet::Request, env: &Env) -> Result<HeartbeatAnswer, Refusal> {
    match ask::<FleetOf>(env, &(), request).await {
        Ok(fleet::Reply::Heartbeat(answer)) => answer,
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

/// `line`: the number of the line that it has come over, if that has a lease.
pub(in crate::worker) async fn report(
    report: Box<Report>,
    line: Option<u64>,
    env: &Env,
) -> Result<Box<ReportAnswer>, Refusal> {
    let key = report.recorder.clone();
    let request = RecorderRequest::Core(Request::Report { report, line });
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Desired(answer))) => Ok(answer),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

/// `line`: as for [`report`].
pub(in crate::worker) async fn job(request: JobRequest, line: Option<u64>, env: &Env) -> Result<JobText, Refusal> {
    let key = request.recorder.clone();
    let request = RecorderRequest::Core(Request::Job { request, line });
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Job(job))) => job,
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

pub(in crate::worker) async fn entry(question: &EntryQuestion, env: &Env) -> Result<EntryAnswer, Refusal> {
    let misconfigured = |error: bindings::Misconfigured| {
        console_error!("misconfigured: {error}");
        unavailable()
    };
    let store = bindings::directory(env).map_err(misconfigured)?;
    let keys = bindings::seal_keys(env).map_err(misconfigured)?;
    let app = Directory::new(&store, &keys).app(&question.app_id).await;
    let app = app.map_err(|error| {
        console_error!("{error}");
        unavailable()
    })?;
    Ok(access::enter(app.as_ref(), question, bindings::now_ms()))
}

/// What has happened at a node to a room's connections. A room that is not there has nothing to hear.
pub(in crate::worker) async fn room(node_id: String, news: RoomNews, env: &Env) -> Result<(), Refusal> {
    let RoomNews {
        app_id,
        room_id,
        events,
        unshown,
    } = news;
    // An object of another name is no room's.
    if room::ids::number_of(&room_id).is_none() {
        return Ok(());
    }
    let question = room::Question {
        room_id: room_id.clone(),
        app_id,
        request: room::Request::News {
            node_id,
            events,
            unshown,
        },
    };
    match ask::<RoomOf>(env, &room_id, &question).await {
        Ok(_) => Ok(()),
        Err(_) => Err(unavailable()),
    }
}

/// Tells a recorder that a node's lease is over. False when it has to be told again.
pub(in crate::worker) async fn lost(recorder: &RecorderKey, lost: Lost, env: &Env) -> bool {
    let request = RecorderRequest::Core(Request::Lost(lost));
    matches!(
        ask::<Recorder>(env, recorder, &request).await,
        Ok(RecorderReply::Core(Reply::Noted))
    )
}

/// Tells a recorder that a node does not name a recording. Returns whether the recorder takes it to be there; `None` when it has to
/// be told again.
pub(in crate::worker) async fn missing(recorder: &RecorderKey, missing: Missing, env: &Env) -> Option<bool> {
    let request = RecorderRequest::Core(Request::Missing(missing));
    match ask::<Recorder>(env, recorder, &request).await {
        Ok(RecorderReply::Core(Reply::Missed { is_with_node })) => Some(is_with_node),
        _ => None,
    }
}
