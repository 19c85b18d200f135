//! The shell: the only folder that knows Cloudflare. It turns the runtime's requests into plain ones and back, reads
//! bindings and secrets, keeps the objects' states in their storage, and carries out effects. It decides nothing.

mod admin_questions;
mod apps;
mod bindings;
mod customers;
mod files;
mod kv;
mod lines;
mod listeners;
mod live_channels;
mod node_routes;
mod nodes;
mod objects;
mod outbound;
mod pieces;
mod rooms;
mod routes;
mod sessions;
mod transport;
mod uploads;
mod webhooks;

use worker::{Context, Env, Request, Response, event};

use crate::metrics::Route;
use objects::counting;

/// Carries a name that a customer can quote, on every response.
const REQUEST_ID: &str = "X-Request-Id";

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    if lines::is_opened(&request) {
        return lines::answer(request, &env).await;
    }
    if let Some(room_id) = rooms::opened(&request) {
        return rooms::answer(&room_id, request, &env).await;
    }
    if let Some(record_id) = uploads::opened(&request) {
        return uploads::answer(&record_id, request, &env).await;
    }
    if listeners::is_opened(&request) {
        return listeners::answer(request, &env).await;
    }
    let response = match transport::read(request, routes::takes_file).await {
        Ok((request, body)) => routes::answer(&request, body, &env, &context).await,
        Err(response) => {
            counting::answered(Route::Unrouted, response.status);
            response
        }
    };
    if let Some(sending) = counting::sending(&env) {
        context.wait_until(sending);
    }
    transport::write(response.with_header(REQUEST_ID, &bindings::request_id()))
}
