use std::collections::BTreeMap;

use protocol::line::{PING, PONG};
use worker::{Response, WebSocket, WebSocketPair, WebSocketRequestResponsePair};

use super::platform::Platform;
use crate::worker::bindings;

/// Names a socket of an object.
type SocketId = u64;

/// How the tag begins that says when a socket was opened.
const OPENED: &str = "opened:";

/// The sockets of an object, which stay open while the object sleeps. Each has two tags: its id, and when it was opened.
#[derive(Clone, Copy)]
pub(super) struct Sockets<'a> {
    platform: &'a Platform,
}

impl<'a> Sockets<'a> {
    pub(super) fn new(platform: &'a Platform) -> Self {
        Self { platform }
    }

    /// Accepts a socket. The response is the one that opens it.
    pub(super) fn accept(&self) -> worker::Result<(Response, SocketId)> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let object = self.platform.object();
        object.set_websocket_auto_response(&WebSocketRequestResponsePair::new(PING, PONG)?);
        // JavaScript's numbers hold no more bits, and rows are read by it.
        let id = SocketId::from_le_bytes(bindings::random()) >> 11;
        object.accept_websocket_with_tags(&server, &[&id.to_string(), &format!("{OPENED}{}", bindings::now_ms())]);
        Ok((Response::from_websocket(client)?, id))
    }

    pub(super) fn id(&self, socket: &WebSocket) -> Option<SocketId> {
        self.platform.object().get_tags(socket).first()?.parse().ok()
    }

    /// Those that are open, each since when, Unix milliseconds.
    pub(super) fn open(&self) -> BTreeMap<SocketId, u64> {
        let opened_ms = |socket: &WebSocket| {
            let tags = self.platform.object().get_tags(socket);
            tags.iter().find_map(|tag| tag.strip_prefix(OPENED)?.parse().ok())
        };
        let sockets = self.platform.object().get_websockets();
        let known = |socket: &WebSocket| Some((self.id(socket)?, opened_ms(socket).unwrap_or_default()));
        sockets.iter().filter_map(known).collect()
    }

    /// When the platform has last answered a ping over a socket, Unix milliseconds; 0 when it never has, `None` when the socket is
    /// not there any more.
    pub(super) fn pinged_ms(&self, id: SocketId) -> Option<u64> {
        self.platform.answered_ms(&self.find(id)?)
    }

    /// False when it cannot be sent: the socket is gone.
    pub(super) fn send(&self, id: SocketId, text: &str) -> bool {
        let sent = self.find(id).map(|socket| socket.send_with_str(text));
        matches!(sent, Some(Ok(())))
    }

    pub(super) fn close(&self, id: SocketId, code: u16, reason: &str) {
        if let Some(socket) = self.find(id) {
            // One that is gone already needs no closing.
            let _ = socket.close(Some(code), Some(reason));
        }
    }

    fn find(&self, id: SocketId) -> Option<WebSocket> {
        let sockets = self.platform.object().get_websockets_with_tag(&id.to_string());
        sockets.into_iter().next()
    }
}
