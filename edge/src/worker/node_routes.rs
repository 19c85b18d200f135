//! `/node/v1`: lines, and for nodes without one heartbeats, reports and requests for a job, from whoever shows the node token.
//! What is refused is answered with a `protocol::Refusal`.

use protocol::{Fault, Refusal, RefusalCode, line};
use serde::de::DeserializeOwned;
use worker::Env;

use super::bindings::{self, Misconfigured};
use super::objects::from_nodes;
use crate::access::same_secret;
use crate::http::{Request, Response};

pub(super) async fn answer(request: &Request, env: &Env) -> Result<Response, Misconfigured> {
    if let Err(refusal) = enter(request, env)? {
        return Ok(refused(&refusal));
    }
    if (request.method.as_str(), request.path.as_str()) == ("GET", line::PATH) {
        return Ok(Response::json(426, &no_upgrade()).with_header("Upgrade", "websocket"));
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

/// The node that opens its line with this request, or the answer in the place of a line.
pub(super) fn line(request: &Request, env: &Env) -> Result<Result<String, Response>, Misconfigured> {
    let admitted = enter(request, env)?.and_then(|()| {
        let node_id = request.query_value(line::NODE_PARAMETER);
        let node_id = node_id.filter(|node_id| !node_id.is_empty());
        let missing = || {
            refusal(
                RefusalCode::BadJob,
                "the query names no node: open the line at ?node=<the node's id>",
            )
        };
        node_id.ok_or_else(missing)
    });
    Ok(admitted.map_err(|refusal| refused(&refusal)))
}

/// Refused is who does not show the node token.
fn enter(request: &Request, env: &Env) -> Result<Result<(), Refusal>, Misconfigured> {
    let token = bindings::node_token(env)?;
    let shown = request.headers.get("authorization");
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    Ok(match shown {
        Some(shown) if same_secret(shown.trim(), token.expose()) => Ok(()),
        _ => Err(refusal(RefusalCode::Unauthorized, "the node token is wrong or missing")),
    })
}

async fn heartbeat(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let answer = from_nodes::heartbeat(body(request)?, env).await?;
    Ok(Response::json(200, &answer))
}

async fn report(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let answer = from_nodes::report(body(request)?, env).await?;
    Ok(Response::json(200, &*answer))
}

async fn job(request: &Request, env: &Env) -> Result<Response, Refusal> {
    let job = from_nodes::job(body(request)?, env).await?;
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

fn no_upgrade() -> Refusal {
    let reason = "this path takes a WebSocket, and the request asks for none: a proxy in front of the edge has to pass on the \
                  header `Upgrade`";
    refusal(RefusalCode::BadJob, reason)
}

fn refused(refusal: &Refusal) -> Response {
    Response::json(from_nodes::status(refusal.code), refusal)
}
