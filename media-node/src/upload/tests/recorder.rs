//! A store that keeps each request as it came over the line and answers as a store would.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::request::Request;

pub(super) struct Recorder {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
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
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn serve(mut client: TcpStream, seen: Arc<Mutex<Vec<Request>>>) -> io::Result<()> {
    loop {
        let request = Request::read(&mut client).await?;
        let answer = answer(&request);
        seen.lock().unwrap().push(request);
        client.write_all(answer.as_bytes()).await?;
    }
}

fn answer(request: &Request) -> String {
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
