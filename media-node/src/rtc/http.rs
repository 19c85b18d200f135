//! The same calls at the node's own address, for installations without an edge.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use protocol::{RtcCall, Secret};

use super::Rtc;
use super::offer::MAX_OFFER_BYTES;

/// `/whip`, `/whep`, and the sessions that begin there.
pub fn routes(rtc: Rtc) -> Router {
    Router::new()
        .route("/whip/{*rest}", any(answer))
        .route("/whep/{*rest}", any(answer))
        .route("/rtc/v1/sessions/{*rest}", any(answer))
        .layer(DefaultBodyLimit::max(MAX_OFFER_BYTES))
        .with_state(rtc)
}

async fn answer(State(rtc): State<Rtc>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_OFFER_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name: HeaderName| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
    let source = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let call = RtcCall {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: Secret::new(parts.uri.query().unwrap_or_default()),
        authorization: header(AUTHORIZATION).map(Secret::new),
        content_type: header(CONTENT_TYPE),
        if_match: header(IF_MATCH),
        body: String::from_utf8_lossy(&body).into_owned(),
        source: source.map(|ConnectInfo(peer)| peer.ip()),
    };
    let reply = rtc.answer(&call).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let response = response.body(Body::from(reply.body));
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
