use protocol::line::{NODE_PARAMETER, PING, PONG};
use worker::{Request, Response, WebSocket, WebSocketPair, WebSocketRequestResponsePair, console_error, console_log};

use crate::line::{Attachment, Event, SocketId};
use crate::worker::bindings;
use crate::worker::objects::platform::Platform;

/// The node that opens a line with this request; `None` when the request is a question to the object.
pub(super) fn opened_by(request: &Request) -> worker::Result<Option<String>> {
    if request.headers().get("Upgrade")?.is_none() {
        return Ok(None);
    }
    let url = request.url()?;
    let mut parameters = url.query_pairs();
    let node_id = parameters.find(|(name, _)| name == NODE_PARAMETER);
    Ok(node_id.map(|(_, node_id)| node_id.into_owned()))
}

/// The platform does not answer the other side's closing by itself. Some codes are never sent, and stand for a socket that
/// just broke.
pub(super) fn answer_close(socket: &WebSocket, code: usize, reason: &str) {
    let code = u16::try_from(code)
        .ok()
        .filter(|code| matches!(code, 1_000 | 3_000..5_000));
    // One that is gone already needs no answer.
    let _ = socket.close(code, code.map(|_| reason));
}

/// The sockets of an object. Each has its id as a tag, and what is kept of it as an attachment.
pub(super) struct Sockets<'a>(&'a Platform);

impl<'a> Sockets<'a> {
    pub(super) fn new(platform: &'a Platform) -> Self {
        Self(platform)
    }

    /// Accepts a socket. The response is the one that opens it.
    pub(super) fn accept(&self) -> worker::Result<(SocketId, Response)> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let object = self.0.object();
        object.set_websocket_auto_response(&WebSocketRequestResponsePair::new(PING, PONG)?);
        let id = SocketId::from_le_bytes(bindings::random());
        object.accept_websocket_with_tags(&server, &[&id.to_string()]);
        Ok((id, Response::from_websocket(client)?))
    }

    pub(super) fn id(&self, socket: &WebSocket) -> Option<SocketId> {
        self.0.object().get_tags(socket).first()?.parse().ok()
    }

    /// All of which something is kept. What cannot be read is of another version, whose node says hello again.
    pub(super) fn kept(&self) -> Vec<(SocketId, Attachment)> {
        let sockets = self.0.object().get_websockets();
        let kept = sockets.iter().filter_map(|socket| {
            let text = socket.deserialize_attachment::<String>().ok()??;
            Some((self.id(socket)?, serde_json::from_slice(text.as_bytes()).ok()?))
        });
        kept.collect()
    }

    pub(super) fn keep(&self, id: SocketId, attachment: &Attachment) -> worker::Result<()> {
        match self.find(id) {
            Some(socket) => socket.serialize_attachment(serde_json::to_string(attachment)?),
            // Its closing is the next thing that is heard of it.
            None => Ok(()),
        }
    }

    /// Returns what happens when it cannot be sent.
    pub(super) fn send(&self, id: SocketId, text: &str) -> Option<Event> {
        let sent = match self.find(id) {
            Some(socket) => socket.send_with_str(text).map_err(|error| error.to_string()),
            None => Err("it is closed".to_owned()),
        };
        let error = sent.err()?;
        console_error!("a node's line does not carry: {error}");
        Some(Event::Closed { socket: id })
    }

    pub(super) fn close(&self, id: SocketId, code: u16, reason: &str) {
        console_log!("a node's line is closed: {reason}");
        if let Some(socket) = self.find(id) {
            // One that is gone already needs no closing.
            let _ = socket.close(Some(code), Some(reason));
        }
    }

    fn find(&self, id: SocketId) -> Option<WebSocket> {
        self.0
            .object()
            .get_websockets_with_tag(&id.to_string())
            .into_iter()
            .next()
    }
}
