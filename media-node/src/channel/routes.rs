use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use protocol::Roster;
use serde::Deserialize;

use super::Registry;

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
    let held_back = Duration::from_millis(wait.wait_ms);
    Json(registry.roster(&app, &channel, wait.version, held_back).await)
}
