//! `/node/v1`: lines, and for nodes without one heartbeats, reports and requests for a job. Each is taken from the node alone that it names. What is refused
//! is answered with a `protocol::Refusal`.

use protocol::line::{self, Identity};
use protocol::{Fault, Heartbeat, JobRequest, Refusal, RefusalCode, Report};
use serde::de::DeserializeOwned;
use worker::Env;

use super::bindings;
use super::objects::{Node, ask, from_nodes};
use crate::http::{Request, Response};
use crate::node::{self, Caller, Shown, unauthorized};

pub(super) async fn answer(request: &Request, env: &Env) -> Response {
    let answered = match enter(request, env).await {
        Ok(caller) => route(&caller, request, env).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| refused(&refusal))
}

/// The node that opens its line with this request, or the answer in the place of a line.
pub(super) async fn line(request: &Request, env: &Env) -> Result<String, Response> {
    admit_line(request, env).await.map_err(|refusal| refused(&refusal))
}

async fn admit_line(request: &Request, env: &Env) -> Result<String, Refusal> {
    let caller = enter(request, env).await?;
    let node_id = request.query_value(line::NODE_PARAMETER).unwrap_or_default();
    if node_id.is_empty() || node_id.len() > Identity::MAX_BYTES {
        let reason = "the query names no node: open the line at ?node=<the node's id>";
        return Err(refusal(RefusalCode::BadJob, reason));
    }
    speak(&caller, &node_id, env).await?;
    Ok(node_id)
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
        Ok(_) | Err(_) => Err(from_nodes::unavailable()),
    }
}

async fn route(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/node/v1/heartbeats") => heartbeat(caller, request, env).await,
        ("POST", "/node/v1/reports") => report(caller, request, env).await,
        ("POST", "/node/v1/jobs") => job(caller, request, env).await,
        ("GET", line::PATH) => Ok(no_upgrade()),
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
    speak(caller, named(&message), env).await?;
    Ok(message)
}

/// Lets the caller speak for this node, if it may.
async fn speak(caller: &Caller, node_id: &str, env: &Env) -> Result<(), Refusal> {
    match caller.speaks_for(node_id)? {
        Shown::Shared => admit(node_id, Shown::Shared, env).await,
        // Admitted when it entered.
        Shown::Own { .. } => Ok(()),
    }
}

async fn heartbeat(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let heartbeat: Heartbeat = message(caller, request, |heartbeat: &Heartbeat| &heartbeat.node_id, env).await?;
    let answer = from_nodes::heartbeat(heartbeat, env).await?;
    Ok(Response::json(200, &answer))
}

async fn report(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let report: Report = message(caller, request, |report: &Report| &report.node_id, env).await?;
    let answer = from_nodes::report(Box::new(report), None, env).await?;
    Ok(Response::json(200, &*answer))
}

async fn job(caller: &Caller, request: &Request, env: &Env) -> Result<Response, Refusal> {
    let request: JobRequest = message(caller, request, |request: &JobRequest| &request.node_id, env).await?;
    let job = from_nodes::job(request, None, env).await?;
    Ok(Response::text(
        200,
        "application/json; charset=utf-8",
        job.as_str().to_owned(),
    ))
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

fn no_upgrade() -> Response {
    let reason = "this path takes a WebSocket, and the request asks for none: a proxy in front of the edge has to pass on the \
                  header `Upgrade`";
    Response::json(426, &refusal(RefusalCode::BadJob, reason)).with_header("Upgrade", "websocket")
}

fn refused(refusal: &Refusal) -> Response {
    Response::json(refusal.code.http_status(), refusal)
}
