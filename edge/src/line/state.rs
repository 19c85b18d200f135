use std::collections::BTreeMap;

use protocol::line::{CLOSED_REFUSED, CLOSED_REPLACED, CLOSED_SILENT, EdgeAnswer, FromEdge, NodeAnswer, carried};
use protocol::{Fault, Heartbeat, RecorderKey, Refusal, RefusalCode};

use super::contract::{Asked, Attachment, Effect, Output, Pings, Reply};
use super::held::Holdings;
use super::kept::{Closed, Held, Holding, LineNumber, Loss, Memo, SocketId};
use super::leases::Looks;
use super::limits::{EARLY_VOUCH_MS, LONGEST_WAIT_MS, MAX_QUESTIONS, VOUCH_MS};
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
    /// Questions of the node that are being answered; of a report, what it says of its recording.
    pub(super) asked: BTreeMap<Asked, Option<Reported>>,
    pub(super) memo: Memo,
    /// The memo as it is kept.
    written: Memo,
    looks: Looks,
    pub(super) holdings: Holdings,
    /// When the fleet was last told of the node.
    vouched_ms: u64,
    /// How long a node's lease lasts, in milliseconds.
    pub(super) lease_ms: u64,
}

/// A report that is on its way to its recorder.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    pub(super) holding: Holding,
    pub(super) seq: u64,
    pub(super) ended: bool,
}

/// What was kept of a node's lines.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The open sockets.
    pub sockets: Vec<(SocketId, Attachment)>,
    pub memo: Memo,
    pub held: Vec<(Holding, Held)>,
}

impl Line {
    /// That of a node whose object wakes up. `lease_ms`: how long a node's lease lasts.
    pub fn restore(kept: Kept, lease_ms: u64, now_ms: u64) -> Self {
        let Kept { sockets, memo, held } = kept;
        let lines: Vec<_> = sockets
            .iter()
            .filter_map(|(socket, attachment)| Some((*socket, attachment.greeting.as_ref()?.line?)))
            .collect();
        let mut line = Self {
            sockets: Sockets::restore(sockets),
            written: memo.clone(),
            memo,
            holdings: Holdings::restore(held),
            lease_ms,
            ..Self::default()
        };
        if let Some(node_id) = line.sockets.node_id() {
            line.memo.node_id = node_id;
        }
        line.memo.restore(&lines, now_ms);
        line
    }

    /// When something is due, Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        let dues = [
            self.questions.next_ms(),
            self.memo.look_ms(&self.looks, self.lease_ms),
            self.holdings.tell_ms(self.memo.loss),
            self.memo
                .beat
                .as_ref()
                .map(|_| self.vouched_ms.saturating_add(VOUCH_MS)),
        ];
        dues.into_iter().flatten().min()
    }

    /// The refusal of a question in place of the node, whose line speaks a version before the `oldest` that does it justice.
    pub(super) fn too_old(&self, oldest: u32) -> Option<Reply> {
        let socket = self.sockets.line()?;
        let version = self.sockets.get(socket)?.greeting.as_ref()?.version;
        (version < oldest).then(|| Reply::Answer {
            answer: NodeAnswer::Refused(too_old(version, oldest)),
            line: self.sockets.number(socket),
        })
    }

    /// Asks the node over its line.
    pub(super) fn ask(
        &mut self,
        by: CallId,
        ask: &str,
        limit_ms: u64,
        holding: Option<Holding>,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        let Some(socket) = self.sockets.line() else {
            return reply(out, by, Reply::NoLine);
        };
        let line = self.sockets.number(socket);
        let refuse = |out: &mut Vec<Output>, refusal| {
            let answer = NodeAnswer::Refused(refusal);
            reply(out, by, Reply::Answer { answer, line });
        };
        let id = self.questions.new_id(now_ms);
        let text = match carried(format!(r#"{{"ask":{{"id":{id},"ask":{ask}}}}}"#)) {
            Ok(text) => text,
            Err(refusal) => return refuse(out, refusal),
        };
        if !self.questions.has_room(text.len()) {
            let reason = format!(
                "the node is asked too much at once, up to {MAX_QUESTIONS} questions: ask again when it has answered some"
            );
            return refuse(out, Refusal::internal(reason));
        }
        if let (Some(holding), Some(line)) = (holding, line) {
            self.holdings.offer(&holding.sid, now_ms);
            self.hold(holding, line, out);
        }
        let until_ms = now_ms.saturating_add(limit_ms.min(LONGEST_WAIT_MS));
        self.questions.wait(id, socket, by, until_ms, text.len());
        out.push(Output::Effect(Effect::Send { socket, text }));
    }

    /// Whether the lease of a line is over by which the node holds a recording.
    pub(super) fn look_for(
        &mut self,
        by: CallId,
        line: LineNumber,
        holding: &Holding,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        let loss = self.memo.loss_of(line);
        if loss.is_none() {
            // A line that is not known any more is not there.
            self.memo.know(line, SocketId::default(), Some(Closed::Gone), now_ms);
            self.hold(holding.clone(), line, out);
        }
        reply(out, by, Reply::Looked { loss });
    }

    pub(super) fn hold(&mut self, holding: Holding, line: LineNumber, out: &mut Vec<Output>) {
        if let Some(held) = self.holdings.hold(&holding, line) {
            let report = None;
            out.push(Output::Effect(Effect::Hold { holding, held, report }));
        }
    }

    pub(super) fn let_go(&mut self, sids: impl IntoIterator<Item = String>, out: &mut Vec<Output>) {
        for sid in sids {
            self.holdings.let_go(&sid);
            out.push(Output::Effect(Effect::LetGo { sid }));
        }
    }

    /// Lets nobody in any more by what was shown before.
    pub(super) fn close_all(&mut self, by: CallId, reason: &str, pings: Pings<'_>, now_ms: u64, out: &mut Vec<Output>) {
        for socket in self.sockets.all() {
            self.close(socket, CLOSED_REFUSED, reason, pings, now_ms, out);
        }
        reply(out, by, Reply::Closed);
    }

    pub(super) fn opened(&mut self, socket: SocketId, node_id: String, out: &mut Vec<Output>) {
        let attachment = self.sockets.open(socket, node_id);
        out.push(Output::Effect(Effect::Attach { socket, attachment }));
    }

    /// The socket is gone.
    pub(super) fn gone(&mut self, socket: SocketId, pings: Pings<'_>, now_ms: u64, out: &mut Vec<Output>) {
        self.memo.close(socket, Closed::Gone, pings, now_ms);
        self.forget(socket, out);
    }

    fn forget(&mut self, socket: SocketId, out: &mut Vec<Output>) {
        self.sockets.close(socket);
        self.asked.retain(|asked, _| asked.socket != socket);
        for by in self.questions.broken(socket) {
            reply(out, by, Reply::Unreachable);
        }
    }

    /// A question of the node has been answered. An answer for a socket that is gone is for nobody.
    pub(super) fn done(&mut self, asked: Asked, answer: &str, ok: bool, out: &mut Vec<Output>) {
        let Some(reported) = self.asked.remove(&asked) else {
            return;
        };
        if let Some(reported) = reported.filter(|_| ok) {
            self.given(reported, out);
        }
        let Asked { socket, id } = asked;
        match carried(format!(r#"{{"answer":{{"id":{id},"answer":{answer}}}}}"#)) {
            Ok(text) => out.push(Output::Effect(Effect::Send { socket, text })),
            Err(refusal) => self.answer(asked, EdgeAnswer::Refused(refusal), out),
        }
    }

    /// A report has been given to its recorder: one that is kept and no newer is not needed any more.
    fn given(&mut self, reported: Reported, out: &mut Vec<Output>) {
        let Reported { holding, seq, ended } = reported;
        if ended {
            return self.let_go([holding.sid], out);
        }
        let kept = self.holdings.get(&holding.sid).and_then(|held| held.kept_seq);
        if kept.is_some_and(|kept| kept <= seq)
            && let Some(held) = self.holdings.keep(&holding.sid, None)
        {
            let report = None;
            out.push(Output::Effect(Effect::Hold { holding, held, report }));
        }
    }

    /// A recorder has noted a loss, or could not be told.
    pub(super) fn told(&mut self, recorder: &RecorderKey, loss: Loss, ok: bool, now_ms: u64, out: &mut Vec<Output>) {
        let let_go = self.holdings.told(recorder, loss, ok, now_ms);
        self.let_go(let_go, out);
    }

    /// A recorder has been asked about a recording that the node has not named. What could not be asked is asked with the next
    /// beat.
    pub(super) fn asked_about(&mut self, sid: String, is_with_node: Option<bool>, out: &mut Vec<Output>) {
        if is_with_node == Some(false) && !self.holdings.is_fresh(&sid) {
            self.let_go([sid], out);
        }
    }

    pub(super) fn expire(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        for by in self.questions.expired(now_ms) {
            reply(out, by, Reply::Unreachable);
        }
    }

    /// Sees to it that there is one line, and few sockets that are none, that no lease lasts too long, and that the recorders
    /// hear of each that is over.
    pub(super) fn settle(&mut self, pings: Pings<'_>, now_ms: u64, out: &mut Vec<Output>) {
        for socket in self.sockets.replaced() {
            let reason = "this node has opened another line";
            self.close(socket, CLOSED_REPLACED, reason, pings, now_ms, out);
        }
        while let Some(socket) = self.sockets.stranger_too_many() {
            let reason = "this node has opened many lines without saying hello";
            self.close(socket, CLOSED_POLICY, reason, pings, now_ms, out);
        }
        for socket in self.memo.look(&mut self.looks, self.lease_ms, pings, now_ms) {
            let reason = "no ping has come over this line for the length of a lease";
            self.close(socket, CLOSED_SILENT, reason, pings, now_ms, out);
        }
        if let Some(loss) = self.memo.loss {
            for (recorder, sids) in self.holdings.due_to_be_told(loss, now_ms) {
                let node_id = self.memo.node_id.clone();
                out.push(Output::Effect(Effect::Tell {
                    node_id,
                    recorder,
                    loss,
                    sids,
                }));
            }
        }
        for (holding, kept) in self.holdings.due_to_be_asked_about(now_ms) {
            let node_id = self.memo.node_id.clone();
            out.push(Output::Effect(Effect::Miss { node_id, holding, kept }));
        }
        self.tell_fleet(now_ms, out);
        if self.memo != self.written {
            self.written = self.memo.clone();
            out.push(Output::Effect(Effect::Write(self.memo.clone())));
        }
    }

    /// The fleet is told what the node's beat says.
    pub(super) fn vouch(&mut self, heartbeat: &Heartbeat, now_ms: u64) {
        self.vouched_ms = now_ms;
        if self.memo.beat.as_ref() != Some(heartbeat) {
            self.memo.beat = Some(heartbeat.clone());
        }
    }

    /// Tells the fleet that the node is there, now and then, or that it is not any more.
    fn tell_fleet(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let Some(beat) = &self.memo.beat else { return };
        if self.sockets.line().is_none() {
            let node_id = beat.node_id.clone();
            self.memo.beat = None;
            out.push(Output::Effect(Effect::Absent { node_id }));
        } else if now_ms >= self.vouched_ms.saturating_add(EARLY_VOUCH_MS) {
            self.vouched_ms = now_ms;
            out.push(Output::Effect(Effect::Vouch(beat.clone())));
        }
    }

    pub(super) fn answer(&self, asked: Asked, answer: EdgeAnswer, out: &mut Vec<Output>) {
        let Asked { socket, id } = asked;
        send(socket, &FromEdge::Answer { id, answer }, out);
    }

    pub(super) fn close(
        &mut self,
        socket: SocketId,
        code: u16,
        reason: &str,
        pings: Pings<'_>,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::Effect(Effect::Close {
            socket,
            code,
            reason: reason.to_owned(),
        }));
        self.memo.close(socket, Closed::Closing(now_ms), pings, now_ms);
        self.forget(socket, out);
    }
}

fn too_old(version: u32, oldest: u32) -> Refusal {
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason: format!(
            "it speaks version {version} of the line's protocol, and this recording takes version {oldest}: update the node"
        ),
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
