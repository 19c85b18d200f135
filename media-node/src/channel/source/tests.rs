//! The sources against servers: the node's own roster route, and a MediaMTX that answers as its API is documented.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::StreamName;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::channel::{Limits, Listing, Registry, StreamPath, routes};

/// No step takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Served {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(router: Router) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    Served {
        url,
        task: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
    }
}

async fn next(source: &mut RosterSource) -> Result<Roster, RosterError> {
    tokio::time::timeout(PATIENCE, source.next())
        .await
        .expect("an answer in time")
}

fn uids(roster: &Roster) -> Vec<&str> {
    roster.users.iter().map(|user| user.uid.as_str()).collect()
}

/// The roster route as a node mounts it, behind a bearer token.
async fn node(registry: &Registry) -> (Served, NodeAddresses) {
    async fn check(request: Request, next: Next) -> Response {
        match request.headers().get(header::AUTHORIZATION) {
            Some(value) if value == "Bearer node-token" => next.run(request).await,
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
    let served = serve(routes(registry.clone()).layer(middleware::from_fn(check))).await;
    let addresses = NodeAddresses {
        rtsp: "rtsp://node:8554".into(),
        roster: served.url.clone(),
        node_token: Secret::new("node-token"),
        roster_key: None,
        play_key: Some(Secret::new("play")),
        passes: Passes::default(),
    };
    (served, addresses)
}

fn publish(registry: &Registry, uid: &str) -> Listing {
    let path = StreamPath {
        app: "a b".into(),
        channel: "r/1".into(),
        uid: uid.into(),
        stream: StreamName::Camera,
    };
    registry.publish(&path, path.url("rtsp://inside:1"), 7).unwrap()
}

const BUILTIN: Source = Source::Builtin {
    rtsp: None,
    roster: None,
};

#[tokio::test]
async fn the_builtin_source_follows_the_registry() {
    let registry = Registry::new(Limits::default(), 1);
    let _alice = publish(&registry, "alice");
    let (served, addresses) = node(&registry).await;
    let mut source = RosterSource::new(&BUILTIN, "a b", "r/1", &addresses).unwrap();
    let first = next(&mut source).await.unwrap();
    assert_eq!(uids(&first), ["alice"]);
    assert_eq!(first.users[0].streams[0].url, "rtsp://node:8554/a%20b/r%2F1/alice");
    assert_eq!(source.credentials("alice").unwrap().password.expose(), "play");

    // Between two calls and during one.
    let bob = publish(&registry, "bob");
    assert_eq!(uids(&next(&mut source).await.unwrap()), ["alice", "bob"]);
    let (roster, ()) = tokio::join!(next(&mut source), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(bob);
    });
    assert_eq!(uids(&roster.unwrap()), ["alice"]);

    // A call that was dropped half-way is made up for by the next.
    let dropped = tokio::time::timeout(Duration::from_millis(50), source.next()).await;
    assert!(dropped.is_err(), "nothing changed");
    let _carol = publish(&registry, "carol");
    assert_eq!(uids(&next(&mut source).await.unwrap()), ["alice", "carol"]);
    drop(served);
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_an_error_and_no_empty_channel() {
    let registry = Registry::new(Limits::default(), 1);
    let (served, addresses) = node(&registry).await;
    let stranger = NodeAddresses {
        node_token: Secret::new("wrong"),
        ..addresses.clone()
    };
    let mut source = RosterSource::new(&BUILTIN, "a", "r", &stranger).unwrap();
    let error = next(&mut source).await.unwrap_err();
    assert!(
        matches!(error, RosterError::Unauthorized { status: 401, .. }),
        "{error}"
    );

    let elsewhere = NodeAddresses {
        roster: format!("{}/nothing", addresses.roster),
        ..addresses.clone()
    };
    let mut source = RosterSource::new(&BUILTIN, "a", "r", &elsewhere).unwrap();
    let started = Instant::now();
    assert!(matches!(
        next(&mut source).await.unwrap_err(),
        RosterError::Unauthorized { .. } | RosterError::Status { .. }
    ));
    assert!(next(&mut source).await.is_err());
    assert!(started.elapsed() >= FIRST_RETRY, "a retry waits");

    drop(served);
    let mut source = RosterSource::new(&BUILTIN, "a", "r", &addresses).unwrap();
    // The listener closes when its task has been aborted.
    let unreachable = async {
        loop {
            if let Err(RosterError::Unreachable { .. }) = source.next().await {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, unreachable).await.unwrap();
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let endless = || async {
        let parts = futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 16]));
        axum::body::Body::from_stream(parts)
    };
    let served = serve(Router::new().fallback(endless)).await;
    let addresses = NodeAddresses {
        roster: served.url.clone(),
        ..NodeAddresses::default()
    };
    let mut source = RosterSource::new(&BUILTIN, "a", "r", &addresses).unwrap();
    assert!(matches!(next(&mut source).await, Err(RosterError::TooLarge { .. })));
}

#[test]
fn an_address_that_is_none_is_refused_without_its_secrets() {
    for roster in [
        "node:8788",
        "rtsp://node",
        "http://me:hunter2@node:8788",
        "me:hunter2@http://",
    ] {
        let addresses = NodeAddresses {
            roster: roster.into(),
            ..NodeAddresses::default()
        };
        let error = RosterSource::new(&BUILTIN, "a", "r", &addresses)
            .err()
            .unwrap()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// A MediaMTX control API: its paths, whether it is broken, and its login.
#[derive(Clone, Default)]
struct Mtx {
    paths: Arc<Mutex<Vec<Value>>>,
    broken: Arc<Mutex<bool>>,
    login: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    page: Option<usize>,
    items_per_page: Option<usize>,
}

impl Mtx {
    fn path(name: &str, ready_time: Option<&str>) -> Value {
        json!({
            "name": name, "confName": "all_others", "source": {"type": "rtspSession", "id": "0b1f"},
            "ready": ready_time.is_some(), "readyTime": ready_time, "tracks": ["H264", "MPEG-4 Audio"],
            "bytesReceived": 1, "bytesSent": 0, "readers": [],
        })
    }

    fn set(&self, paths: Vec<Value>) {
        *self.paths.lock().unwrap() = paths;
    }

    async fn serve(&self) -> Served {
        serve(
            Router::new()
                .route("/v3/paths/list", get(Self::list))
                .with_state(self.clone()),
        )
        .await
    }

    async fn list(State(mtx): State<Self>, Query(paging): Query<Paging>, headers: HeaderMap) -> Response {
        if let Some(login) = mtx.login {
            let wanted = format!("Basic {}", STANDARD.encode(login));
            if headers.get(header::AUTHORIZATION).is_none_or(|value| *value != wanted) {
                return (StatusCode::UNAUTHORIZED, Json(json!({"error": "authentication error"}))).into_response();
            }
        }
        if *mtx.broken.lock().unwrap() {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "internal"}))).into_response();
        }
        let paths = mtx.paths.lock().unwrap();
        let size = paging.items_per_page.unwrap_or(100);
        if size == 0 {
            return (
                StatusCode::BAD_REQUEST,
                Json(json!({"error": "invalid items per page"})),
            )
                .into_response();
        }
        let items: Vec<&Value> = paths.iter().skip(paging.page.unwrap_or(0) * size).take(size).collect();
        let pages = paths.len().div_ceil(size);
        Json(json!({"itemCount": paths.len(), "pageCount": pages, "items": items})).into_response()
    }
}

fn mediamtx(api: &str, credentials: Option<&str>) -> RosterSource {
    let source = Source::Mediamtx {
        api: api.to_owned(),
        rtsp: "rtsp://mtx:8554".to_owned(),
        credentials: credentials.map(Secret::new),
        path: "{app}/{channel}".to_owned(),
    };
    RosterSource::new(&source, "app", "room", &NodeAddresses::default()).unwrap()
}

#[tokio::test]
async fn the_mediamtx_source_follows_its_list_over_pages_and_failures() {
    let mtx = Mtx::default();
    // More than one page of other channels' paths in front.
    let mut paths: Vec<Value> = (0..1_500)
        .map(|n| Mtx::path(&format!("app/other/{n}"), Some("2024-03-01T09:00:00Z")))
        .collect();
    paths.push(Mtx::path("app/room/42", Some("2024-03-01T09:00:01.25Z")));
    paths.push(Mtx::path("app/room/43", None));
    mtx.set(paths.clone());
    let served = mtx.serve().await;
    let mut source = mediamtx(&served.url, None);
    let first = next(&mut source).await.unwrap();
    assert_eq!(uids(&first), ["42"]);
    assert_eq!(first.users[0].joined_at_ms, 1_709_283_601_250);
    assert_eq!(first.users[0].streams[0].url, "rtsp://mtx:8554/app/room/42");

    *mtx.broken.lock().unwrap() = true;
    assert!(matches!(
        next(&mut source).await,
        Err(RosterError::Status { status: 500, .. })
    ));
    *mtx.broken.lock().unwrap() = false;
    paths.pop();
    paths.push(Mtx::path("app/room/43", Some("2024-03-01T09:00:02Z")));
    mtx.set(paths);
    let second = next(&mut source).await.unwrap();
    assert_eq!(uids(&second), ["42", "43"]);
    assert_ne!(second.version, first.version);

    let started = Instant::now();
    assert_eq!(next(&mut source).await.unwrap(), second, "nothing changed");
    assert!(
        started.elapsed() >= MAX_WAIT - Duration::from_secs(2),
        "it answered before it had to"
    );
}

#[tokio::test]
async fn the_mediamtx_source_logs_in() {
    let mtx = Mtx {
        login: Some("me:pass:word"),
        ..Mtx::default()
    };
    mtx.set(vec![Mtx::path("app/room/42", Some("2024-03-01T09:00:01Z"))]);
    let served = mtx.serve().await;
    let mut right = mediamtx(&served.url, Some("me:pass:word"));
    assert_eq!(uids(&next(&mut right).await.unwrap()), ["42"]);
    let login = right.credentials("42").unwrap();
    assert_eq!((login.username.as_str(), login.password.expose()), ("me", "pass:word"));
    let error = next(&mut mediamtx(&served.url, Some("me:wrong"))).await.unwrap_err();
    assert!(matches!(error, RosterError::Unauthorized { .. }), "{error}");
}

#[test]
fn retries_slow_down_to_a_limit() {
    let delays: Vec<u64> = (0..7)
        .map(|n| u64::try_from(retry_delay(n).as_millis()).unwrap())
        .collect();
    assert_eq!(delays, [250, 500, 1000, 2000, 4000, 5000, 5000]);
    assert_eq!(retry_delay(u32::MAX), LAST_RETRY);
}
