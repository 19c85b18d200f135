//! A customer of the UPRTC dialect, and a client of rooms that signals as docs/rooms.md says, without media.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::customer::{IDLE_CONNECTION, send};

const FRAME_LIMIT: Duration = Duration::from_secs(30);

/// What `stack.json` says of the app.
#[derive(Clone, Debug, Deserialize)]
pub struct UprtcInfo {
    pub app_id: String,
    pub app_secret: String,
    pub server_alias: String,
}

/// Who calls.
pub struct Uprtc {
    client: Client,
    edge: String,
    pub info: UprtcInfo,
}

impl Uprtc {
    pub fn new(edge: &str, info: &UprtcInfo) -> Self {
        let client = Client::builder()
            .no_proxy()
            .pool_idle_timeout(IDLE_CONNECTION)
            .redirect(reqwest::redirect::Policy::none());
        Self {
            client: client.build().expect("a client"),
            edge: edge.to_owned(),
            info: info.clone(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}/uprtc/api/v2{path}", self.edge));
        request.header("authorization", format!("key={}", self.info.app_secret))
    }

    /// The whole answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        send(request).await.expect(200).body
    }

    /// The data of a success.
    ///
    /// # Panics
    /// When it is none.
    pub async fn done(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer["code"], 0, "{path}: {answer}");
        answer["data"].clone()
    }

    /// An answer that is not read.
    pub async fn get_raw(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("the edge answers")
    }
}

/// A socket at the URL of a server.
async fn connect(url: &str) -> WebSocketStream<TcpStream> {
    let address: Url = url.parse().expect("a URL");
    let host = address.host_str().expect("a host").to_owned();
    let port = address.port_or_known_default().expect("a port");
    let stream = TcpStream::connect((host, port)).await.expect("the edge is there");
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a socket");
    socket
}

/// The next text of a socket, as JSON; `None` when it is closed.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        let message = timeout(FRAME_LIMIT, socket.next()).await.expect("a frame in time");
        match message? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("JSON")),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// A client that sends a file of its own.
pub struct UploadClient {
    socket: WebSocketStream<TcpStream>,
}

impl UploadClient {
    /// # Panics
    /// When the socket does not open.
    pub async fn open(url: &str) -> Self {
        Self {
            socket: connect(url).await,
        }
    }

    /// # Panics
    /// When the socket is not open.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = self.socket.send(Message::binary(bytes.to_vec())).await;
        sent.expect("the socket is open");
    }

    /// # Panics
    /// When the socket is not open.
    pub async fn say(&mut self, frame: &Value) {
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.expect("the socket is open");
    }

    /// The next frame; `None` when the socket is closed.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Option<Value> {
        next(&mut self.socket).await
    }
}

/// A client of a room.
pub struct RoomClient {
    socket: WebSocketStream<TcpStream>,
}

impl RoomClient {
    /// Opens a socket at the URL of a server with the number or the id of a room behind it.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn open(url: &str) -> Self {
        Self {
            socket: connect(url).await,
        }
    }

    /// A frame as it is, whatever it is.
    ///
    /// # Panics
    /// When the socket is not open.
    pub async fn say_raw(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket is open");
    }

    pub async fn say(&mut self, frame: &Value) {
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.expect("the socket is open");
    }

    /// False when the socket is not open any more.
    pub async fn try_say(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text.to_owned())).await.is_ok()
    }

    /// Joins, and returns the answer.
    pub async fn join(&mut self, peer_id: &str) -> Value {
        self.say(&json!({ "t": "join", "id": 1, "peerId": peer_id })).await;
        self.next().await.expect("an answer")
    }

    /// The next frame; `None` when the socket is closed.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Option<Value> {
        next(&mut self.socket).await
    }

    /// The next frame of a kind; others are passed over.
    pub async fn await_frame(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.expect("an open socket");
            if frame["t"] == kind {
                return frame;
            }
        }
    }

    /// Waits until the other side closes the socket, and returns its code.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn closed(&mut self, limit: Duration) -> Option<u16> {
        let closed = timeout(limit, async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        });
        closed.await.expect("the socket is closed in time")
    }

    /// Whether the edge answers a ping.
    pub async fn pings(&mut self) -> bool {
        self.socket.send(Message::text("ping")).await.expect("an open socket");
        let pong = timeout(FRAME_LIMIT, self.socket.next()).await.expect("a frame in time");
        matches!(pong, Some(Ok(Message::Text(text))) if text.as_str() == "pong")
    }
}
