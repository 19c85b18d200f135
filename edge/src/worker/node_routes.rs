//! `/node/v1`: heartbeats, reports and requests for a job. Each is taken from the node alone that it names. What is refused
//! is answered with a `protocol::Refusal`.

use protocol::{Fault, Heartbeat, JobRequest, Refusal, RefusalCode, Report};
use serde::de::DeserializeOwned;
use worker::Env;

use super::bindings;
use super::objects::{Fleet, Node, Recorder, RecorderReply, RecorderRequest, ask};
use crate::fleet;
use crate::http::{Request, Response};
use crate::node::{self, Caller, Shown, unauthorized};
use crate::recording::{Reply, Request as CoreRequest};

pub(super) async fn answer(request: &Request, env: &Env) -> Response {
    let answered = match enter(request, env).await {
        Ok(caller) => route(&caller, request, env).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| refused(&refusal))
}

/// Who calls. A node's own token is checked before its message is read; with the shared one the message says whose it is.
async fn enter(request: &Request, env: &Env) -> Result<Caller, Refusal> {
    let shared = bindings::shared_node_token(env);
    let caller = Caller::read(request.headers.get("authorization"), shared.as_ref())?;
    if let Caller::Node { node_id, digest } = &caller {
        let digest = digest.clone();
        admit(node_id, Shown::Own { digest }, env).await?;
    }
    Ok(caller)
}

/// Lets a node in by what it has shown.
async fn admit(node_id: &str, shown: Shown, env: &Env) -> Result<(), Refusal> {
    match ask::<Node>(env, node_id, &node::Request::Admit(shown)).await {
        Ok(node::Reply::Admitted(admitted)) => admitted.map_err(|reason| unauthorized(&reason)),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

async fn route(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/node/v1/heartbeats") => heartbeat(caller, request, env).await,
        ("POST", "/node/v1/reports") => report(caller, request, env).await,
        ("POST", "/node/v1/jobs") => job(caller, request, env).await,
        _ => Err(refusal(
            RefusalCode::UnknownRecording,
            "there is nothing at this path for this method",
        )),
    }
}

/// A message that names its node, if the caller is that node.
async fn message<T: DeserializeOwned>(
    caller: &Caller,
    request: &Request,
    named: impl Fn(&T) -> &str,
    env: &Env,
) -> Result<T, Refusal> {
    let message: T = body(request)?;
    match caller.speaks_for(named(&message))? {
        Shown::Shared => admit(named(&message), Shown::Shared, env).await?,
        // Admitted when it entered.
        Shown::Own { .. } => {}
    }
    Ok(message)
}

async fn heartbeat(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let heartbeat: Heartbeat = message(caller, request, |heartbeat: &Heartbeat| &heartbeat.node_id, env).await?;
    match ask::<Fleet>(env, &(), &fleet::Request::Heartbeat(heartbeat)).await {
        Ok(fleet::Reply::Heartbeat(answer)) => Ok(Response::json(200, &answer?)),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

async fn report(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let report: Report = message(caller, request, |report: &Report| &report.node_id, env).await?;
    let key = report.recorder.clone();
    let request = RecorderRequest::Core(CoreRequest::Report(Box::new(report)));
    match ask::<Recorder>(env, &key, &request).await {
        Ok(RecorderReply::Core(Reply::Desired(answer))) => Ok(Response::json(200, &*answer)),
        Ok(_) | Err(_) => Err(unavailable()),
    }
}

async fn job(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let request: JobRequest = message(caller, request, |request: &JobRequest| &request.node_id, env).await?;
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
