//! What nodes ask, by whichever way it comes. Whoever brings it has made sure of the node.

use protocol::{EntryAnswer, EntryQuestion, Heartbeat, HeartbeatAnswer, JobRequest, Refusal, Report, ReportAnswer};
use worker::{Env, console_error};

use super::ask::ask;
use super::fleet::Fleet;
use super::recorder::{Recorder, Reply as RecorderReply, Request as RecorderRequest};
use crate::access::{self, Directory};
use crate::fleet;
use crate::recording::{JobText, Reply, Request};
use crate::worker::bindings;

pub(in crate::worker) async fn heartbeat(heartbeat: Heartbeat, env: &Env) -> Result<HeartbeatAnswer, Refusal> {
    match ask::<Fleet>(env, &(), &fleet::Request::Heartbeat(heartbeat)).await {
        Ok(fleet::Reply::Heartbeat(answer)) => answer,
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

pub(in crate::worker) async fn report(report: Box<Report>, env: &Env) -> Result<Box<ReportAnswer>, Refusal> {
    let key = report.recorder.clone();
    let request = RecorderRequest::Core(Request::Report(report));
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Desired(answer))) => Ok(answer),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

pub(in crate::worker) async fn job(request: JobRequest, env: &Env) -> Result<JobText, Refusal> {
    let key = request.recorder.clone();
    let request = RecorderRequest::Core(Request::Job(request));
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

pub(in crate::worker) fn unavailable() -> Refusal {
    Refusal::internal("the edge could not reach its objects; try again")
}
