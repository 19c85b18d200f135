//! What comes over a socket. Nothing that a node sends breaks its line, but for a hello that cannot be taken.

use std::collections::BTreeSet;

use protocol::line::{
    Beat, CLOSED_REFUSED, EdgeAnswer, EdgeHello, FromEdge, FromNode, Identity, MAX_CLOSE_REASON_BYTES,
    MAX_MESSAGE_BYTES, NODE_LEASE, NodeAnswer, NodeAsk, NodeHello, Unread, UnreadPart, Versions,
};
use protocol::{Fault, Heartbeat, Phase, Refusal, RefusalCode, Report};

use super::contract::{Asked, Effect, Greeting, Output, Pings, Reply};
use super::kept::{Holding, LineNumber, SocketId};
use super::limits::{BEAT_EVERY_MS, MAX_ASKED, MAX_KEPT_BYTES};
use super::state::{Line, Reported, reply, send};

impl Line {
    /// Takes in a message. One of a socket that has been closed meanwhile is passed over.
    pub(super) fn heard(
        &mut self,
        socket: SocketId,
        message: &str,
        pings: Pings<'_>,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        if self.sockets.get(socket).is_none() {
            return;
        }
        match read(message) {
            Ok(FromNode::Hello(hello)) => self.hello(socket, hello, pings, now_ms, out),
            Ok(FromNode::Refused(refusal)) => {
                self.close(socket, CLOSED_REFUSED, brief(&refusal.reason), pings, now_ms, out);
            }
            Ok(FromNode::Ask { id, ask }) => self.asked(Asked { socket, id }, ask, now_ms, out),
            Ok(FromNode::Answer { id, answer }) => self.answered(socket, id, answer, out),
            Err((unread, refusal)) => self.unread(socket, unread, refusal, out),
        }
    }

    fn hello(&mut self, socket: SocketId, hello: NodeHello, pings: Pings<'_>, now_ms: u64, out: &mut Vec<Output>) {
        let mut told = self.admit(socket, hello);
        if let Ok(greeting) = &mut told
            && greeting.version >= NODE_LEASE
        {
            self.memo.node_id.clone_from(&greeting.node.node_id);
            let known = self.sockets.number(socket);
            greeting.line = known.or_else(|| Some(self.memo.begin(socket, now_ms)));
            if self.memo.begins(greeting.node.started_ms) {
                let node_id = greeting.node.node_id.clone();
                out.push(Output::Effect(Effect::Restarted { node_id, at_ms: now_ms }));
            }
        }
        let attachment = told.and_then(|told| {
            let gone = || Refusal::internal("the socket is closed".to_owned());
            self.sockets.tell(socket, told).ok_or_else(gone)
        });
        match attachment {
            Ok(attachment) => {
                let has_lease = attachment
                    .greeting
                    .as_ref()
                    .is_some_and(|greeting| greeting.line.is_some());
                out.push(Output::Effect(Effect::Attach { socket, attachment }));
                let hello = EdgeHello {
                    versions: Versions::OWN,
                    lease_ms: has_lease.then_some(self.lease_ms),
                };
                send(socket, &FromEdge::Hello(hello), out);
            }
            Err(refusal) => {
                send(socket, &FromEdge::Refused(refusal.clone()), out);
                self.close(socket, CLOSED_REFUSED, brief(&refusal.reason), pings, now_ms, out);
            }
        }
    }

    fn admit(&self, socket: SocketId, NodeHello { versions, node }: NodeHello) -> Result<Greeting, Refusal> {
        let own = self.sockets.get(socket).map(|attachment| &attachment.node_id);
        if own != Some(&node.node_id) {
            return Err(refused(format!(
                "the line was opened for node {}, and its hello names node {}",
                own.map_or("", String::as_str),
                brief(&node.node_id)
            )));
        }
        let texts = [&node.node_id, &node.region, &node.version];
        let bytes: usize = texts.into_iter().chain(&node.url).map(String::len).sum();
        if bytes > Identity::MAX_BYTES {
            return Err(refused(format!(
                "id, region, version and URL of the node have {bytes} bytes; give it shorter ones, of {} bytes together",
                Identity::MAX_BYTES
            )));
        }
        let version = Versions::OWN.agree(versions, &format!("node {} ({})", node.node_id, node.version))?;
        let line = None;
        Ok(Greeting { node, version, line })
    }

    fn asked(&mut self, asked: Asked, ask: NodeAsk, now_ms: u64, out: &mut Vec<Output>) {
        let told = self.sockets.get(asked.socket).and_then(|open| open.greeting.clone());
        let done = match told {
            None => Err(refused("the first message has to be a hello".to_owned())),
            Some(_) if self.asked.contains_key(&asked) => return,
            Some(_) if self.asked.len() >= MAX_ASKED => Err(Refusal::internal(format!(
                "{MAX_ASKED} questions of this node are being answered: ask again later"
            ))),
            Some(told) => self.take(asked, ask, told, now_ms, out),
        };
        if let Err(refusal) = done {
            self.answer(asked, EdgeAnswer::Refused(refusal), out);
        }
    }

    /// What a node's question comes to. It speaks for itself alone.
    fn take(
        &mut self,
        asked: Asked,
        ask: NodeAsk,
        told: Greeting,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let Greeting { node, line, .. } = told;
        let is_own = |node_id: &str| {
            if node_id == node.node_id {
                return Ok(());
            }
            Err(refused(format!("this is the line of node {}", node.node_id)))
        };
        let mut reported = None;
        let effect = match ask {
            NodeAsk::Beat(beat) => {
                if line.is_some() {
                    let held: BTreeSet<_> = beat.recordings.iter().map(|held| held.sid.as_str()).collect();
                    self.holdings.named(&held, now_ms);
                }
                let heartbeat = heartbeat(beat, node);
                let every_ms = line.map(|_| BEAT_EVERY_MS);
                if line.is_some() {
                    self.vouch(&heartbeat, now_ms);
                }
                Effect::Beat {
                    asked,
                    heartbeat,
                    every_ms,
                }
            }
            NodeAsk::Report(report) => {
                is_own(&report.node_id)?;
                if let Some(line) = line {
                    self.hold(holding(&report), line, out);
                    self.holdings.arrived(&report.sid);
                    reported = Some(Reported {
                        holding: holding(&report),
                        seq: report.seq,
                        ended: report.phase == Phase::Ended,
                    });
                }
                Effect::Report { asked, report, line }
            }
            NodeAsk::Keep(report) => {
                is_own(&report.node_id)?;
                let no_lease = || refused("a line of this version keeps no reports".to_owned());
                self.keep(&report, line.ok_or_else(no_lease)?, out)?;
                self.answer(asked, EdgeAnswer::Kept, out);
                return Ok(());
            }
            NodeAsk::Job(request) => {
                is_own(&request.node_id)?;
                Effect::Job { asked, request, line }
            }
            NodeAsk::Entry(question) => {
                is_own(&question.node_id)?;
                Effect::Entry { asked, question }
            }
            NodeAsk::Channels(news) => Effect::Channels {
                asked,
                node_id: node.node_id,
                news,
            },
            NodeAsk::Follow(question) => Effect::Follow {
                asked,
                node_id: node.node_id,
                question,
            },
            NodeAsk::Room(news) => Effect::Room {
                asked,
                node_id: node.node_id,
                news,
            },
        };
        self.asked.insert(asked, reported);
        out.push(Output::Effect(effect));
        Ok(())
    }

    /// Keeps a report for its recorder, in case that the node is lost.
    fn keep(&mut self, report: &Report, line: LineNumber, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let text = serde_json::to_string(report).map_err(|error| Refusal::internal(error.to_string()))?;
        if text.len() >= MAX_KEPT_BYTES {
            return Err(Refusal::internal("the report is too long to be kept".to_owned()));
        }
        let holding = holding(report);
        self.holdings.hold(&holding, line);
        self.holdings.arrived(&holding.sid);
        let full = || Refusal::internal("this node holds too many recordings for more reports to be kept".to_owned());
        let held = self.holdings.keep(&holding.sid, Some(report.seq)).ok_or_else(full)?;
        out.push(Output::Effect(Effect::Hold {
            holding,
            held,
            report: Some(text),
        }));
        Ok(())
    }

    fn answered(&mut self, socket: SocketId, id: u64, answer: NodeAnswer, out: &mut Vec<Output>) {
        // Whoever asked may have given it up.
        if let Some(by) = self.questions.answered(id, socket) {
            let line = self.sockets.number(socket);
            reply(out, by, Reply::Answer { answer, line });
        }
    }

    fn unread(&mut self, socket: SocketId, unread: Unread, refusal: Refusal, out: &mut Vec<Output>) {
        if let Some(UnreadPart { id }) = unread.ask {
            self.answer(Asked { socket, id }, EdgeAnswer::Refused(refusal), out);
        } else if let Some(UnreadPart { id }) = unread.answer {
            let reason = format!("the node's answer is not understood: {}", refusal.reason);
            self.answered(socket, id, NodeAnswer::Refused(Refusal::internal(reason)), out);
        }
    }
}

fn holding(report: &Report) -> Holding {
    Holding {
        recorder: report.recorder.clone(),
        sid: report.sid.clone(),
    }
}

fn heartbeat(beat: Beat, node: Identity) -> Heartbeat {
    Heartbeat {
        node_id: node.node_id,
        url: node.url,
        region: node.region,
        version: node.version,
        capacity: node.capacity,
        load: beat.load,
        draining: beat.draining,
        spool_full: beat.spool_full,
        threads: beat.threads,
        recordings: beat.recordings,
    }
}

fn read(message: &str) -> Result<FromNode, (Unread, Refusal)> {
    if message.len() > MAX_MESSAGE_BYTES {
        let reason = format!("a message of {} bytes; at most {MAX_MESSAGE_BYTES}", message.len());
        return Err((Unread::default(), refused(reason)));
    }
    serde_json::from_slice(message.as_bytes()).map_err(|error| {
        let unread = serde_json::from_slice(message.as_bytes()).unwrap_or_default();
        (unread, refused(format!("the edge does not understand it: {error}")))
    })
}

fn refused(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason,
    }
}

/// As much of a text as the frame that closes a socket carries.
fn brief(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_CLOSE_REASON_BYTES);
    text.get(..end).unwrap_or_default()
}
