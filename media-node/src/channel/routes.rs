use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use protocol::Roster;
use serde::Deserialize;

use super::Registry;

/// Longest time a call is held back; a longer wish is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// `GET /v1/channels/{app}/{channel}?version=&wait_ms=`: the channel's [`Roster`]. With `version`, the version that the caller
/// knows, it answers at the next change or after `wait_ms`; without it, at once. Whoever mounts this checks the bearer token.
pub fn routes(registry: Registry) -> Router {
    Router::new()
        .route("/v1/channels/{app}/{channel}", get(roster))
        .with_state(registry)
}

#[derive(Deserialize)]
struct Wait {
    version: Option<u64>,
    #[serde(default)]
    wait_ms: u64,
}

async fn roster(
    State(registry): State<Registry>,
    Path((app, channel)): Path<(String, String)>,
    Query(wait): Query<Wait>,
) -> Json<Roster> {
    let Some(known) = wait.version else {
        return Json(registry.snapshot(&app, &channel));
    };
    let timeout = Duration::from_millis(wait.wait_ms).min(MAX_WAIT);
    Json(registry.wait(&app, &channel, known, timeout).await)
}
