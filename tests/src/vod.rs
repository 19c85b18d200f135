//! Alibaba Cloud's video-on-demand service and its store, as far as an upload meets them: an HTTP server that checks each
//! call and each object as the real ones do. The vendor's own clients, which `scripts/setup` installs, work with it, and
//! what is changed on the way is refused.

mod calls;
mod rpc;
mod signatures;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The customer's keys, and the only names that the account knows.
pub const ACCESS_KEY: &str = "LTAI5tFakeAccessKeyId";
pub const SECRET_KEY: &str = "fake/Secret+of=the~account";
pub const TEMPLATE_GROUP: &str = "6d53a9d2c5f5f9ba4b8a1e6d53a9d2c5";
pub const STORAGE_LOCATION: &str = "outin-0123456789ab.oss-cn-shanghai.aliyuncs.com";
pub const BUCKET: &str = "outin-0123456789ab";
/// The service's region.
pub const REGION: &str = "cn-shanghai";

/// Listens on the loopback interface until it is dropped.
pub struct Service {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// A video that was made.
#[derive(Clone, Debug)]
pub struct Video {
    pub id: String,
    /// What the call that made it said of it, by the names of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where its playlist, or its file, belongs.
    pub file_name: String,
    /// What stands in front of its slices' names.
    pub object_prefix: String,
}

/// An object that the store has confirmed.
#[derive(Clone, Debug)]
pub struct Stored {
    pub content_type: String,
    pub data: Vec<u8>,
}

/// An answer that was not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The action of a call; `PUT` and the like of the store.
    pub what: String,
    pub code: String,
}

#[derive(Default)]
struct Shared(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    key_life: Duration,
    videos: Vec<Video>,
    keys: Vec<Key>,
    objects: BTreeMap<String, Stored>,
    /// The keys of confirmed objects, repeats included.
    order: Vec<String>,
    parts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    nonces: Vec<String>,
    calls: Vec<String>,
    refused: Vec<Refused>,
    /// What calls of an action are answered, whatever they say.
    failing: BTreeMap<String, (u16, String)>,
    numbers: u64,
}

/// Keys for one video.
struct Key {
    id: String,
    secret: String,
    token: String,
    ends: Instant,
    video: usize,
}

impl Service {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::<Shared>::default();
        shared.lock().key_life = Duration::from_secs(3_000);
        let app = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state((Arc::clone(&shared), address));
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("it serves");
        });
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets how long keys are good that are given from here on.
    pub fn let_keys_live(&self, life: Duration) {
        self.shared.lock().key_life = life;
    }

    /// Ends all keys that were given.
    pub fn end_keys(&self) {
        for key in &mut self.shared.lock().keys {
            key.ends = Instant::now();
        }
    }

    /// Answers each call of the action with this error from here on.
    pub fn fail(&self, action: &str, status: u16, code: &str) {
        let failing = &mut self.shared.lock().failing;
        failing.insert(action.to_owned(), (status, code.to_owned()));
    }

    pub fn recover(&self) {
        self.shared.lock().failing.clear();
    }

    /// The videos in the order of their making.
    pub fn videos(&self) -> Vec<Video> {
        self.shared.lock().videos.clone()
    }

    /// The keys of confirmed objects in the order of their confirmation, repeats included.
    pub fn confirmed(&self) -> Vec<String> {
        self.shared.lock().order.clone()
    }

    pub fn object(&self, key: &str) -> Option<Stored> {
        self.shared.lock().objects.get(key).cloned()
    }

    /// The actions of the calls that were taken, in order.
    pub fn calls(&self) -> Vec<String> {
        self.shared.lock().calls.clone()
    }

    pub fn refused(&self) -> Vec<Refused> {
        self.shared.lock().refused.clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic holds it")
    }
}

impl Inner {
    /// Another text each time.
    fn unique(&mut self, length: usize) -> String {
        self.numbers += 1;
        let spread = |round: u64| (self.numbers + round * 0x1_0001).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let digits: String = (0..)
            .map(|round| format!("{:016x}", spread(round)))
            .take(length / 16 + 1)
            .collect();
        digits[..length].to_owned()
    }
}

/// A request as it came.
struct Request {
    method: Method,
    /// As sent.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// Empty where there is none.
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

async fn answer(
    State((shared, address)): State<(Arc<Shared>, SocketAddr)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    };
    let inner = &mut *shared.lock();
    if request.path == "/" {
        calls::answer(inner, address, &request)
    } else {
        store::answer(inner, &request)
    }
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", content_type)], body).into_response()
}
