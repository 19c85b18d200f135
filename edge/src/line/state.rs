use std::collections::BTreeSet;

use protocol::Refusal;
use protocol::line::{CLOSED_REFUSED, CLOSED_REPLACED, EdgeAnswer, FromEdge, NodeAnswer, carried};

use super::contract::{Asked, Attachment, Effect, Output, Reply, SocketId};
use super::limits::{LONGEST_WAIT_MS, MAX_QUESTIONS};
use super::questions::Questions;
use super::sockets::Sockets;
use crate::object::CallId;

/// The code with which a WebSocket is closed that behaves in no way that could be answered.
pub(super) const CLOSED_POLICY: u16 = 1_008;

/// What is known of a node's line, in memory.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub(super) sockets: Sockets,
    pub(super) questions: Questions,
    /// Questions of the node that are being answered.
    pub(super) asked: BTreeSet<Asked>,
}

impl Line {
    /// That of a node whose object wakes up: these are its open sockets.
    pub fn restore(sockets: impl IntoIterator<Item = (SocketId, Attachment)>) -> Self {
        Self {
            sockets: Sockets::restore(sockets),
            ..Self::default()
        }
    }

    /// When a question has waited long enough, Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        self.questions.next_ms()
    }

    /// Asks the node over its line.
    pub(super) fn ask(&mut self, by: CallId, ask: &str, limit_ms: u64, now_ms: u64, out: &mut Vec<Output>) {
        let Some(socket) = self.sockets.line() else {
            return reply(out, by, Reply::NoLine);
        };
        let id = self.questions.new_id(now_ms);
        let text = match carried(format!(r#"{{"ask":{{"id":{id},"ask":{ask}}}}}"#)) {
            Ok(text) => text,
            Err(refusal) => return reply(out, by, Reply::Answer(NodeAnswer::Refused(refusal))),
        };
        if !self.questions.has_room(text.len()) {
            let reason = format!(
                "the node is asked too much at once, up to {MAX_QUESTIONS} questions: ask again when it has answered some"
            );
            return reply(out, by, Reply::Answer(NodeAnswer::Refused(Refusal::internal(reason))));
        }
        let until_ms = now_ms.saturating_add(limit_ms.min(LONGEST_WAIT_MS));
        self.questions.wait(id, socket, by, until_ms, text.len());
        out.push(Output::Effect(Effect::Send { socket, text }));
    }

    /// Lets nobody in any more by what was shown before.
    pub(super) fn close_all(&mut self, by: CallId, reason: &str, out: &mut Vec<Output>) {
        for socket in self.sockets.all() {
            self.close(socket, CLOSED_REFUSED, reason, out);
        }
        reply(out, by, Reply::Closed);
    }

    pub(super) fn opened(&mut self, socket: SocketId, node_id: String, out: &mut Vec<Output>) {
        let attachment = self.sockets.open(socket, node_id);
        out.push(Output::Effect(Effect::Attach { socket, attachment }));
    }

    pub(super) fn closed(&mut self, socket: SocketId, out: &mut Vec<Output>) {
        self.sockets.close(socket);
        self.asked.retain(|asked| asked.socket != socket);
        for by in self.questions.broken(socket) {
            reply(out, by, Reply::Unreachable);
        }
    }

    /// A question of the node has been answered. An answer for a socket that is gone is for nobody.
    pub(super) fn done(&mut self, asked: Asked, answer: &str, out: &mut Vec<Output>) {
        if !self.asked.remove(&asked) {
            return;
        }
        let Asked { socket, id } = asked;
        match carried(format!(r#"{{"answer":{{"id":{id},"answer":{answer}}}}}"#)) {
            Ok(text) => out.push(Output::Effect(Effect::Send { socket, text })),
            Err(refusal) => self.answer(asked, EdgeAnswer::Refused(refusal), out),
        }
    }

    pub(super) fn expire(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        for by in self.questions.expired(now_ms) {
            reply(out, by, Reply::Unreachable);
        }
    }

    /// Sees to it that there is one line, and few sockets that are none.
    pub(super) fn settle(&mut self, out: &mut Vec<Output>) {
        for socket in self.sockets.replaced() {
            self.close(socket, CLOSED_REPLACED, "this node has opened another line", out);
        }
        while let Some(socket) = self.sockets.stranger_too_many() {
            let reason = "this node has opened many lines without saying hello";
            self.close(socket, CLOSED_POLICY, reason, out);
        }
    }

    pub(super) fn answer(&self, asked: Asked, answer: EdgeAnswer, out: &mut Vec<Output>) {
        let Asked { socket, id } = asked;
        send(socket, &FromEdge::Answer { id, answer }, out);
    }

    pub(super) fn close(&mut self, socket: SocketId, code: u16, reason: &str, out: &mut Vec<Output>) {
        out.push(Output::Effect(Effect::Close {
            socket,
            code,
            reason: reason.to_owned(),
        }));
        self.closed(socket, out);
    }
}

pub(super) fn reply(out: &mut Vec<Output>, to: CallId, reply: Reply) {
    out.push(Output::Reply { to, reply });
}

/// A message that is too long to be sent is left out: those that can be are answers, for which a refusal goes instead.
pub(super) fn send(socket: SocketId, message: &FromEdge, out: &mut Vec<Output>) {
    if let Ok(text) = message.text() {
        out.push(Output::Effect(Effect::Send { socket, text }));
    }
}
