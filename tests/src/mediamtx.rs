//! The control API of a MediaMTX server, as those answer that know paths which are always available. What it lists is served by a camera.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running API; dropped, it ends.
pub struct Mediamtx {
    pub url: String,
    paths: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

struct Server {
    /// What the header `Authorization` has to be.
    wanted: String,
    paths: Arc<Mutex<Vec<Value>>>,
}

impl Mediamtx {
    /// `login`: `user:password`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(login: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let paths = Arc::new(Mutex::new(Vec::new()));
        let server = Arc::new(Server {
            wanted: format!("Basic {}", STANDARD.encode(login)),
            paths: paths.clone(),
        });
        let app = Router::new().route("/v3/paths/list", get(list)).with_state(server);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, paths, task }
    }

    /// What it lists from now on.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the list.
    pub fn set(&self, paths: Vec<Value>) {
        *self.paths.lock().expect("a list") = paths;
    }
}

impl Drop for Mediamtx {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A path that can be read, and since when somebody publishes to it; without that the server shows a picture of its own.
pub fn path(name: &str, online: Option<&str>) -> Value {
    let available = "2024-03-01T09:00:01.123456789+01:00";
    json!({
        "name": name, "confName": "~^rooms/", "source": online.map(|_| json!({ "type": "rtspSession", "id": "0b1f" })),
        "ready": true, "readyTime": available, "available": true, "availableTime": available,
        "online": online.is_some(), "onlineTime": online,
        "tracks": ["H264", "MPEG-4 Audio"], "tracks2": [{ "codec": "H264" }, { "codec": "MPEG-4 Audio" }],
        "readers": [], "inboundBytes": 1, "outboundBytes": 0, "inboundFramesInError": 0, "bytesReceived": 1, "bytesSent": 0,
    })
}

async fn list(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|value| *value != server.wanted)
    {
        let body = json!({ "status": "error", "error": "authentication error" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    // All are on the first page.
    let items = server.paths.lock().expect("a list").clone();
    Json(json!({ "itemCount": items.len(), "pageCount": 1, "items": items })).into_response()
}
