//! `/node/v1`: heartbeats, reports and requests for a job, from nodes that show the node token. What is refused is
//! answered with a `protocol::Refusal`.

use protocol::{Fault, Heartbeat, JobRequest, Refusal, RefusalCode, Report};
use serde::de::DeserializeOwned;
use worker::Env;

use super::bindings::{self, Misconfigured};
use super::objects::{Fleet, Recorder, RecorderReply, RecorderRequest, ask};
use crate::access::same_secret;
use crate::fleet;
use crate::http::{Request, Response};
use crate::recording::{Reply, Request as CoreRequest};

pub(super) async fn answer(request: &Request, env: &Env) -> Result<Response, Misconfigured> {
    let token = bindings::node_token(env)?;
    let shown = request
        .headers
        .get("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    if !shown.is_some_and(|shown| same_secret(shown.trim(), token.expose())) {
        return Ok(refused(&refusal(
            RefusalCode::Unauthorized,
            "the node token is wrong or missing",
        )));
    }
    let answer = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/node/v1/heartbeats") => heartbeat(request, env).await,
        ("POST", "/node/v1/reports") => report(request, env).await,
        ("POST", "/node/v1/jobs") => job(request, env).await,
        _ => Err(refusal(
            RefusalCode::UnknownRecording,
            "there is nothing at this path for this method",
        )),
    };
    Ok(answer.unwrap_or_else(|refusal| refused(&refusal)))
}

async fn heartbeat(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let heartbeat: Heartbeat = body(request)?;
    match ask::<Fleet>(env, &(), &fleet::Request::Heartbeat(heartbeat)).await {
        Ok(fleet::Reply::Heartbeat(answer)) => Ok(Response::json(200, &answer?)),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

async fn report(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let report: Report = body(request)?;
    let key = report.recorder.clone();
    let request = RecorderRequest::Core(CoreRequest::Report(Box::new(report)));
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Desired(answer))) => Ok(Response::json(200, &*answer)),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

async fn job(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let request: JobRequest = body(request)?;
    let key = request.recorder.clone();
    let request = RecorderRequest::Core(CoreRequest::Job(request));
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Job(job))) => Ok(Response::text(
            200,
            "application/json; charset=utf-8",
            job?.as_str().to_owned(),
        )),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|error| refusal(RefusalCode::BadJob, &format!("the body cannot be read: {error}")))
}

fn refusal(code: RefusalCode, reason: &str) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code,
        reason: reason.to_owned(),
    }
}

fn unavailable() -> Refusal {
    let reason = "the edge could not reach its objects; try again".to_owned();
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason,
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.code {
        RefusalCode::BadJob => 400,
        RefusalCode::Unauthorized => 401,
        RefusalCode::UnknownRecording => 404,
        RefusalCode::StaleEpoch => 409,
        RefusalCode::StorageUnusable => 422,
        RefusalCode::NoCapacity | RefusalCode::Draining => 503,
        RefusalCode::Internal | RefusalCode::Unknown => 500,
    };
    Response::json(status, refusal)
}
