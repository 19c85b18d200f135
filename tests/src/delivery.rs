//! What stands between a bucket and browsers: another origin, which reads with the bucket's keys, tells any page that it may
//! read what comes, and keeps what the store says about types and caching.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bucket::Bucket;

/// Listens on the loopback interface until it is dropped.
pub struct Delivery {
    origin: String,
    task: JoinHandle<()>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Delivery {
    pub async fn before(bucket: Bucket) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let app = Router::new().route("/{*key}", get(deliver)).with_state(bucket);
        Self {
            origin: format!("http://{address}"),
            task: tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") }),
        }
    }

    pub fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.origin)
    }
}

async fn deliver(State(bucket): State<Bucket>, Path(key): Path<String>, request: HeaderMap) -> Response {
    let Some(object) = bucket.get(&key).await else {
        return (StatusCode::NOT_FOUND, [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")]).into_response();
    };
    let tag = format!("\"{:x}\"", Sha256::digest(&object.data));
    let known = request.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let headers = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (CONTENT_TYPE, object.content_type.unwrap_or_default()),
        (CACHE_CONTROL, object.cache_control.unwrap_or_default()),
        (ETAG, tag),
    ];
    let data = Bytes::from(object.data);
    let asked = request
        .get(RANGE)
        .and_then(|range| part(range.to_str().ok()?, data.len()));
    match (known, asked) {
        (true, _) => (StatusCode::NOT_MODIFIED, headers).into_response(),
        (false, None) => (headers, data).into_response(),
        (false, Some((from, to))) => {
            let range = [(CONTENT_RANGE, format!("bytes {from}-{}/{}", to - 1, data.len()))];
            (StatusCode::PARTIAL_CONTENT, headers, range, data.slice(from..to)).into_response()
        }
    }
}

/// Where the part of a file of so many bytes begins and ends that a `Range` asks for.
fn part(range: &str, bytes: usize) -> Option<(usize, usize)> {
    let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from = from.parse().ok()?;
    let to = last
        .parse()
        .map_or(bytes, |last: usize| last.saturating_add(1).min(bytes));
    (from < to).then_some((from, to))
}
