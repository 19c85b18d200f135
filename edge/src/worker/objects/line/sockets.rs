use std::cell::RefCell;
use std::collections::VecDeque;

use protocol::line::{NODE_PARAMETER, PING, PONG};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::{Request, Response, WebSocket, WebSocketPair, WebSocketRequestResponsePair, console_error, console_log};

use worker::web_sys;

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
pub(in crate::worker::objects) fn answer_close(socket: &WebSocket, code: usize, reason: &str) {
    let code = u16::try_from(code)
        .ok()
        .filter(|code| matches!(code, 1_000 | 3_000..5_000));
    // One that is gone already needs no answer.
    let _ = socket.close(code, code.map(|_| reason));
}

/// Sockets that were closed a moment ago: until what the platform has answered over them is known for certain.
#[derive(Default)]
pub(super) struct Closed(RefCell<VecDeque<(SocketId, WebSocket)>>);

/// A node opens one after another.
const MAX_CLOSED: usize = 16;

impl Closed {
    fn push(&self, id: SocketId, socket: &WebSocket) {
        let mut closed = self.0.borrow_mut();
        closed.retain(|(known, _)| *known != id);
        closed.push_back((id, socket.clone()));
        if closed.len() > MAX_CLOSED {
            closed.pop_front();
        }
    }

    fn find(&self, id: SocketId) -> Option<WebSocket> {
        let closed = self.0.borrow();
        let found = closed.iter().find(|(known, _)| *known == id);
        found.map(|(_, socket)| socket.clone())
    }
}

#[wasm_bindgen]
extern "C" {
    type RawState;

    /// A `Date`, or `null` when nothing was answered over the socket yet.
    #[wasm_bindgen(method, catch, js_name = getWebSocketAutoResponseTimestamp)]
    fn auto_response_timestamp(this: &RawState, socket: &web_sys::WebSocket) -> Result<JsValue, JsValue>;
}

/// The sockets of an object. Each has its id as a tag, and what is kept of it as an attachment.
#[derive(Clone, Copy)]
pub(super) struct Sockets<'a> {
    platform: &'a Platform,
    closed: &'a Closed,
}

impl<'a> Sockets<'a> {
    pub(super) fn new(platform: &'a Platform, closed: &'a Closed) -> Self {
        Self { platform, closed }
    }

    /// The socket has been closed by the other side, or has broken.
    pub(super) fn has_closed(&self, id: SocketId, socket: &WebSocket) {
        self.closed.push(id, socket);
    }

    /// When the platform has last answered a ping over it; see [`Pings`](crate::line::Pings).
    pub(super) fn pinged_ms(&self, id: SocketId) -> Option<u64> {
        let socket = self.find(id).or_else(|| self.closed.find(id))?;
        let raw: &RawState = self.platform.raw().unchecked_ref();
        match raw.auto_response_timestamp(socket.as_ref()) {
            // Whole milliseconds, since 1970.
            Ok(at) => Some(at.dyn_into::<js_sys::Date>().map_or(0, |date| date.get_time() as u64)),
            Err(error) => {
                console_error!("when a ping came over a line is not known: {error:?}");
                None
            }
        }
    }

    /// Accepts a socket. The response is the one that opens it.
    pub(super) fn accept(&self) -> worker::Result<(SocketId, Response)> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let object = self.platform.object();
        object.set_websocket_auto_response(&WebSocketRequestResponsePair::new(PING, PONG)?);
        let id = SocketId::from_le_bytes(bindings::random());
        object.accept_websocket_with_tags(&server, &[&id.to_string()]);
        Ok((id, Response::from_websocket(client)?))
    }

    pub(super) fn id(&self, socket: &WebSocket) -> Option<SocketId> {
        self.platform.object().get_tags(socket).first()?.parse().ok()
    }

    /// All of which something is kept. What cannot be read is of another version, whose node says hello again.
    pub(super) fn kept(&self) -> Vec<(SocketId, Attachment)> {
        let sockets = self.platform.object().get_websockets();
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
            self.closed.push(id, &socket);
            // One that is gone already needs no closing.
            let _ = socket.close(Some(code), Some(reason));
        }
    }

    fn find(&self, id: SocketId) -> Option<WebSocket> {
        self.platform
            .object()
            .get_websockets_with_tag(&id.to_string())
            .into_iter()
            .next()
    }
}
