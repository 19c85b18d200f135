//! The core of a node's line.

mod eviction;
mod leases;
mod lines;
mod model;
mod questions;
mod talk;

use std::collections::BTreeMap;

use protocol::line::{EdgeAnswer, EdgeAsk, FromEdge, FromNode, Identity, NodeHello, OLDEST, RosterQuestion, Versions};
use protocol::{HeartbeatAnswer, Roster};

use super::*;
use crate::object::Input as Told;

pub(super) const NOW: u64 = 1_700_000_000_000;
pub(super) const LIMIT_MS: u64 = 5_000;

pub(super) fn hello() -> FromNode {
    FromNode::Hello(NodeHello {
        versions: Versions::OWN,
        node: identity("n1"),
    })
}

pub(super) fn identity(node_id: &str) -> Identity {
    Identity {
        node_id: node_id.to_owned(),
        region: "here".to_owned(),
        version: "0.1.0".to_owned(),
        capacity: 4,
        url: None,
        started_ms: None,
    }
}

/// A question that can be told from others by its channel.
pub(super) fn question(channel: &str) -> EdgeAsk {
    EdgeAsk::Roster(RosterQuestion {
        app_id: "a".to_owned(),
        channel: channel.to_owned(),
        version: None,
        wait_ms: 0,
    })
}

pub(super) fn roster(version: u64) -> protocol::line::NodeAnswer {
    protocol::line::NodeAnswer::Roster(Roster {
        version,
        users: Vec::new(),
        speaker: None,
    })
}

pub(super) fn text(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).unwrap()
}

pub(super) fn beaten() -> EdgeAnswer {
    EdgeAnswer::Beat(HeartbeatAnswer { interval_ms: 2_000 })
}

pub(super) const LEASE_MS: u64 = 10_000;

pub(super) struct Bench {
    pub(super) line: Line,
    pub(super) now_ms: u64,
    /// When the platform answered the newest ping, by socket.
    pub(super) pings: BTreeMap<SocketId, u64>,
    /// What is kept, as it is read back.
    pub(super) kept: Kept,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            line: Line::restore(Kept::default(), LEASE_MS, NOW),
            now_ms: NOW,
            pings: BTreeMap::new(),
            kept: Kept::default(),
        }
    }
}

impl Bench {
    /// A node whose line is socket 1.
    pub(super) fn lined() -> Self {
        let mut bench = Self::default();
        bench.open(1);
        bench.say(1, &hello());
        bench
    }

    pub(super) fn open(&mut self, socket: SocketId) -> Vec<Output> {
        let node_id = "n1".to_owned();
        self.happen(Event::Opened { socket, node_id })
    }

    pub(super) fn say(&mut self, socket: SocketId, message: &FromNode) -> Vec<Output> {
        self.hear(socket, &serde_json::to_string(message).unwrap())
    }

    pub(super) fn hear(&mut self, socket: SocketId, text: &str) -> Vec<Output> {
        let text = text.to_owned();
        self.happen(Event::Message { socket, text })
    }

    pub(super) fn happen(&mut self, event: Event) -> Vec<Output> {
        self.step(Told::Event(event))
    }

    pub(super) fn step(&mut self, input: Input) -> Vec<Output> {
        let pings = &self.pings;
        let outputs = step(
            &mut self.line,
            input,
            &|socket| pings.get(&socket).copied(),
            self.now_ms,
        );
        self.keep(&outputs);
        outputs
    }

    /// The shell's part.
    fn keep(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Effect(Effect::Write(memo)) => self.kept.memo = memo.clone(),
                Output::Effect(Effect::Hold { holding, held, .. }) => {
                    self.kept.held.retain(|(known, _)| known.sid != holding.sid);
                    self.kept.held.push((holding.clone(), held.clone()));
                }
                Output::Effect(Effect::LetGo { sid }) => self.kept.held.retain(|(known, _)| known.sid != *sid),
                Output::Effect(Effect::Attach { socket, attachment }) => {
                    self.kept.sockets.retain(|(known, _)| known != socket);
                    self.kept.sockets.push((*socket, attachment.clone()));
                }
                Output::Effect(Effect::Close { socket, .. }) => {
                    self.kept.sockets.retain(|(known, _)| known != socket);
                }
                _ => {}
            }
        }
    }

    /// The object is made anew.
    pub(super) fn wake(&mut self) {
        let text = serde_json::to_string(&self.kept.memo).unwrap();
        self.kept.memo = serde_json::from_str(&text).unwrap();
        self.line = Line::restore(self.kept.clone(), LEASE_MS, self.now_ms);
    }

    pub(super) fn ask(&mut self, by: u64, ask: EdgeAsk) -> Vec<Output> {
        let request = Request::Ask {
            ask: text(&ask),
            limit_ms: LIMIT_MS,
            holding: None,
            oldest: OLDEST,
        };
        self.step(Told::Asked { by, request })
    }

    /// Asks, and returns the id under which the node hears it.
    pub(super) fn ask_id(&mut self, by: u64, ask: EdgeAsk) -> u64 {
        let sent = sent(&self.ask(by, ask));
        let [(_, FromEdge::Ask { id, .. })] = &sent[..] else {
            panic!("no question: {sent:?}");
        };
        *id
    }

    pub(super) fn alarm(&mut self, now_ms: u64) -> Vec<Output> {
        self.now_ms = now_ms;
        self.step(Told::Alarm)
    }
}

/// The messages among the outputs.
pub(super) fn sent(outputs: &[Output]) -> Vec<(SocketId, FromEdge)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Effect(Effect::Send { socket, text }) => Some((*socket, serde_json::from_str(text).unwrap())),
        _ => None,
    });
    sent.collect()
}

pub(super) fn replies(outputs: &[Output]) -> Vec<(u64, Reply)> {
    let replies = outputs.iter().filter_map(|output| match output {
        Output::Reply { to, reply } => Some((*to, reply.clone())),
        Output::Effect(_) => None,
    });
    replies.collect()
}

/// The sockets that are closed, and why.
pub(super) fn closed(outputs: &[Output]) -> Vec<(SocketId, u16, String)> {
    let closed = outputs.iter().filter_map(|output| match output {
        Output::Effect(Effect::Close { socket, code, reason }) => Some((*socket, *code, reason.clone())),
        _ => None,
    });
    closed.collect()
}

pub(super) fn attached(outputs: &[Output]) -> Vec<(SocketId, Attachment)> {
    let attached = outputs.iter().filter_map(|output| match output {
        Output::Effect(Effect::Attach { socket, attachment }) => Some((*socket, attachment.clone())),
        _ => None,
    });
    attached.collect()
}
