//! A node without a line: it calls the edge, and the edge calls it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{post, put};
use axum::{Json, Router};
use protocol::{Desired, Heartbeat, Job, Report, ReportAnswer};
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use super::{CALL_LIMIT, Shared};

pub(super) struct Http {
    client: Client,
    edge: String,
    token: String,
    /// Where the edge can reach it.
    pub(super) url: String,
}

impl Http {
    pub(super) async fn to(edge: &str, token: &str) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let http = Self {
            client: Client::builder().no_proxy().build().expect("an HTTP client"),
            edge: edge.to_owned(),
            token: token.to_owned(),
            url: format!("http://{}", listener.local_addr().expect("a bound address")),
        };
        (http, listener)
    }

    pub(super) async fn beat(&self, heartbeat: &Heartbeat) {
        let _: Option<serde_json::Value> = self.call("heartbeats", heartbeat).await;
    }

    pub(super) async fn report(&self, report: &Report) -> Option<ReportAnswer> {
        self.call("reports", report).await
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Option<T> {
        let url = format!("{}/node/v1/{path}", self.edge);
        let request = self.client.post(url).bearer_auth(&self.token).timeout(CALL_LIMIT);
        request.json(body).send().await.ok()?.json().await.ok()
    }
}

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let app = Router::new()
        .route("/v1/recordings/{sid}", put(take))
        .route("/v1/recordings/{sid}/desired", post(order))
        .with_state(shared);
    axum::serve(listener, app).await.expect("it serves");
}

async fn take(State(shared): State<Arc<Shared>>, Json(job): Json<Job>) -> Json<Report> {
    Json(shared.take(job).await)
}

async fn order(
    State(shared): State<Arc<Shared>>,
    Path(sid): Path<String>,
    Json(desired): Json<Desired>,
) -> Json<Report> {
    Json(shared.follow(&sid, &desired))
}
