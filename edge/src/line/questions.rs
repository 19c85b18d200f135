use std::collections::BTreeMap;

use super::kept::SocketId;
use super::limits::{MAX_QUESTION_BYTES, MAX_QUESTIONS};
use crate::object::CallId;

/// What the node was asked and has not answered yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    /// The newest id. They begin with the time, so that those of an object that has ended are not used again.
    newest: u64,
    waiting: BTreeMap<u64, Question>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Question {
    socket: SocketId,
    by: CallId,
    until_ms: u64,
    bytes: usize,
}

/// Ids grow faster than time does only if more questions than this are asked in a millisecond; and they stay below the 2^53
/// that all JSON can carry.
const IDS_A_MS: u64 = 1_024;

impl Questions {
    /// An id that no question has had.
    pub(super) fn new_id(&mut self, now_ms: u64) -> u64 {
        self.newest = now_ms.saturating_mul(IDS_A_MS).max(self.newest.saturating_add(1));
        self.newest
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.waiting.len() < MAX_QUESTIONS && self.bytes.saturating_add(bytes) <= MAX_QUESTION_BYTES
    }

    pub(super) fn wait(&mut self, id: u64, socket: SocketId, by: CallId, until_ms: u64, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        let question = Question {
            socket,
            by,
            until_ms,
            bytes,
        };
        self.waiting.insert(id, question);
    }

    /// Who waits for the answer that has come over this socket.
    pub(super) fn answered(&mut self, id: u64, socket: SocketId) -> Option<CallId> {
        let asked = self.waiting.get(&id).is_some_and(|question| question.socket == socket);
        asked.then(|| self.remove(id)).flatten()
    }

    /// Those who wait for an answer over this socket, which does not come any more.
    pub(super) fn broken(&mut self, socket: SocketId) -> Vec<CallId> {
        self.remove_all(|question| question.socket == socket)
    }

    pub(super) fn expired(&mut self, now_ms: u64) -> Vec<CallId> {
        self.remove_all(|question| question.until_ms <= now_ms)
    }

    pub(super) fn next_ms(&self) -> Option<u64> {
        self.waiting.values().map(|question| question.until_ms).min()
    }

    fn remove_all(&mut self, is_over: impl Fn(&Question) -> bool) -> Vec<CallId> {
        let over = self.waiting.iter().filter(|(_, question)| is_over(question));
        let ids: Vec<_> = over.map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    fn remove(&mut self, id: u64) -> Option<CallId> {
        let question = self.waiting.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(question.bytes);
        Some(question.by)
    }
}
