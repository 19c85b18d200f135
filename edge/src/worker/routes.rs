//! Which part answers a request: the operator's API, the nodes', or the dialect.

use worker::{Env, console_error};

use super::bindings::{self, Misconfigured};
use super::{admin_questions, node_routes, objects, transport};
use crate::access::{Directory, DirectoryError};
use crate::dialect::agora;
use crate::http::{Request, Response};
use crate::recording::{Reply, Request as RecorderRequest};
use crate::{admin, http};

pub(super) async fn answer(request: &Request, env: &Env) -> Response {
    let answer = match request.path.as_str() {
        "/healthz" => health(env),
        path if path.starts_with("/node/v1/") => node_routes::answer(request, env).await,
        path if path == "/admin/v1" || path.starts_with("/admin/v1/") => operator(request, env).await,
        _ => customer(request, env).await,
    };
    answer.unwrap_or_else(|error| {
        console_error!("misconfigured: {error}");
        transport::message(500, "An unexpected error occurred")
    })
}

/// 200 when everything that requests need is configured; otherwise 503 with what is missing.
fn health(env: &Env) -> Result<Response, Misconfigured> {
    let check = || {
        bindings::seal_keys(env)?;
        bindings::admin_token(env)?;
        bindings::node_token(env)?;
        bindings::directory(env).map(drop)
    };
    Ok(match check() {
        Ok(()) => Response::json(200, &serde_json::json!({ "status": "ok" })),
        Err(error) => transport::message(503, &error.to_string()),
    })
}

async fn customer(request: &Request, env: &Env) -> Result<Response, Misconfigured> {
    let (store, keys) = (bindings::directory(env)?, bindings::seal_keys(env)?);
    let directory = Directory::new(&store, &keys);
    Ok(
        match agora::handle(
            request,
            &directory,
            bindings::targets(env),
            bindings::now_ms(),
            &bindings::entropy(),
        )
        .await
        {
            agora::Handled::Respond(response) => response,
            agora::Handled::Failed(error, response) => logged(&error, response),
            agora::Handled::Call(pending) => {
                let key = &pending.call.key;
                match objects::ask_recorder(env, key, &RecorderRequest::Call(pending.call.clone())).await {
                    Ok(Reply::Outcome(outcome)) => pending.render(&outcome),
                    Ok(_) | Err(_) => pending.unreachable(),
                }
            }
        },
    )
}

async fn operator(request: &Request, env: &Env) -> Result<Response, Misconfigured> {
    let (store, keys) = (bindings::directory(env)?, bindings::seal_keys(env)?);
    let token = bindings::admin_token(env)?;
    let directory = Directory::new(&store, &keys);
    Ok(
        match admin::handle(
            request,
            &token,
            &directory,
            bindings::targets(env),
            bindings::now_ms(),
            &bindings::entropy(),
        )
        .await
        {
            admin::Handled::Respond(response) => response,
            admin::Handled::Failed(error, response) => logged(&error, response),
            admin::Handled::Ask(question) => admin_questions::answer(question, &store, env).await,
        },
    )
}

fn logged(error: &DirectoryError, response: http::Response) -> http::Response {
    console_error!("{error}");
    response
}
