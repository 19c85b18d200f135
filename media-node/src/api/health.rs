use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;

/// What readiness is made of.
#[derive(Clone)]
pub struct Health {
    pub node_id: String,
    pub spool: PathBuf,
    pub rtsp_listening: watch::Receiver<bool>,
    /// For each address that is listened on; none where nothing is published by RTMP.
    pub rtmp_listening: Vec<watch::Receiver<bool>>,
    /// Whether the edge answered the last heartbeat; absent without an edge.
    pub edge_heard: Option<watch::Receiver<bool>>,
}

/// The answer of `/readyz`: 200 when everything is `true` that is not null.
#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    spool_writable: bool,
    rtsp_listening: bool,
    rtmp_listening: Option<bool>,
    edge_heard: Option<bool>,
}

pub(super) async fn ready(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let probe = health.spool.join(".writable");
    let readiness = Readiness {
        spool_writable: tokio::fs::write(&probe, b"").await.is_ok(),
        rtsp_listening: *health.rtsp_listening.borrow(),
        rtmp_listening: (!health.rtmp_listening.is_empty())
            .then(|| health.rtmp_listening.iter().all(|listening| *listening.borrow())),
        edge_heard: health.edge_heard.as_ref().map(|heard| *heard.borrow()),
    };
    let listens = readiness.rtsp_listening && readiness.rtmp_listening != Some(false);
    let ready = readiness.spool_writable && listens && readiness.edge_heard != Some(false);
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(readiness),
    )
}
