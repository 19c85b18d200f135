//! What nodes ask, by whichever way it comes. Whoever brings it has made sure of the node.

use protocol::{Heartbeat, HeartbeatAnswer, JobRequest, Refusal, Report, ReportAnswer};
use worker::Env;

use super::ask::ask;
use super::fleet::Fleet;
use super::recorder::{Recorder, Reply as RecorderReply, Request as RecorderRequest};
use crate::fleet;
use crate::recording::{JobText, Reply, Request};

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

pub(in crate::worker) fn unavailable() -> Refusal {
    Refusal::internal("the edge could not reach its objects; try again")
}
