//! Recordings over HTTP: jobs and desired states come in, reports go out.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use protocol::{Desired, Job, Report};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Refused;
use crate::supervisor::Supervisor;

/// For how long the answer to a desired state is held back.
#[derive(Deserialize)]
pub(super) struct Wait {
    #[serde(default)]
    wait_ms: u64,
}

pub(super) async fn put(
    State(supervisor): State<Supervisor>,
    Path(sid): Path<String>,
    body: Bytes,
) -> Result<Json<Report>, Refused> {
    let job: Job = parse(&body)?;
    if job.sid != sid {
        return Err(Refused::bad_job("the job's sid is not that of the path".to_owned()));
    }
    // The job goes on when the caller does not wait for the answer.
    let answer = tokio::spawn(async move { supervisor.put(job).await });
    match answer.await {
        Ok(answer) => answer.map(Json).map_err(Refused),
        Err(error) => Err(Refused::internal(error.to_string())),
    }
}

pub(super) async fn get(
    State(supervisor): State<Supervisor>,
    Path(sid): Path<String>,
) -> Result<Json<Report>, Refused> {
    supervisor.report(&sid).map(Json).map_err(Refused)
}

pub(super) async fn desire(
    State(supervisor): State<Supervisor>,
    Path(sid): Path<String>,
    Query(wait): Query<Wait>,
    body: Bytes,
) -> Result<Json<Report>, Refused> {
    let desired: Desired = parse(&body)?;
    let wait = Duration::from_millis(wait.wait_ms);
    supervisor.desire(&sid, desired, wait).await.map(Json).map_err(Refused)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad_job(format!("the body cannot be read: {error}")))
}
