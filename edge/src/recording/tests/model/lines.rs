//! The lines of those nodes that have one: sockets that break on one side first, pings that the platform answers, and the object
//! that holds the lines and is made anew. Messages come late, in any order and more than once; a machine sleeps for minutes and
//! finds out afterwards.

use std::collections::{BTreeMap, BTreeSet};

use protocol::line::{
    Beat, EdgeAnswer, EdgeAsk, FromEdge, FromNode, Identity, NodeAnswer as Answered, NodeAsk, NodeHello, Versions,
};
use protocol::{HeartbeatAnswer, HeldRecording, Job, Phase, Report, ReportAnswer};

use super::fleet::index_of;
use super::world::{Message, World, id_of};
use crate::line::{
    Asked, Attachment, Effect as LineEffect, Event, Held, Holding, Input as LineInput, Kept, Line, Loss, Memo, Output,
    Reply as LineReply, Request as LineRequest, SocketId, step,
};
use crate::recording::{Effect, Input, Lost, Missing, NodeAnswer, Policy, Reply, Request};

/// A node gives up a line over which nothing has come for so long.
const SILENCE_MS: u64 = 7_000;
/// Within so long a socket that the edge closes is closed.
const CLOSING_MS: u64 = 1_000;
/// How long the node waits for the answer to a job.
const JOB_LIMIT_MS: u64 = 12_000;

/// A line, on both sides.
pub(super) struct Wire {
    line: Line,
    /// What the object keeps.
    memo: Memo,
    held: BTreeMap<String, (Holding, Held, Option<String>)>,
    attachments: BTreeMap<SocketId, Attachment>,
    /// Sockets that the platform answers pings over.
    open: BTreeSet<SocketId>,
    /// When it has, as far as the object can still see it.
    pinged: BTreeMap<SocketId, u64>,
    /// How often the object was made anew.
    life: u64,
    /// Jobs that wait for their answer.
    jobs: BTreeMap<u64, (String, u64)>,
    /// The node's own end of each socket.
    sessions: BTreeMap<SocketId, Session>,
    reports: BTreeMap<u64, Sent>,
}

/// The node's end of a socket.
struct Session {
    hello_ms: u64,
    /// Until when its lease lasts, from the edge's hello on.
    until_ms: Option<u64>,
    is_open: bool,
    /// Since when a ping is under way.
    pinging_ms: Option<u64>,
}

impl Session {
    /// The edge has not said hello, or has not answered a ping, for so long that the node gives it up.
    fn is_silent(&self, now: u64) -> bool {
        let since_ms = match self.until_ms {
            None => Some(self.hello_ms),
            Some(_) => self.pinging_ms,
        };
        since_ms.is_some_and(|since_ms| now >= since_ms + SILENCE_MS)
    }
}

/// A report that is not answered yet.
struct Sent {
    socket: SocketId,
    report: Report,
    asked: u64,
}

/// What is under way over a line, or to do with one.
#[derive(Clone, Debug)]
pub(super) enum OverLine {
    Up {
        socket: SocketId,
        text: String,
    },
    Down {
        socket: SocketId,
        text: String,
    },
    Ping {
        socket: SocketId,
        sent_ms: u64,
    },
    Pong {
        socket: SocketId,
        sent_ms: u64,
    },
    /// The platform carries out that the object closes it, within a moment.
    Close {
        socket: SocketId,
        since_ms: u64,
    },
    /// The object hears that it is gone.
    Gone {
        socket: SocketId,
    },
    /// The node finds that it is closed.
    Closed {
        socket: SocketId,
    },
    /// What the object does, in one of its lives.
    Does {
        life: u64,
        effect: LineEffect,
    },
}

impl OverLine {
    /// Whether it may get lost, or come twice. The other things are no messages.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Up { .. } | Self::Down { .. })
    }
}

impl Wire {
    pub(super) fn new(now: u64) -> Self {
        Self {
            line: Line::restore(Kept::default(), Policy::default().lease_ms, now),
            memo: Memo::default(),
            held: BTreeMap::new(),
            attachments: BTreeMap::new(),
            open: BTreeSet::new(),
            pinged: BTreeMap::new(),
            life: 0,
            jobs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    pub(super) fn next_alarm(&self) -> Option<u64> {
        self.line.next_alarm()
    }

    /// The socket that the node talks over.
    fn session(&self) -> Option<SocketId> {
        let greeted = |(_, session): &(&SocketId, &Session)| session.is_open && session.until_ms.is_some();
        self.sessions
            .iter()
            .filter(greeted)
            .map(|(socket, _)| *socket)
            .next_back()
    }
}

impl Wire {
    /// The number of the line that the node talks over.
    pub(super) fn number(&self) -> Option<u64> {
        let attachment = self.attachments.get(&self.session()?)?;
        attachment.greeting.as_ref()?.line
    }
}

impl World {
    pub(super) fn wire(&mut self, node: usize) -> Option<&mut Wire> {
        self.wires.get_mut(&node)
    }

    /// The node opens a socket, and says hello.
    pub(super) fn open_line(&mut self, node: usize) {
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
            },
        });
        self.up(node, socket, &hello);
    }

    fn up(&mut self, node: usize, socket: SocketId, message: &FromNode) {
        let text = serde_json::to_string(message).unwrap();
        self.send(node, OverLine::Up { socket, text });
    }

    fn send(&mut self, node: usize, what: OverLine) {
        self.messages.push(Message::Line { node, what });
    }

    /// It pings, or opens a line if it has none.
    pub(super) fn keep_line(&mut self, node: usize) {
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
    pub(super) fn break_line(&mut self, node: usize) {
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
    pub(super) fn end_lines(&mut self, node: usize) {
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

    /// The object is made anew, with its sockets or without.
    pub(super) fn restart_line(&mut self, node: usize) {
        if !self.wires.contains_key(&node) {
            return;
        }
        let with_sockets = self.chance.one_in(2);
        self.tell(|| format!("the object of node {node} is made anew, with its sockets: {with_sockets}"));
        let now = self.now;
        let Some(wire) = self.wire(node) else { return };
        let mut gone = Vec::new();
        if !with_sockets {
            gone.extend(std::mem::take(&mut wire.open));
            wire.attachments.clear();
        }
        // Of what is not there the platform tells nothing.
        let open = wire.open.clone();
        wire.pinged.retain(|socket, _| open.contains(socket));
        wire.life += 1;
        let kept = Kept {
            sockets: wire.attachments.clone().into_iter().collect(),
            memo: serde_json::from_str(&serde_json::to_string(&wire.memo).unwrap()).unwrap(),
            held: wire
                .held
                .values()
                .map(|(holding, held, _)| (holding.clone(), held.clone()))
                .collect(),
        };
        wire.line = Line::restore(kept, Policy::default().lease_ms, now);
        let lost = std::mem::take(&mut wire.jobs);
        for (sid, epoch) in lost.into_values() {
            self.job_answered(sid, epoch, NodeAnswer::Unreachable, None);
        }
        for socket in gone {
            self.send(node, OverLine::Closed { socket });
        }
    }

    /// Nothing that the edge closes stays open for long.
    pub(super) fn carry_out_closings(&mut self, until_ms: u64) {
        let is_due = |message: &Message| match message {
            Message::Line {
                what: OverLine::Close { since_ms, .. },
                ..
            } => since_ms + CLOSING_MS <= until_ms,
            _ => false,
        };
        while let Some(place) = self.messages.iter().position(is_due) {
            if let Message::Line { node, what } = self.messages.remove(place) {
                self.deliver_over_line(node, what);
            }
        }
    }

    pub(super) fn line_alarm(&mut self, node: usize) {
        self.line_step(node, LineInput::Alarm);
    }

    fn line_event(&mut self, node: usize, event: Event) {
        self.line_step(node, LineInput::Event(event));
    }

    fn line_step(&mut self, node: usize, input: LineInput) -> Vec<(u64, LineReply)> {
        let now = self.now;
        let Some(wire) = self.wire(node) else { return Vec::new() };
        let pinged = &wire.pinged;
        let outputs = step(&mut wire.line, input, &|socket| pinged.get(&socket).copied(), now);
        let life = wire.life;
        let mut replies = Vec::new();
        for output in outputs {
            self.tell(|| format!("line {node}: {output:?}"));
            let Some(wire) = self.wire(node) else { continue };
            match output {
                Output::Reply { to, reply } => replies.push((to, reply)),
                Output::Effect(LineEffect::Write(memo)) => wire.memo = memo,
                Output::Effect(LineEffect::Hold { holding, held, report }) => {
                    let before = wire.held.remove(&holding.sid).and_then(|(_, _, report)| report);
                    let report = held.kept_seq.and(report.or(before));
                    wire.held.insert(holding.sid.clone(), (holding, held, report));
                }
                Output::Effect(LineEffect::LetGo { sid }) => drop(wire.held.remove(&sid)),
                Output::Effect(LineEffect::Attach { socket, attachment }) => {
                    wire.attachments.insert(socket, attachment);
                }
                Output::Effect(LineEffect::Send { socket, text }) => self.send(node, OverLine::Down { socket, text }),
                Output::Effect(LineEffect::Close { socket, .. }) => {
                    wire.attachments.remove(&socket);
                    self.send(node, OverLine::Close { socket, since_ms: now });
                }
                Output::Effect(effect) => self.send(node, OverLine::Does { life, effect }),
            }
        }
        let due = self.wire(node).and_then(|wire| wire.line.next_alarm());
        assert!(due.is_none_or(|due| due > now), "what is due has been done");
        for (to, reply) in &replies {
            let job = self.wire(node).and_then(|wire| wire.jobs.remove(to));
            let Some((sid, epoch)) = job else { continue };
            let (answer, line) = match reply {
                LineReply::Answer {
                    answer: Answered::Report(report),
                    line,
                } => (NodeAnswer::Report(report.clone()), *line),
                LineReply::Answer {
                    answer: Answered::Refused(refusal),
                    line,
                } => (NodeAnswer::Refused(refusal.clone()), *line),
                _ => (NodeAnswer::Unreachable, None),
            };
            self.job_answered(sid, epoch, answer, line);
        }
        replies
    }

    fn job_answered(&mut self, sid: String, epoch: u64, answer: NodeAnswer, line: Option<u64>) {
        self.messages.push(Message::Input(Input::JobAnswered {
            sid,
            epoch,
            answer,
            line,
        }));
    }

    /// The recorder offers a job over the node's line.
    pub(super) fn offer_over_line(&mut self, node: usize, job: Job) {
        self.calls += 1;
        let by = self.calls;
        let (sid, epoch) = (job.sid.clone(), job.epoch);
        let holding = Holding {
            recorder: job.recorder.clone(),
            sid: sid.clone(),
        };
        let Some(wire) = self.wire(node) else { return };
        wire.jobs.insert(by, (sid, epoch));
        let request = LineRequest::Ask {
            ask: serde_json::to_string(&EdgeAsk::Job(Box::new(job))).unwrap(),
            limit_ms: JOB_LIMIT_MS,
            holding: Some(holding),
        };
        self.line_step(node, LineInput::Asked { by, request });
    }

    pub(super) fn look_at_line(&mut self, effect: Effect) {
        let Effect::Look {
            key,
            sid,
            node_id,
            line,
        } = effect
        else {
            return;
        };
        self.calls += 1;
        let by = self.calls;
        let holding = Holding { recorder: key, sid };
        let request = LineRequest::Look { line, holding };
        let replies = self.line_step(index_of(&node_id), LineInput::Asked { by, request });
        if let [(_, LineReply::Looked { loss: Some(loss) })] = &replies[..] {
            let lost = Lost {
                node_id,
                line: loss.line,
                heard_ms: loss.heard_ms,
                reports: Vec::new(),
            };
            self.messages.push(Message::Input(Input::Looked(lost)));
        }
    }

    /// Whether what the recorder says reaches the node at once.
    pub(super) fn is_in_touch(&mut self, node: usize) -> bool {
        self.wire(node).is_none_or(|wire| {
            let socket = wire.session();
            socket.is_some_and(|socket| wire.attachments.contains_key(&socket) && wire.open.contains(&socket))
        })
    }

    /// Over its line a node reports what it has not told, or what it was asked for.
    pub(super) fn report_over_line(&mut self, node: usize, report: Report, asked: u64) {
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
    pub(super) fn beat(&mut self, node: usize) {
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
            recordings: recordings.collect(),
        };
        self.calls += 1;
        let (id, ask) = (self.calls, NodeAsk::Beat(beat));
        self.up(node, socket, &FromNode::Ask { id, ask });
    }

    /// Whether it is for a node that sleeps.
    pub(super) fn waits_over_line(&self, node: usize, what: &OverLine) -> bool {
        let is_for_node = matches!(
            what,
            OverLine::Down { .. } | OverLine::Pong { .. } | OverLine::Closed { .. }
        );
        is_for_node && self.now < self.nodes[node].asleep_ms
    }

    pub(super) fn deliver_over_line(&mut self, node: usize, what: OverLine) {
        if self.waits_over_line(node, &what) {
            return self.send(node, what);
        }
        match what {
            OverLine::Up { socket, text } => {
                if self
                    .wire(node)
                    .is_some_and(|wire| wire.attachments.contains_key(&socket))
                {
                    self.line_event(node, Event::Message { socket, text });
                }
            }
            OverLine::Ping { socket, sent_ms } => {
                let now = self.now;
                let Some(wire) = self.wire(node) else { return };
                if wire.open.contains(&socket) {
                    wire.pinged.insert(socket, now);
                    self.send(node, OverLine::Pong { socket, sent_ms });
                }
            }
            OverLine::Close { socket, .. } => {
                if self.wire(node).is_some_and(|wire| wire.open.remove(&socket)) {
                    self.send(node, OverLine::Closed { socket });
                }
            }
            OverLine::Gone { socket } => {
                let Some(wire) = self.wire(node) else { return };
                wire.open.remove(&socket);
                wire.attachments.remove(&socket);
                self.line_event(node, Event::Closed { socket });
            }
            OverLine::Closed { socket } => {
                let session = self.wire(node).and_then(|wire| wire.sessions.get_mut(&socket));
                if let Some(session) = session {
                    session.is_open = false;
                }
                // Its other end is gone with it.
                self.send(node, OverLine::Gone { socket });
            }
            OverLine::Pong { socket, sent_ms } => self.ponged(node, socket, sent_ms),
            OverLine::Down { socket, text } => self.heard_over_line(node, socket, &text),
            OverLine::Does { life, effect } => self.does(node, life, effect),
        }
    }

    fn ponged(&mut self, node: usize, socket: SocketId, sent_ms: u64) {
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

    fn heard_over_line(&mut self, node: usize, socket: SocketId, text: &str) {
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

    fn report_answered(&mut self, node: usize, sent: Sent, until_ms: Option<u64>, answer: &ReportAnswer) {
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

    /// The object does something: what it says to the recorder is answered.
    fn does(&mut self, node: usize, life: u64, effect: LineEffect) {
        if self.wire(node).is_none_or(|wire| wire.life != life) {
            return;
        }
        match effect {
            LineEffect::Report { asked, report, line } => {
                let Some(Reply::Desired(answer)) = self.ask(Request::Report { report, line }) else {
                    panic!("every report is answered");
                };
                self.done(node, asked, EdgeAnswer::Report(answer));
            }
            LineEffect::Tell {
                node_id,
                recorder,
                loss,
                sids,
            } => {
                let Loss { line, heard_ms } = loss;
                let wire = self.wire(node);
                let kept = wire
                    .into_iter()
                    .flat_map(|wire| sids.iter().filter_map(|sid| wire.held.get(sid)?.2.clone()));
                let reports = kept.map(|report| serde_json::from_str(&report).unwrap()).collect();
                let lost = Lost {
                    node_id,
                    line,
                    heard_ms,
                    reports,
                };
                // The recorder may be away, and its answer may get lost.
                let fate = if self.kind { 9 } else { self.chance.below(10) };
                if fate > 1 {
                    self.tally.losses += 1;
                    self.ask(Request::Lost(lost));
                }
                let ok = fate > 3;
                self.line_event(node, Event::Told { recorder, loss, ok });
            }
            LineEffect::Miss { node_id, holding, kept } => {
                let Holding { sid, .. } = holding;
                let report = self.wire(node).filter(|_| kept);
                let report = report.and_then(|wire| wire.held.get(&sid)?.2.clone());
                let missing = Missing {
                    node_id,
                    sid: sid.clone(),
                    report: report.map(|report| serde_json::from_str(&report).unwrap()),
                };
                let fate = if self.kind { 9 } else { self.chance.below(10) };
                let answer = (fate > 1).then(|| self.ask(Request::Missing(missing))).flatten();
                let is_with_node = match answer {
                    Some(Reply::Missed { is_with_node }) if fate > 3 => Some(is_with_node),
                    _ => None,
                };
                self.tally.missed += u64::from(is_with_node == Some(true));
                self.line_event(node, Event::Missed { sid, is_with_node });
            }
            LineEffect::Beat { asked, .. } => {
                self.done(node, asked, EdgeAnswer::Beat(HeartbeatAnswer { interval_ms: 60_000 }));
            }
            _ => {}
        }
    }

    fn done(&mut self, node: usize, asked: Asked, answer: EdgeAnswer) {
        let answer = serde_json::to_string(&answer).unwrap();
        self.line_event(
            node,
            Event::Done {
                asked,
                answer,
                ok: true,
            },
        );
    }
}
