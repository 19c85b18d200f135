//! A model of a bad world: messages are lost, repeated and come late, lines break, several are open at once, and the object is
//! forgotten between any two inputs. Whatever happens, who asks gets one answer, and it is to what was asked.

use std::collections::{BTreeMap, BTreeSet};

use protocol::line::{Beat, EdgeAnswer, EdgeAsk, FromEdge, FromNode, NodeAnswer, NodeAsk, OLDEST};
use protocol::{HeartbeatAnswer, Roster};

use super::*;
use crate::chance::{Chance, seeds};

const RUNS: u64 = 400;

#[test]
fn who_asks_gets_one_answer_to_what_was_asked() {
    let mut tally = Tally::default();
    for seed in seeds(RUNS) {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.act();
        }
        world.end();
        tally.answered += world.tally.answered;
        tally.unreachable += world.tally.unreachable;
        tally.node_answered += world.tally.node_answered;
        tally.forgotten += world.tally.forgotten;
    }
    // The world is bad, and not hopeless.
    assert!(tally.answered > 1_000 && tally.unreachable > 1_000, "{tally:?}");
    assert!(tally.node_answered > 1_000 && tally.forgotten > 100, "{tally:?}");
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answered: u64,
    unreachable: u64,
    node_answered: u64,
    forgotten: u64,
}

struct World {
    seed: u64,
    chance: Chance,
    now_ms: u64,
    line: Line,
    memo: Memo,
    /// What the platform keeps.
    attachments: BTreeMap<SocketId, Attachment>,
    next_socket: SocketId,
    next_caller: u64,
    next_ask: u64,
    /// Who waits for a reply: the number that their question carries.
    callers: BTreeSet<u64>,
    to_node: Vec<(SocketId, String)>,
    to_edge: Vec<(SocketId, String)>,
    effects: Vec<Asked>,
    /// The node's questions that have had their answer.
    node_answered: BTreeSet<(SocketId, u64)>,
    tally: Tally,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            chance: Chance::new(seed),
            now_ms: NOW,
            line: Line::restore(Kept::default(), LEASE_MS, NOW),
            memo: Memo::default(),
            attachments: BTreeMap::new(),
            next_socket: 1,
            next_caller: 1,
            next_ask: 1,
            callers: BTreeSet::new(),
            to_node: Vec::new(),
            to_edge: Vec::new(),
            effects: Vec::new(),
            node_answered: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance.below(limit as u64) as usize
    }

    fn act(&mut self) {
        self.now_ms += self.below(40) as u64;
        match self.below(80) {
            0..2 => self.open(),
            2 => self.break_one(),
            3 => self.forget(),
            4..8 => self.apply(Told::Alarm),
            8..20 => self.ask(),
            20..32 => self.node_asks(),
            32..48 => self.node_hears(),
            48..72 => self.edge_hears(),
            _ => self.effect_ends(),
        }
    }

    fn open(&mut self) {
        let socket = self.next_socket;
        self.next_socket += 1;
        let node_id = "n1".to_owned();
        self.apply(Told::Event(Event::Opened { socket, node_id }));
        self.send_up(socket, &hello());
    }

    fn some_socket(&mut self) -> Option<SocketId> {
        let open: Vec<_> = self.attachments.keys().copied().collect();
        let which = self.below(open.len());
        open.get(which).copied()
    }

    fn break_one(&mut self) {
        if let Some(socket) = self.some_socket() {
            self.attachments.remove(&socket);
            self.to_node.retain(|(of, _)| *of != socket);
            self.apply(Told::Event(Event::Closed { socket }));
        }
    }

    /// The object is made anew: those who waited learn that nobody answers.
    fn forget(&mut self) {
        self.tally.forgotten += 1;
        self.now_ms += 1;
        self.callers.clear();
        self.effects.clear();
        let kept = Kept {
            sockets: self.attachments.clone().into_iter().collect(),
            memo: self.memo.clone(),
            held: Vec::new(),
        };
        self.line = Line::restore(kept, LEASE_MS, self.now_ms);
    }

    fn ask(&mut self) {
        let by = self.next_caller;
        self.next_caller += 1;
        self.callers.insert(by);
        let request = Request::Ask {
            ask: text(&question(&by.to_string())),
            limit_ms: LIMIT_MS,
            holding: None,
            oldest: OLDEST,
        };
        self.apply(Told::Asked { by, request });
    }

    fn node_asks(&mut self) {
        let Some(socket) = self.some_socket() else { return };
        let id = self.next_ask;
        self.next_ask += 1;
        let ask = NodeAsk::Beat(Beat {
            load: 0.0,
            draining: false,
            spool_full: false,
            threads: Vec::new(),
            recordings: Vec::new(),
        });
        self.send_up(socket, &FromNode::Ask { id, ask });
    }

    fn send_up(&mut self, socket: SocketId, message: &FromNode) {
        self.to_edge.push((socket, serde_json::to_string(message).unwrap()));
    }

    fn node_hears(&mut self) {
        let Some((socket, text)) = self.pick(|world| &mut world.to_node) else {
            return;
        };
        match serde_json::from_str(&text).unwrap() {
            FromEdge::Ask {
                id,
                ask: EdgeAsk::Roster(question),
            } => {
                let version = question.channel.parse().unwrap();
                let answer = roster(version);
                self.send_up(socket, &FromNode::Answer { id, answer });
            }
            FromEdge::Answer { id, answer } => {
                let is_first = self.node_answered.insert((socket, id));
                assert!(is_first, "seed {}: question {id} is answered twice", self.seed);
                match answer {
                    // It carries its own number.
                    EdgeAnswer::Beat(beaten) => assert_eq!(beaten.interval_ms, id, "seed {}", self.seed),
                    EdgeAnswer::Refused(_) => {}
                    other => panic!("seed {}: {other:?}", self.seed),
                }
                self.tally.node_answered += 1;
            }
            _ => {}
        }
    }

    fn edge_hears(&mut self) {
        let Some((socket, text)) = self.pick(|world| &mut world.to_edge) else {
            return;
        };
        if self.attachments.contains_key(&socket) {
            self.apply(Told::Event(Event::Message { socket, text }));
        }
    }

    /// Any of the messages that are under way; sometimes it is lost. Answers may come twice.
    fn pick(&mut self, queue: fn(&mut Self) -> &mut Vec<(SocketId, String)>) -> Option<(SocketId, String)> {
        let count = queue(self).len();
        let which = self.below(count);
        let taken = (which < count).then(|| queue(self).remove(which))?;
        if self.below(10) == 0 {
            return None;
        }
        if self.below(10) == 0 && taken.1.contains("\"roster\":{\"version\"") {
            queue(self).push(taken.clone());
        }
        Some(taken)
    }

    fn effect_ends(&mut self) {
        let count = self.effects.len();
        let which = self.below(count);
        if which < count {
            let asked = self.effects.remove(which);
            let interval_ms = asked.id;
            let answer = text(&EdgeAnswer::Beat(HeartbeatAnswer { interval_ms }));
            self.apply(Told::Event(Event::Done {
                asked,
                answer,
                ok: true,
            }));
        }
    }

    fn apply(&mut self, input: Input) {
        let now_ms = self.now_ms;
        // Every line is pinged all the time: leases have a test of their own.
        for output in step(&mut self.line, input, &|_| Some(now_ms), now_ms) {
            match output {
                Output::Effect(Effect::Write(memo)) => self.memo = memo,
                Output::Reply { to, reply } => self.replied(to, reply),
                Output::Effect(Effect::Attach { socket, attachment }) => {
                    self.attachments.insert(socket, attachment);
                }
                Output::Effect(Effect::Send { socket, text }) => self.to_node.push((socket, text)),
                Output::Effect(Effect::Close { socket, .. }) => {
                    self.attachments.remove(&socket);
                    self.to_node.retain(|(of, _)| *of != socket);
                }
                Output::Effect(Effect::Beat { asked, .. }) => self.effects.push(asked),
                Output::Effect(Effect::Vouch(_) | Effect::Absent { .. }) => {}
                Output::Effect(other) => panic!("seed {}: {other:?}", self.seed),
            }
        }
        let told = self
            .attachments
            .values()
            .filter(|attachment| attachment.greeting.is_some());
        assert!(told.count() <= 1, "seed {}: two lines", self.seed);
    }

    fn replied(&mut self, to: u64, reply: Reply) {
        assert!(
            self.callers.remove(&to),
            "seed {}: {to} has two replies, or asked an earlier object",
            self.seed
        );
        match reply {
            Reply::Answer {
                answer: NodeAnswer::Roster(Roster { version, .. }),
                ..
            } => {
                assert_eq!(version, to, "seed {}: another one's answer", self.seed);
                self.tally.answered += 1;
            }
            Reply::NoLine | Reply::Unreachable => self.tally.unreachable += 1,
            other => panic!("seed {}: {other:?}", self.seed),
        }
    }

    /// Nothing more arrives: all who wait have their reply by their deadlines.
    fn end(&mut self) {
        while let Some(at_ms) = self.line.questions.next_ms() {
            assert!(at_ms <= self.now_ms + LIMIT_MS, "seed {}", self.seed);
            self.now_ms = self.now_ms.max(at_ms);
            self.apply(Told::Alarm);
        }
        assert!(
            self.callers.is_empty(),
            "seed {}: {:?} wait for ever",
            self.seed,
            self.callers
        );
    }
}
