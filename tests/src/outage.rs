//! A store that does not work for a while: a TCP proxy in front of it that can be told to refuse.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to one address. Once dropped, it refuses them.
pub struct Proxy {
    pub address: SocketAddr,
    mood: Arc<watch::Sender<Mood>>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What becomes of connections.
#[derive(Clone, Debug, PartialEq)]
enum Mood {
    Passed,
    Cut,
    /// Requests are taken and never answered.
    Stalled,
    /// Each request has this answer.
    Answered(String),
}

impl Proxy {
    /// Listens on a free port of the loopback interface in front of `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::at(listener, target)
    }

    /// Takes what comes to this listener.
    pub fn at(listener: TcpListener, target: SocketAddr) -> Self {
        let address = listener.local_addr().expect("a bound address");
        let mood = Arc::new(watch::Sender::new(Mood::Passed));
        let accepting = tokio::spawn(accept(listener, target, mood.clone()));
        Self {
            address,
            mood,
            accepting,
        }
    }

    /// Listens in front of the server at `http://host:port`.
    pub async fn before(endpoint: &str) -> Self {
        Self::start(address(endpoint)).await
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts each connection, those that are open included, until [`Self::restore`].
    pub fn refuse(&self) {
        self.mood.send_replace(Mood::Cut);
    }

    /// Takes requests and answers none, until [`Self::restore`].
    pub fn stall(&self) {
        self.mood.send_replace(Mood::Stalled);
    }

    /// Answers each request from here on as a store with S3's interface does when it refuses.
    pub fn answer(&self, status: &str, code: &str) {
        let body = format!("<Error><Code>{code}</Code><Message>said by a test</Message></Error>");
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.mood.send_replace(Mood::Answered(head + &body));
    }

    pub fn restore(&self) {
        self.mood.send_replace(Mood::Passed);
    }
}

/// The address of a server at `scheme://host:port`.
///
/// # Panics
/// When it names none.
pub fn address(endpoint: &str) -> SocketAddr {
    let target = endpoint.split_once("://").and_then(|(_, target)| target.parse().ok());
    target.unwrap_or_else(|| panic!("no address: {endpoint}"))
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, moods: Arc<watch::Sender<Mood>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut moods = moods.subscribe();
        tokio::spawn(async move {
            let mood = moods.borrow_and_update().clone();
            tokio::select! {
                _ = moods.changed() => {}
                () = serve(client, target, mood) => {}
            }
        });
    }
}

/// How a connection ends is its two ends' business.
async fn serve(mut client: TcpStream, target: SocketAddr, mood: Mood) {
    match mood {
        Mood::Cut => {}
        Mood::Stalled => {
            let _ = copy(&mut client, &mut sink()).await;
        }
        Mood::Passed => {
            if let Ok(mut server) = TcpStream::connect(target).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }
        Mood::Answered(answer) => {
            if read_request(&mut client).await.is_ok() {
                let _ = client.write_all(answer.as_bytes()).await;
            }
        }
    }
}

/// All of it, so that the client is ready to listen.
async fn read_request(client: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Ok(());
            }
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_u8(7).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn cuts_and_restores() {
        let proxy = Proxy::start(echo().await).await;
        let mut open = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut open).await.unwrap(), 7);
        proxy.refuse();
        assert!(ask(&mut open).await.is_err(), "an open connection is cut");
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert!(ask(&mut new).await.is_err(), "a new one as well");
        proxy.restore();
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut new).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn stalls() {
        let proxy = Proxy::start(echo().await).await;
        proxy.stall();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        let patience = std::time::Duration::from_millis(200);
        let asked = tokio::time::timeout(patience, ask(&mut stream)).await;
        assert!(asked.is_err(), "it answers nothing, and hangs up on nobody: {asked:?}");
        proxy.restore();
        assert!(ask(&mut stream).await.is_err(), "what was begun is cut");
    }

    #[tokio::test]
    async fn answers_for_the_store() {
        let proxy = Proxy::start(echo().await).await;
        proxy.answer("503 Service Unavailable", "SlowDown");
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        let request = b"PUT /b/k HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.contains("<Code>SlowDown"),
            "{answer}"
        );
    }
}
