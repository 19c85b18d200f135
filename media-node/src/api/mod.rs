//! The control API of the node, over HTTP: jobs and desired states from the edge, rosters for recorders, health for whoever
//! watches the node. It translates between HTTP and the supervisor and decides nothing.

mod auth;
mod health;
mod metrics;
mod recordings;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use protocol::{Fault, MAX_MESSAGE_BYTES, Refusal, RefusalCode};

pub use auth::Callers;
pub use health::Health;

use crate::channel::{self, Registry};
use crate::rtc::{self, Rtc};
use crate::rtsp::Figures;
use crate::supervisor::Supervisor;

/// The whole API. `callers` may call all of `/v1`.
pub fn router(
    supervisor: Supervisor,
    health: Health,
    channels: Registry,
    rtsp: Figures,
    rtc: Option<Rtc>,
    callers: Callers,
) -> Router {
    let rosters = channel::routes(channels.clone());
    let rosters = rosters.layer(middleware::from_fn_with_state(callers.of_rosters(), auth::require));
    let v1 = Router::new()
        .route("/v1/recordings/{sid}", put(recordings::put).get(recordings::get))
        .route("/v1/recordings/{sid}/desired", post(recordings::desire))
        .with_state(supervisor.clone())
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .layer(middleware::from_fn_with_state(callers, auth::require))
        .merge(rosters);
    let open = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(health::ready))
        .with_state(health.clone());
    let scrape = metrics::Scrape {
        supervisor,
        channels,
        rtsp,
        rtc: rtc.clone(),
        health,
    };
    let observed = Router::new().route("/metrics", get(metrics::answer)).with_state(scrape);
    // Who may enter a channel is the channel server's to say.
    let sessions = rtc.map(rtc::routes).unwrap_or_default();
    open.merge(observed).merge(v1).merge(sessions)
}

/// Whether an API without a token would be open to other machines.
pub fn needs_token(listen: IpAddr) -> bool {
    !listen.is_loopback()
}

/// A refusal as the answer of a call.
struct Refused(Refusal);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}

impl Refused {
    fn bad_job(reason: String) -> Self {
        Self(Refusal {
            fault: Fault::Caller,
            code: RefusalCode::BadJob,
            reason,
        })
    }

    fn internal(reason: String) -> Self {
        Self(Refusal::internal(reason))
    }
}
