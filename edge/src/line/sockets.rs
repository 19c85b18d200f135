use std::collections::BTreeMap;

use super::contract::{Attachment, Greeting};
use super::kept::{LineNumber, SocketId};
use super::limits::MAX_STRANGERS;

/// The open sockets of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Sockets(BTreeMap<SocketId, Attachment>);

impl Sockets {
    pub(super) fn restore(sockets: impl IntoIterator<Item = (SocketId, Attachment)>) -> Self {
        Self(sockets.into_iter().collect())
    }

    /// The socket that messages to the node go over: the one whose hello came last.
    pub(super) fn line(&self) -> Option<SocketId> {
        let told = self.0.iter().filter(|(_, attachment)| attachment.greeting.is_some());
        told.max_by_key(|(_, attachment)| attachment.number)
            .map(|(socket, _)| *socket)
    }

    /// The node whose sockets these are.
    pub(super) fn node_id(&self) -> Option<String> {
        self.0.values().next().map(|attachment| attachment.node_id.clone())
    }

    pub(super) fn get(&self, socket: SocketId) -> Option<&Attachment> {
        self.0.get(&socket)
    }

    /// The number of the line that a socket is, if that has a lease.
    pub(super) fn number(&self, socket: SocketId) -> Option<LineNumber> {
        self.get(socket)?.greeting.as_ref()?.line
    }

    pub(super) fn all(&self) -> Vec<SocketId> {
        self.0.keys().copied().collect()
    }

    /// Returns what has to be kept beside the socket.
    pub(super) fn open(&mut self, socket: SocketId, node_id: String) -> Attachment {
        let attachment = Attachment {
            node_id,
            number: self.next_number(),
            greeting: None,
        };
        self.0.insert(socket, attachment.clone());
        attachment
    }

    /// As [`Self::open`]; `None` when the socket is not there.
    pub(super) fn tell(&mut self, socket: SocketId, greeting: Greeting) -> Option<Attachment> {
        let number = self.next_number();
        let attachment = self.0.get_mut(&socket)?;
        attachment.number = number;
        attachment.greeting = Some(greeting);
        Some(attachment.clone())
    }

    pub(super) fn close(&mut self, socket: SocketId) {
        self.0.remove(&socket);
    }

    /// Those that had been lines before the line.
    pub(super) fn replaced(&self) -> Vec<SocketId> {
        let line = self.line();
        let told = self.0.iter().filter(|(_, attachment)| attachment.greeting.is_some());
        told.map(|(socket, _)| *socket)
            .filter(|socket| Some(*socket) != line)
            .collect()
    }

    /// The oldest of those that have not said hello, when they are too many.
    pub(super) fn stranger_too_many(&self) -> Option<SocketId> {
        let strangers = self.0.iter().filter(|(_, attachment)| attachment.greeting.is_none());
        if strangers.clone().count() <= MAX_STRANGERS {
            return None;
        }
        strangers
            .min_by_key(|(_, attachment)| attachment.number)
            .map(|(socket, _)| *socket)
    }

    fn next_number(&self) -> u64 {
        let newest = self.0.values().map(|attachment| attachment.number).max();
        newest.map_or(0, |newest| newest.saturating_add(1))
    }
}
