//! An HTTP proxy that disturbs uploads and watches their order as the store sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pass,
    /// The connection is closed before anything is read.
    Refuse,
    /// The proxy answers for the store.
    Unavailable,
    /// Half of the request reaches the store.
    CutRequest,
    /// The store has it all, and its answer is lost.
    CutAnswer,
    Slow,
    /// The proxy answers that the bucket does not exist.
    MissingBucket,
}

pub(super) enum Disturbance {
    None,
    Random(u64),
    MissingBucket(u32),
}

impl Disturbance {
    pub(super) fn none() -> Self {
        Self::None
    }

    /// About two requests of five are disturbed.
    pub(super) fn random(seed: u64) -> Self {
        Self::Random(seed)
    }

    /// So many requests are refused.
    pub(super) fn missing_bucket(requests: u32) -> Self {
        Self::MissingBucket(requests)
    }

    fn next(&mut self) -> Fate {
        let state = match self {
            Self::None | Self::MissingBucket(0) => return Fate::Pass,
            Self::MissingBucket(left) => {
                *left -= 1;
                return Fate::MissingBucket;
            }
            Self::Random(state) => state,
        };
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        match (*state >> 33) % 13 {
            0 => Fate::Refuse,
            1 => Fate::Unavailable,
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
    pub(super) content_types: BTreeMap<String, String>,
    pub(super) violations: Vec<String>,
    pub(super) disturbed: usize,
}

pub(super) struct Proxy {
    pub(super) port: u16,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(super) async fn start(store: u16, mut disturbance: Disturbance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let fate = disturbance.next();
                if fate != Fate::Pass {
                    shared.lock().unwrap().disturbed += 1;
                }
                tokio::spawn(serve(client, store, fate, Arc::clone(&shared)));
            }
        });
        Self { port, seen, task }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

struct Request {
    name: String,
    /// Empty where none is told.
    content_type: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

/// One request on one connection.
async fn serve(mut client: TcpStream, store: u16, fate: Fate, seen: Arc<Mutex<Seen>>) -> io::Result<()> {
    if fate == Fate::Refuse {
        return Ok(());
    }
    let request = read(&mut client).await?;
    if fate == Fate::Unavailable {
        return client
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await;
    }
    if fate == Fate::MissingBucket {
        let error = "<Error><Code>NoSuchBucket</Code><Message>The bucket does not exist</Message></Error>";
        let answer = format!(
            "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{error}",
            error.len()
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", store)).await?;
    upstream.write_all(&request.head).await?;
    if fate == Fate::CutRequest {
        return upstream.write_all(&request.body[..request.body.len() / 2]).await;
    }
    note_arrival(&request, &seen);
    upstream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") && request.name.ends_with(".ts") {
        seen.lock().unwrap().slices.insert(request.name);
    }
    match fate {
        Fate::CutAnswer => return Ok(()),
        Fate::Slow => tokio::time::sleep(Duration::from_millis(400)).await,
        _ => {}
    }
    client.write_all(&answer).await
}

/// A playlist that reaches the store names only what the store has.
fn note_arrival(request: &Request, seen: &Mutex<Seen>) {
    let mut seen = seen.lock().unwrap();
    if !request.content_type.is_empty() {
        seen.content_types
            .insert(request.name.clone(), request.content_type.clone());
    }
    if request.name.ends_with(".m3u8") {
        for line in String::from_utf8_lossy(&request.body)
            .lines()
            .filter(|line| *line != "END")
        {
            if !seen.slices.contains(line) {
                seen.violations
                    .push(format!("{} names {line}, which is not up", request.name));
            }
        }
    }
}

async fn read(client: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    let header = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let (path, query) = {
        let target = head.split(' ').nth(1).unwrap();
        target.split_once('?').unwrap_or((target, ""))
    };
    // The parts of an object say nothing of its type.
    let is_part = query.contains("uploadId");
    let path = percent_decode_str(path).decode_utf8().unwrap().into_owned();
    Ok(Request {
        name: path.rsplit('/').next().unwrap().to_owned(),
        content_type: header("content-type").filter(|_| !is_part).unwrap_or_default(),
        // One request on each connection, so that each has a fate of its own.
        head: head.replacen("\r\n", "\r\nconnection: close\r\n", 1).into_bytes(),
        body,
    })
}
