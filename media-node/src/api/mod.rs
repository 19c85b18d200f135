//! The control API of the node, over HTTP: jobs and desired states from the edge, rosters for recorders, health for whoever
//! watches the node. It translates between HTTP and the supervisor and decides nothing.

mod auth;
mod health;
mod recordings;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use protocol::{Fault, Refusal, RefusalCode, Secret};

pub use health::Health;

use crate::supervisor::Supervisor;

/// A job names at most some thousand streams.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The whole API. `channels` are the routes of the channel rosters; like all of `/v1` they ask for the node token. Without
/// a token everybody may call.
pub fn router(supervisor: Supervisor, health: Health, channels: Router, token: Option<Secret>) -> Router {
    let v1 = Router::new()
        .route("/v1/recordings/{sid}", put(recordings::put).get(recordings::get))
        .route("/v1/recordings/{sid}/desired", post(recordings::desire))
        .with_state(supervisor)
        .merge(channels)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(token, auth::require));
    let open = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(health::ready))
        .with_state(health);
    open.merge(v1)
}

/// Whether an API without a token would be open to other machines.
pub fn needs_token(listen: IpAddr) -> bool {
    !listen.is_loopback()
}

/// A refusal as the answer of a call.
struct Refused(Refusal);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (status(self.0.code), Json(self.0)).into_response()
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
        Self(Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason,
        })
    }
}

fn status(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::BadJob => StatusCode::BAD_REQUEST,
        RefusalCode::Unauthorized => StatusCode::UNAUTHORIZED,
        RefusalCode::UnknownRecording => StatusCode::NOT_FOUND,
        RefusalCode::StaleEpoch => StatusCode::CONFLICT,
        RefusalCode::StorageUnusable => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalCode::NoCapacity | RefusalCode::Draining => StatusCode::SERVICE_UNAVAILABLE,
        RefusalCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
