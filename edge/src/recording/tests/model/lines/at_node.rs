//! The node's end.

use protocol::line::{
    Beat, EdgeAnswer, EdgeAsk, FromEdge, FromNode, Identity, NodeAnswer as Answered, NodeAsk, NodeHello, Versions,
};
use protocol::{HeldRecording, Phase, Report, ReportAnswer};

use super::super::world::{World, id_of};
use super::{OverLine, Sent, Session};
use crate::line::{Event, SocketId};
use crate::recording::{NodeAnswer, Policy};

impl World {
    /// The node opens a socket, and says hello.
    pub(in super::super) fn open_line(&mut self, node: usize) {
        if !self.wires.contains_key(&node) || self.is_away(node) {
            return;
        }
        self.calls += 1;
        let (socket, now) = (self.calls, self.now);
        self.tell(|| format!("node {node} opens line {socket}"));
        let session = Session {
            hello_ms: now,
            until_ms: None,
            is_open: true,
            pinging_ms: None,
        };
        let Some(wire) = self.wire(node) else { return };
        wire.sessions.insert(socket, session);
        wire.open.insert(socket);
        wire.pinged.insert(socket, 0);
        let node_id = id_of(node);
        self.line_event(
            node,
            Event::Opened {
                socket,
                node_id: node_id.clone(),
            },
        );
        let hello = FromNode::Hello(NodeHello {
            versions: Versions::OWN,
            node: Identity {
                node_id,
                region: String::new(),
                version: String::new(),
                capacity: 9,
                url: None,
                started_ms: None,
            },
        });
        self.up(node, socket, &hello);
    }

    pub(super) fn up(&mut self, node: usize, socket: SocketId, message: &FromNode) {
        let text = serde_json::to_string(message).unwrap();
        self.send(node, OverLine::Up { socket, text });
    }

    /// It pings, or opens a line if it has none.
    pub(in super::super) fn keep_line(&mut self, node: usize) {
        if !self.wires.contains_key(&node) || self.is_away(node) {
            return;
        }
        let now = self.now;
        let Some(wire) = self.wire(node) else { return };
        let (mut given_up, mut pinged) = (Vec::new(), Vec::new());
        for (socket, session) in wire.sessions.iter_mut().filter(|(_, session)| session.is_open) {
            if session.is_silent(now) {
                session.is_open = false;
                given_up.push(*socket);
            } else if session.until_ms.is_some() && session.pinging_ms.is_none() {
                session.pinging_ms = Some(now);
                pinged.push(*socket);
            }
        }
        let is_without = wire.sessions.values().all(|session| !session.is_open);
        for socket in given_up {
            self.send(node, OverLine::Gone { socket });
        }
        for socket in pinged {
            self.send(node, OverLine::Ping { socket, sent_ms: now });
        }
        if is_without {
            self.open_line(node);
        }
    }

    /// One of the node's sockets breaks: whichever side finds out first.
    pub(in super::super) fn break_line(&mut self, node: usize) {
        let Some(wire) = self.wire(node) else { return };
        let Some(socket) = wire
            .sessions
            .iter()
            .rfind(|(_, session)| session.is_open)
            .map(|(socket, _)| *socket)
        else {
            return;
        };
        self.tell(|| format!("line {socket} of node {node} breaks"));
        self.send(node, OverLine::Gone { socket });
        self.send(node, OverLine::Closed { socket });
    }

    /// The node's process ends, or its machine: then nobody tells the edge.
    pub(in super::super) fn end_lines(&mut self, node: usize) {
        let vanishes = !self.kind && self.chance.one_in(2);
        let Some(wire) = self.wire(node) else { return };
        let sockets: Vec<_> = std::mem::take(&mut wire.sessions).into_keys().collect();
        wire.reports.clear();
        for socket in sockets {
            if vanishes {
                self.wire(node).map(|wire| wire.open.remove(&socket));
            } else {
                self.send(node, OverLine::Gone { socket });
            }
        }
    }

    /// Whether what the recorder says reaches the node at once.
    pub(in super::super) fn is_in_touch(&mut self, node: usize) -> bool {
        self.wire(node).is_none_or(|wire| {
            let socket = wire.session();
            socket.is_some_and(|socket| wire.attachments.contains_key(&socket) && wire.open.contains(&socket))
        })
    }

    /// Over its line a node reports what it has not told, or what it was asked for.
    pub(in super::super) fn report_over_line(&mut self, node: usize, report: Report, asked: u64) {
        let news = Report {
            seq: 0,
            at_ms: 0,
            ..report.clone()
        };
        let Some(socket) = self.wire(node).and_then(|wire| wire.session()) else {
            return;
        };
        let told = self.nodes[node]
            .held
            .get(&report.sid)
            .and_then(|held| held.told.as_ref());
        if told == Some(&(socket, news, asked)) {
            return;
        }
        self.calls += 1;
        let id = self.calls;
        let keeps = !self.kind && self.chance.one_in(6);
        let sent = Sent {
            socket,
            report: report.clone(),
            asked,
        };
        if let Some(wire) = self.wire(node).filter(|_| !keeps) {
            wire.reports.insert(id, sent);
        }
        let ask = match keeps {
            true => NodeAsk::Keep(Box::new(report)),
            false => NodeAsk::Report(Box::new(report)),
        };
        self.up(node, socket, &FromNode::Ask { id, ask });
    }

    /// It names what it holds; some of it may have come after the beat was written.
    pub(in super::super) fn beat(&mut self, node: usize) {
        let Some(socket) = self.wire(node).and_then(|wire| wire.session()) else {
            return;
        };
        if self.is_away(node) {
            return;
        }
        let (chance, kind) = (&mut self.chance, self.kind);
        let held = self.nodes[node].held.values();
        let named = held.filter(|_| kind || !chance.one_in(3));
        let recordings = named.map(|held| HeldRecording {
            recorder: held.job.recorder.clone(),
            sid: held.job.sid.clone(),
            epoch: held.job.epoch,
        });
        let beat = Beat {
            load: 0.0,
            draining: false,
            spool_full: false,
            threads: Vec::new(),
            recordings: recordings.collect(),
        };
        self.calls += 1;
        let (id, ask) = (self.calls, NodeAsk::Beat(beat));
        self.up(node, socket, &FromNode::Ask { id, ask });
    }

    pub(super) fn ponged(&mut self, node: usize, socket: SocketId, sent_ms: u64) {
        let session = self.wire(node).and_then(|wire| wire.sessions.get_mut(&socket));
        let Some(session) = session.filter(|session| session.is_open) else {
            return;
        };
        session.pinging_ms = None;
        let until_ms = session.until_ms.max(Some(sent_ms + Policy::default().lease_ms));
        session.until_ms = until_ms;
        for held in self.nodes[node].held.values_mut() {
            held.renewed(socket, until_ms);
        }
    }

    pub(super) fn heard_over_line(&mut self, node: usize, socket: SocketId, text: &str) {
        let Some(wire) = self.wire(node) else { return };
        let Some(session) = wire.sessions.get_mut(&socket).filter(|session| session.is_open) else {
            return;
        };
        match serde_json::from_str(text).unwrap() {
            FromEdge::Hello(hello) => {
                let until_ms = session.hello_ms + hello.lease_ms.unwrap();
                session.until_ms = session.until_ms.max(Some(until_ms));
            }
            FromEdge::Answer {
                id,
                answer: EdgeAnswer::Report(answer),
            } => {
                let until_ms = session.until_ms;
                if let Some(sent) = wire.reports.remove(&id) {
                    self.report_answered(node, sent, until_ms, &answer);
                }
            }
            FromEdge::Answer { id, .. } => drop(wire.reports.remove(&id)),
            FromEdge::Ask {
                id,
                ask: EdgeAsk::Job(job),
            } => {
                let answer = match self.put_job(node, *job) {
                    NodeAnswer::Report(report) => Answered::Report(report),
                    NodeAnswer::Refused(refusal) => Answered::Refused(refusal),
                    NodeAnswer::Unreachable => return,
                };
                self.up(node, socket, &FromNode::Answer { id, answer });
            }
            _ => {}
        }
    }

    pub(super) fn report_answered(&mut self, node: usize, sent: Sent, until_ms: Option<u64>, answer: &ReportAnswer) {
        let Sent { socket, report, asked } = sent;
        let ended = report.phase == Phase::Ended;
        if !self.hears(node, &report.sid, report.seq, answer.desired.epoch) {
            return;
        }
        if let Some(held) = self.nodes[node].held.get_mut(&report.sid) {
            let news = Report {
                seq: 0,
                at_ms: 0,
                ..report.clone()
            };
            held.told = Some((socket, news, asked));
            held.granted(answer.node_lease.then_some(socket), until_ms);
        }
        self.answered(node, &report.sid, ended, 0, answer);
    }
}
