//! A store that keeps each request as it came over the line and answers as a store would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) method: String,
    /// Percent-encoded, as sent.
    pub(super) path: String,
    /// What stands behind `?`, as sent.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            path,
            query,
            headers,
            body,
        } = self;
        write!(f, "{method} {path}?{query} {headers:?} with {} bytes", body.len())
    }
}

impl Recorded {
    /// Empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(super) struct Recorder {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Recorded>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self { port, seen, task }
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn serve(mut client: TcpStream, seen: Arc<Mutex<Vec<Recorded>>>) -> io::Result<()> {
    loop {
        let request = read(&mut client).await?;
        let answer = answer(&request);
        seen.lock().unwrap().push(request);
        client.write_all(answer.as_bytes()).await?;
    }
}

fn answer(request: &Recorded) -> String {
    let (status, body) = match (request.method.as_str(), request.query.as_str()) {
        ("POST", "uploads" | "uploads=") => (
            "200 OK",
            "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>UP1</UploadId></InitiateMultipartUploadResult>",
        ),
        ("POST", _) => (
            "200 OK",
            "<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
        ),
        // Azure's answer to all that makes something; the others do not mind.
        ("PUT", query) if request.headers.contains_key("x-ms-version") || query.contains("comp=") => {
            ("201 Created", "")
        }
        ("DELETE", _) if request.headers.contains_key("x-ms-version") => ("202 Accepted", ""),
        ("DELETE", _) => ("204 No Content", ""),
        _ => ("200 OK", ""),
    };
    format!(
        "HTTP/1.1 {status}\r\netag: \"e\"\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn read(client: &mut TcpStream) -> io::Result<Recorded> {
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
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Recorded {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}
