//! The lines of those nodes that have one: sockets that break on one side first, pings that the platform answers, and the object
//! that holds the lines and is made anew. Messages come late, in any order and more than once; a machine sleeps for minutes and
//! finds out afterwards.

mod at_edge;
mod at_node;

use std::collections::{BTreeMap, BTreeSet};

use protocol::Report;

use super::world::{Message, World};
use crate::line::{Attachment, Effect as LineEffect, Event, Held, Holding, Kept, Line, Memo, SocketId};
use crate::recording::Policy;

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
        effect: Box<LineEffect>,
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

    fn send(&mut self, node: usize, what: OverLine) {
        self.messages.push(Message::Line { node, what });
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
            OverLine::Does { life, effect } => self.does(node, life, *effect),
        }
    }
}
