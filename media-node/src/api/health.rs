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
    /// The node is shutting down: its recordings go to other nodes, and it takes no more.
    pub draining: watch::Receiver<bool>,
}

/// The answer of `/readyz`: 200 when everything is `true` that is not null, and the node is not shutting down.
#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    spool_writable: bool,
    rtsp_listening: bool,
    rtmp_listening: Option<bool>,
    edge_heard: Option<bool>,
    draining: bool,
}

pub(super) async fn ready(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let probe = health.spool.join(".writable");
    let readiness = Readiness {
        spool_writable: tokio::fs::write(&probe, b"").await.is_ok(),
        rtsp_listening: *health.rtsp_listening.borrow(),
        rtmp_listening: (!health.rtmp_listening.is_empty())
            .then(|| health.rtmp_listening.iter().all(|listening| *listening.borrow())),
        edge_heard: health.edge_heard.as_ref().map(|heard| *heard.borrow()),
        draining: *health.draining.borrow(),
    };
    let listens = readiness.rtsp_listening && readiness.rtmp_listening != Some(false);
    let ready = readiness.spool_writable && listens && readiness.edge_heard != Some(false) && !readiness.draining;
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(readiness),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_shuts_down_is_not_ready() {
        let dir = tempfile::tempdir().unwrap();
        let (draining, told) = watch::channel(false);
        let health = Health {
            node_id: "n".to_owned(),
            spool: dir.path().to_owned(),
            rtsp_listening: watch::channel(true).1,
            rtmp_listening: Vec::new(),
            edge_heard: Some(watch::channel(true).1),
            draining: told,
        };
        assert_eq!(ready(State(health.clone())).await.0, StatusCode::OK);
        draining.send_replace(true);
        assert_eq!(ready(State(health)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
