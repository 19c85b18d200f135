//! An HTTP proxy that disturbs uploads and watches their order as the store sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::request::Request;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pass,
    /// The connection is closed before anything is read.
    Refuse,
    /// Half of the request reaches the store.
    CutRequest,
    /// The store has it all, and its answer is lost.
    CutAnswer,
    Slow,
    /// The proxy answers with this error of S3's.
    Answer(Answer),
}

/// An error as S3 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) code: &'static str,
    /// The header of that name; empty for none.
    pub(super) date: &'static str,
}

impl Answer {
    pub(super) const MISSING_BUCKET: Self = Self::new("404 Not Found", "NoSuchBucket");
    pub(super) const UNAVAILABLE: Self = Self::new("503 Service Unavailable", "ServiceUnavailable");

    pub(super) const fn new(status: &'static str, code: &'static str) -> Self {
        Self { status, code, date: "" }
    }
}

pub(super) enum Disturbance {
    None,
    Random(u64),
    Answers(Answer, u32),
}

impl Disturbance {
    pub(super) fn none() -> Self {
        Self::None
    }

    /// About two requests of five are disturbed.
    pub(super) fn random(seed: u64) -> Self {
        Self::Random(seed)
    }

    /// So many requests are answered so.
    pub(super) fn answers(answer: Answer, requests: u32) -> Self {
        Self::Answers(answer, requests)
    }

    fn next(&mut self) -> Fate {
        let state = match self {
            Self::None | Self::Answers(_, 0) => return Fate::Pass,
            Self::Answers(answer, left) => {
                *left -= 1;
                return Fate::Answer(*answer);
            }
            Self::Random(state) => state,
        };
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        match (*state >> 33) % 13 {
            0 => Fate::Refuse,
            1 => Fate::Answer(Answer::UNAVAILABLE),
            2 => Fate::CutRequest,
            3 | 4 => Fate::CutAnswer,
            5 => Fate::Slow,
            _ => Fate::Pass,
        }
    }
}

/// What the proxy has seen.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Names of the slices that the store has confirmed.
    slices: BTreeSet<String>,
    /// Type and caching of each object, by its name.
    pub(super) headers: BTreeMap<String, [String; 2]>,
    pub(super) violations: Vec<String>,
    pub(super) disturbed: usize,
}

pub(super) struct Proxy {
    pub(super) port: u16,
    disturbance: Arc<Mutex<Disturbance>>,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(super) async fn start(store: u16, disturbance: Disturbance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let disturbance = Arc::new(Mutex::new(disturbance));
        let (shared, fates) = (Arc::clone(&seen), Arc::clone(&disturbance));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let fate = fates.lock().unwrap().next();
                if fate != Fate::Pass {
                    shared.lock().unwrap().disturbed += 1;
                }
                tokio::spawn(serve(client, store, fate, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            disturbance,
            seen,
            task,
        }
    }

    /// From the next request on.
    pub(super) fn disturb(&self, disturbance: Disturbance) {
        *self.disturbance.lock().unwrap() = disturbance;
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// One request on one connection.
async fn serve(mut client: TcpStream, store: u16, fate: Fate, seen: Arc<Mutex<Seen>>) -> io::Result<()> {
    if fate == Fate::Refuse {
        return Ok(());
    }
    let request = Request::read(&mut client).await?;
    if let Fate::Answer(Answer { status, code, date }) = fate {
        let date = match date {
            "" => String::new(),
            date => format!("date: {date}\r\n"),
        };
        let error = format!("<Error><Code>{code}</Code><Message>said by a test</Message></Error>");
        let answer = format!(
            "HTTP/1.1 {status}\r\n{date}content-length: {}\r\nconnection: close\r\n\r\n{error}",
            error.len()
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", store)).await?;
    // One request on each connection, so that each has a fate of its own.
    let head = request.head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).await?;
    if fate == Fate::CutRequest {
        return upstream.write_all(&request.body[..request.body.len() / 2]).await;
    }
    let name = note_arrival(&request, &seen);
    upstream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") && request.method == "PUT" && name.ends_with(".ts") {
        seen.lock().unwrap().slices.insert(name);
    }
    match fate {
        Fate::CutAnswer => return Ok(()),
        Fate::Slow => tokio::time::sleep(Duration::from_millis(400)).await,
        _ => {}
    }
    client.write_all(&answer).await
}

/// A playlist that reaches the store names only what the store has. Returns the object's name.
fn note_arrival(request: &Request, seen: &Mutex<Seen>) -> String {
    let path = percent_decode_str(&request.path).decode_utf8().unwrap();
    let name = path.rsplit('/').next().unwrap().to_owned();
    let mut seen = seen.lock().unwrap();
    let headers = ["content-type", "cache-control"].map(|header| request.header(header).to_owned());
    // The parts of an object say nothing of its type.
    if !headers[0].is_empty() && !request.query.contains("uploadId") {
        seen.headers.insert(name.clone(), headers);
    }
    let digest = STANDARD.encode(Md5::digest(&request.body));
    if request.method == "PUT" && request.header("content-md5") != digest {
        let what = format!("{name} comes without its Content-MD5, which buckets with a retention ask for");
        seen.violations.push(what);
    }
    if name.ends_with(".m3u8") {
        let text = String::from_utf8_lossy(&request.body);
        for line in text.lines().filter(|line| *line != "END") {
            if !seen.slices.contains(line) {
                seen.violations.push(format!("{name} names {line}, which is not up"));
            }
        }
    }
    name
}
