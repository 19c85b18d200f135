//! A customer of the dialect whose recordings are told by GETs: it signs its calls with `md5sum` and sends them with `curl`, and has
//! a server that is told of files and checks the signatures of what it is told by `md5sum` too.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

/// The account that the stack has.
#[derive(Clone, Debug, Deserialize)]
pub struct Polyv {
    pub app_id: String,
    pub app_secret: String,
    pub user_id: String,
    pub channel_id: String,
}

impl Polyv {
    /// Calls the API as the vendor's sample in PHP does, everything in the query: the whole answer, which is 200 in HTTP and in itself.
    ///
    /// # Panics
    /// When it is not.
    pub async fn call(&self, edge: &str, method: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, body) = self.try_to_call(edge, method, path, params).await;
        assert_eq!(
            (status, body["code"].as_u64()),
            (200, Some(200)),
            "{method} {path}: {body}"
        );
        body
    }

    pub async fn try_to_call(&self, edge: &str, method: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let timestamp = now.expect("a clock").as_millis().to_string();
        let mut all = [&[("appId", self.app_id.as_str()), ("timestamp", &timestamp)], params].concat();
        all.sort_unstable();
        let text: String = all.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let secret = &self.app_secret;
        let sign = md5sum(&format!("{secret}{text}{secret}")).await.to_uppercase();
        all.push(("sign", &sign));
        let query: Vec<_> = all
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let url = format!("{edge}{path}?{}", query.join("&"));
        let output = Command::new("curl")
            .args([
                "--silent",
                "--noproxy",
                "*",
                "--request",
                method,
                "--write-out",
                "\n%{http_code}",
                &url,
            ])
            .output()
            .await
            .expect("curl runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {body}"));
        (status.parse().expect("a number"), body)
    }
}

/// By the program, which shares nothing with the server.
pub async fn md5sum(text: &str) -> String {
    let mut child = Command::new("md5sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("md5sum runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    String::from_utf8(output.stdout).expect("text")[..32].to_owned()
}

/// The parameters of the calls that have come.
type Calls = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

/// A server that is told of files. The first call that comes is answered with an error.
pub struct Told {
    address: SocketAddr,
    shared: Calls,
    task: JoinHandle<()>,
}

impl Told {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Calls::default();
        let router = Router::new().route("/told", get(told)).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/told?key=1", self.address)
    }

    /// The parameters of each call, in their order.
    pub fn calls(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.lock().expect("no panic while it was held").clone()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn told(State(shared): State<Calls>, RawQuery(query): RawQuery) -> StatusCode {
    let query = query.unwrap_or_default();
    let decode = |text: &str| percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let call = pairs.map(|(name, value)| (decode(name), decode(value))).collect();
    let mut calls = shared.lock().expect("no panic while it was held");
    calls.push(call);
    match calls.len() {
        1 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    }
}
