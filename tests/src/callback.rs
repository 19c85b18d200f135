//! A customer's server for callbacks: it checks each signature as the vendor's documents do, and can fail, hang and go away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How a server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mood {
    /// How many of a hundred requests are answered with 500, before or after the event has been taken.
    pub fails: u64,
    /// How many of a hundred requests are not answered.
    pub hangs: u64,
}

/// One request that was taken.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub notice_id: String,
    pub body: Value,
}

/// Listens on the loopback interface until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    secret: String,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    mood: Mood,
    requests: u64,
    arrivals: Vec<Arrival>,
    /// Requests whose signature was wrong.
    forged: Vec<String>,
}

impl Server {
    pub async fn start(secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let mut server = Self {
            address,
            secret: secret.to_owned(),
            shared: Arc::default(),
            task: None,
        };
        server.serve(listener);
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?key=hunter2", self.address)
    }

    pub fn behave(&self, mood: Mood) {
        self.shared.lock().mood = mood;
    }

    /// Stops listening.
    pub async fn go_away(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free");
        self.serve(listener);
    }

    /// What has been taken, repeats included, in the order of its arrival.
    ///
    /// # Panics
    /// When a signature was wrong.
    pub fn arrivals(&self) -> Vec<Arrival> {
        let inner = self.shared.lock();
        assert!(inner.forged.is_empty(), "wrong signatures: {:?}", inner.forged);
        inner.arrivals.clone()
    }

    /// The sequence numbers by sid, in the order of their first arrival.
    pub fn sequences(&self) -> BTreeMap<String, Vec<u64>> {
        let mut sequences = BTreeMap::<String, Vec<u64>>::new();
        for arrival in self.arrivals() {
            let payload = &arrival.body["payload"];
            let sid = payload["sid"].as_str().expect("a sid").to_owned();
            let number = payload["sequence"].as_u64().expect("a sequence number");
            assert_eq!(arrival.notice_id, format!("{sid}:{number}"), "one id for each event");
            let numbers = sequences.entry(sid).or_default();
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        sequences
    }

    fn serve(&mut self, listener: TcpListener) {
        let state = (Arc::clone(&self.shared), self.secret.clone());
        let app = Router::new().route("/hook", post(take)).with_state(state);
        self.task = Some(tokio::spawn(async move {
            axum::serve(listener, app).await.expect("it serves");
        }));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic holds it")
    }
}

async fn take(
    State((shared, secret)): State<(Arc<Shared>, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let (dice, mood) = {
        let mut inner = shared.lock();
        inner.requests += 1;
        // Spread over the hundred without a pattern that fits the retries.
        (inner.requests.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32, inner.mood)
    };
    let (chance, taken_anyway) = (dice % 100, dice / 100 % 2 == 0);
    let fails = chance < mood.fails;
    let hangs = !fails && chance < mood.fails + mood.hangs;
    if !(fails || hangs) || taken_anyway {
        note(&shared, &secret, &headers, &body);
    }
    if hangs {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    if fails {
        return (StatusCode::INTERNAL_SERVER_ERROR, "{}");
    }
    (StatusCode::OK, "{}")
}

fn note(shared: &Shared, secret: &str, headers: &HeaderMap, body: &[u8]) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut sha1 = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any key");
    sha1.update(body);
    let mut sha256 = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    sha256.update(body);
    let signed = text("agora-signature") == Some(&hex::encode(sha1.finalize().into_bytes()))
        && text("agora-signature-v2") == Some(&hex::encode(sha256.finalize().into_bytes()))
        && text("content-type") == Some("application/json");
    let mut inner = shared.lock();
    if !signed {
        inner.forged.push(String::from_utf8_lossy(body).into_owned());
        return;
    }
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let notice_id = body["noticeId"].as_str().expect("an id").to_owned();
    inner.arrivals.push(Arrival { notice_id, body });
}
