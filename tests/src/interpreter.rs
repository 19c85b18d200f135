//! Somebody between a node and the edge who makes each take the other for one that speaks other versions of the line's protocol:
//! so two sides of this version talk as one of them would with one of another version.

use std::net::SocketAddr;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use protocol::line::{FromEdge, FromNode, Versions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_hdr_async, client_async};

/// Passes lines on to an edge. Once dropped, it takes no more.
pub struct Interpreter {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// The request that opens a line, to be made again.
#[derive(Default)]
struct Opening(Option<Request>);

impl Callback for &mut Opening {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        self.0 = Some(request.clone());
        Ok(response)
    }
}

impl Interpreter {
    /// Listens on a free port of the loopback interface in front of the edge at `http://host:port`. Each side hears that the other
    /// one speaks these versions.
    pub async fn before(edge: &str, versions: Versions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let target = crate::outage::address(edge);
        let accepting = tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                // A line that cannot be opened, or breaks, is opened again by the node.
                tokio::spawn(async move { interpret(node, target, versions).await });
            }
        });
        Self { address, accepting }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn interpret(node: TcpStream, edge: SocketAddr, versions: Versions) -> Result<(), Error> {
    let mut opening = Opening::default();
    let node = accept_hdr_async(node, &mut opening).await?;
    let mut request = opening.0.expect("a request was accepted");
    let url = format!("ws://{edge}{}", request.uri());
    *request.uri_mut() = url.parse().expect("a URL");
    let (edge, _) = client_async(request, TcpStream::connect(edge).await?).await?;
    let (to_node, from_node) = node.split();
    let (to_edge, from_edge) = edge.split();
    let as_of = |versions| {
        move |message: FromNode| match message {
            FromNode::Hello(hello) => FromNode::Hello(protocol::line::NodeHello { versions, ..hello }),
            other => other,
        }
    };
    let answered = move |message: FromEdge| match message {
        FromEdge::Hello(hello) => FromEdge::Hello(protocol::line::EdgeHello { versions, ..hello }),
        other => other,
    };
    tokio::select! {
        ended = pass(from_node, to_edge, as_of(versions)) => ended,
        ended = pass(from_edge, to_node, answered) => ended,
    }
}

/// Passes on what is said. What is no message, such as pings, stays as it is.
async fn pass<T: DeserializeOwned + Serialize>(
    mut from: impl Stream<Item = Result<Message, Error>> + Unpin,
    mut to: impl Sink<Message, Error = Error> + Unpin,
    change: impl Fn(T) -> T,
) -> Result<(), Error> {
    while let Some(frame) = from.next().await {
        let frame = match frame? {
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(message) => Message::text(serde_json::to_string(&change(message)).expect("JSON")),
                Err(_) => Message::Text(text),
            },
            other => other,
        };
        to.send(frame).await?;
    }
    Ok(())
}
