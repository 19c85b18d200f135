//! Which part answers a request: the operator's API, the nodes', or the dialect. Each answer is counted.

use protocol::line;
use worker::{Context, Env, console_error};

use super::bindings::{self, Misconfigured};
use super::objects::counting;
use super::objects::{FleetOf, ask};
use super::{admin_questions, customers, files, node_routes, sessions, transport};
use crate::access::{Directory, DirectoryError};
use crate::dialect::{self, Routed};
use crate::handing::Handed;
use crate::http::{Request, Response};
use crate::metrics::Route;
use crate::{admin, fleet, http, rtc};

/// Whether a request's body has a file, which is not read at once.
pub(super) fn takes_file(request: &Request) -> bool {
    dialect::route(request).is_some_and(|routed| routed.takes_file())
}

/// `body`: the request whose body has not been read.
pub(super) async fn answer(request: &Request, body: Option<worker::Request>, env: &Env, context: &Context) -> Response {
    let (route, routed) = route(request);
    let answer = match (route, routed) {
        (_, Some(routed)) => customers::answer(routed, body, env, context).await,
        (Route::Health, None) => health(env),
        (Route::Metrics, None) => metrics(request, env).await,
        (
            Route::Heartbeat
            | Route::Report
            | Route::Job
            | Route::Entry
            | Route::Channels
            | Route::Follow
            | Route::Line
            | Route::Node,
            None,
        ) => Ok(node_routes::answer(request, env).await),
        (Route::Files, None) => match Handed::route(request) {
            Some(handed) => files::answer(&handed, env).await,
            None => Ok(dialect::no_route()),
        },
        (Route::Rtc, None) => Ok(sessions::answer(request, env).await),
        (Route::Admin, None) => operator(request, env).await,
        (Route::Customer(_) | Route::Listener | Route::Room | Route::Unrouted, None) => Ok(dialect::no_route()),
    };
    let response = answer.unwrap_or_else(|error| {
        console_error!("misconfigured: {error}");
        transport::message(500, "An unexpected error occurred")
    });
    counting::answered(route, response.status);
    response
}

/// Which part answers, and the request's place in a dialect if that does.
fn route(request: &Request) -> (Route, Option<Routed<'_>>) {
    let own = match request.path.as_str() {
        "/healthz" => Route::Health,
        "/metrics" => Route::Metrics,
        "/node/v1/heartbeats" => Route::Heartbeat,
        "/node/v1/reports" => Route::Report,
        "/node/v1/jobs" => Route::Job,
        "/node/v1/entries" => Route::Entry,
        line::PATH => Route::Line,
        path if rtc::is_path(path) => Route::Rtc,
        path if path.starts_with("/node/v1/") => Route::Node,
        path if path.starts_with("/files/v1/") => Route::Files,
        path if path == "/admin/v1" || path.starts_with("/admin/v1/") => Route::Admin,
        _ => {
            let routed = dialect::route(request);
            let route = routed.as_ref().map(Routed::method);
            return (route.map_or(Route::Unrouted, Route::Customer), routed);
        }
    };
    (own, None)
}

/// What this instance has counted is sent first, so that one that answers all requests misses none but this one.
async fn metrics(request: &Request, env: &Env) -> Result<Response, Misconfigured> {
    if let Err(response) = admin::enter(request, &bindings::admin_token(env)?) {
        return Ok(response);
    }
    if request.method != "GET" {
        return Ok(transport::message(405, "this path accepts GET").with_header("Allow", "GET"));
    }
    counting::send(env).await;
    Ok(match ask::<FleetOf>(env, &(), &fleet::Request::Metrics).await {
        Ok(fleet::Reply::Metrics(text)) => Response::text(200, "text/plain; version=0.0.4; charset=utf-8", text),
        Ok(_) | Err(_) => admin::failure(),
    })
}

/// 200 when everything that requests need is configured; otherwise 503 with what is missing.
fn health(env: &Env) -> Result<Response, Misconfigured> {
    let check = || {
        bindings::seal_keys(env)?;
        bindings::admin_token(env)?;
        bindings::directory(env).map(drop)
    };
    Ok(match check() {
        Ok(()) => Response::json(200, &serde_json::json!({ "status": "ok" })),
        Err(error) => transport::message(503, &error.to_string()),
    })
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
