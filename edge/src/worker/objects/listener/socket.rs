use serde::{Deserialize, Serialize};
use worker::{Request, Response, WebSocket, WebSocketPair, console_error};

use crate::dialect::Wire;
use crate::gateway::listener::Session;
use crate::worker::objects::platform::Platform;

/// The parameter by which the request that opens the socket names the object.
pub(in crate::worker) const LISTENER_PARAMETER: &str = "listener";

/// What is kept with the socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attached {
    /// The object's own name.
    pub(super) listener: String,
    /// Where it was opened.
    pub(super) path: String,
    pub(super) session: Option<Session>,
}

/// What the request says that opens a socket; `None` when the request is a question to the object.
pub(super) fn opening(request: &Request) -> worker::Result<Option<Attached>> {
    if request.headers().get("Upgrade")?.is_none() {
        return Ok(None);
    }
    let url = request.url()?;
    let mut parameters = url.query_pairs();
    let listener = parameters.find(|(name, _)| name == LISTENER_PARAMETER);
    Ok(listener.map(|(_, listener)| Attached {
        listener: listener.into_owned(),
        path: request.path(),
        session: None,
    }))
}

impl Attached {
    /// The words that are spoken over the socket.
    pub(super) fn wire(&self) -> Option<Wire> {
        Wire::of(&self.path)
    }
}

/// What stands with a socket.
pub(super) fn attached(socket: &WebSocket) -> Option<Attached> {
    let text = socket.deserialize_attachment::<String>().ok()??;
    serde_json::from_slice(text.as_bytes()).ok()
}

/// The one socket of an object.
pub(super) struct Socket<'a>(&'a Platform);

impl<'a> Socket<'a> {
    pub(super) fn of(platform: &'a Platform) -> Self {
        Self(platform)
    }

    /// Accepts the socket. The response is the one that opens it.
    pub(super) fn accept(&self, opening: &Attached) -> worker::Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.0.object().accept_websocket_with_tags(&server, &[]);
        server.serialize_attachment(serde_json::to_string(opening)?)?;
        Response::from_websocket(client)
    }

    /// `None` when there is no socket.
    pub(super) fn attached(&self) -> Option<Attached> {
        attached(&self.find()?)
    }

    pub(super) fn attach(&self, kept: &Attached) -> worker::Result<()> {
        match self.find() {
            Some(socket) => socket.serialize_attachment(serde_json::to_string(kept)?),
            // Its closing is the next thing that is heard of it.
            None => Ok(()),
        }
    }

    /// One that is gone is heard of by its closing.
    pub(super) fn send(&self, texts: &[String]) {
        let Some(socket) = self.find() else { return };
        for text in texts {
            if let Err(error) = socket.send_with_str(text) {
                console_error!("a listener's socket does not carry: {error}");
            }
        }
    }

    pub(super) fn close(&self, code: u16, reason: &str) {
        if let Some(socket) = self.find() {
            // One that is gone already needs no closing.
            let _ = socket.close(Some(code), Some(reason));
        }
    }

    fn find(&self) -> Option<WebSocket> {
        self.0.object().get_websockets().into_iter().next()
    }
}
