use std::collections::{BTreeMap, BTreeSet};

use protocol::{Directive, Phase, Report, ReportAnswer};

use super::super::receiver::Receiver;
use super::super::samples::*;
use super::super::slices::Slices;
use super::super::storage::Storage;
use super::fleet::index_of;
use super::lines::{OverLine, Wire};
use super::node::{Held, Written};
use crate::chance::Chance;
use crate::recording::{
    Call, CallId, Command, Delivery, Effect, Input, Policy, Reply, Request, State, Stop, next_alarm, step,
};

pub(super) const NODES: usize = 4;

#[derive(Clone, Debug)]
pub(super) enum Message {
    /// Not yet carried out: lost when the recorder's process dies.
    Effect(Effect),
    /// The answer to an effect: likewise.
    Input(Input),
    Report {
        report: Box<Report>,
        sent_ms: u64,
    },
    Line {
        node: usize,
        what: OverLine,
    },
    Answer {
        node: usize,
        sid: String,
        seq: u64,
        /// The report told the end.
        ended: bool,
        sent_ms: u64,
        answer: Box<ReportAnswer>,
    },
}

impl Message {
    /// Or come twice.
    fn may_get_lost(&self) -> bool {
        match self {
            Self::Report { .. } | Self::Answer { .. } => true,
            Self::Line { what, .. } => what.is_text(),
            Self::Effect(_) | Self::Input(_) => false,
        }
    }
}

#[derive(Default)]
pub(super) struct NodeState {
    pub(super) down: bool,
    pub(super) leaving: bool,
    /// Until when it stands still.
    pub(super) asleep_ms: u64,
    pub(super) held: BTreeMap<String, Held>,
}

/// What was promised of a recording.
#[derive(Default)]
pub(super) struct Promised {
    /// Slices that the store has confirmed.
    pub(super) confirmed: BTreeSet<String>,
    /// The playlist in the store.
    pub(super) playlist: Option<Written>,
    pub(super) ordered: bool,
}

/// How often the rarer things happened, so that it shows when the world has become too kind for them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) failovers: u64,
    pub(super) returns: u64,
    pub(super) reliefs: u64,
    /// Nodes that were asked to do nothing but end playlists.
    pub(super) endings: u64,
    /// Losses of lines that recorders were told of.
    pub(super) losses: u64,
    pub(super) missed: u64,
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) tally: Tally,
    pub(super) state: State,
    slices: Slices,
    storage: Storage,
    /// The customer's server, which takes events.
    pub(super) receiver: Receiver,
    pub(super) now: u64,
    pub(super) calls: CallId,
    /// Who waits for a reply, and since when.
    pub(super) waiting: BTreeMap<CallId, u64>,
    pub(super) messages: Vec<Message>,
    pub(super) nodes: [NodeState; NODES],
    /// The lines of those nodes that have one; the others are called by HTTP.
    pub(super) wires: BTreeMap<usize, Wire>,
    highest_epoch: u64,
    pub(super) seq: u64,
    /// Which recording each ticket has started.
    pub(super) started: BTreeMap<String, String>,
    pub(super) files: BTreeMap<String, BTreeMap<String, u64>>,
    pub(super) promised: BTreeMap<String, Promised>,
    pub(super) kind: bool,
    told: bool,
}

pub(super) fn id_of(node: usize) -> String {
    format!("n{node}")
}

impl World {
    pub(super) fn new(mut chance: Chance, told: bool) -> Self {
        let wires = (0..NODES)
            .filter(|_| !chance.one_in(3))
            .map(|node| (node, Wire::new(T0)));
        Self {
            wires: wires.collect(),
            chance,
            tally: Tally::default(),
            state: State::default(),
            slices: Slices::default(),
            storage: Storage::default(),
            receiver: Receiver::default(),
            now: T0,
            calls: 0,
            waiting: BTreeMap::new(),
            messages: Vec::new(),
            nodes: Default::default(),
            highest_epoch: 0,
            seq: 0,
            started: BTreeMap::new(),
            files: BTreeMap::new(),
            promised: BTreeMap::new(),
            kind: false,
            told,
        }
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.told {
            println!("{:>7} ms  {}", self.now - T0, what());
        }
    }

    fn input(&mut self, input: Input) {
        self.tell(|| format!("in  {input:?}"));
        let effects = self.step(input);
        self.check();
        for effect in effects {
            self.tell(|| format!("out {effect:?}"));
            match effect {
                Effect::Reply { to, reply } => self.replied(to, &reply),
                Effect::Place { epoch, .. } => {
                    assert!(epoch > self.highest_epoch, "epochs grow");
                    self.highest_epoch = epoch;
                    self.messages.push(Message::Effect(effect));
                }
                other => self.messages.push(Message::Effect(other)),
            }
        }
    }

    /// The state, its rows and the inventory are one write.
    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = step(&mut self.state, input, self.now);
        self.receiver.write(self.storage.save(&mut self.state));
        self.slices.keep(effects)
    }

    /// Asks, and returns the reply if it comes at once.
    pub(super) fn ask(&mut self, request: Request) -> Option<Reply> {
        self.calls += 1;
        let by = self.calls;
        self.waiting.insert(by, self.now);
        self.tell(|| format!("ask {request:?}"));
        let mut effects = self.step(Input::Asked { by, request });
        self.check();
        let own = effects
            .iter()
            .position(|effect| matches!(effect, Effect::Reply { to, .. } if *to == by));
        let reply = own.map(|own| effects.remove(own)).and_then(|effect| match effect {
            Effect::Reply { to, reply } => {
                self.replied(to, &reply);
                Some(reply)
            }
            _ => None,
        });
        for effect in effects {
            self.tell(|| format!("out {effect:?}"));
            match effect {
                Effect::Reply { to, reply } => self.replied(to, &reply),
                other => {
                    if let Effect::Place { epoch, .. } = &other {
                        assert!(*epoch > self.highest_epoch, "epochs grow");
                        self.highest_epoch = *epoch;
                    }
                    self.messages.push(Message::Effect(other));
                }
            }
        }
        reply
    }

    fn replied(&mut self, to: CallId, reply: &Reply) {
        self.tell(|| format!("rep {to} {reply:?}"));
        assert!(self.waiting.remove(&to).is_some(), "one reply to each call");
    }

    fn call(&mut self, command: Command) {
        self.ask(Request::Call(Call { key: key(), command }));
    }

    fn sid(&mut self) -> String {
        let sids: Vec<_> = self
            .state
            .recordings
            .iter()
            .map(|recording| recording.sid.clone())
            .collect();
        let which = self.chance.below(sids.len() as u64) as usize;
        sids.get(which).cloned().unwrap_or_else(|| "none".to_owned())
    }

    pub(super) fn act(&mut self) {
        let node = self.chance.below(NODES as u64) as usize;
        match self.chance.below(144) {
            100..110 => self.keep_line(node),
            110..114 => (0..NODES).for_each(|node| self.keep_line(node)),
            114..117 => self.break_line(node),
            117..119 => self.open_line(node),
            119..121 => self.restart_line(node),
            121..123 => self.sleep(node),
            123..132 => self.stretch(),
            132..144 => self.beat(node),
            0..8 => self.start(),
            8..10 => {
                let sid = self.sid();
                self.call(Command::Query(target(&sid, None)));
            }
            10..13 => {
                let sid = self.sid();
                self.stop(&sid);
            }
            13..14 => {
                let target = target(&self.sid(), None);
                let pauses = self.chance.one_in(2);
                self.call(if pauses {
                    Command::Pause(target)
                } else {
                    Command::Resume(target)
                });
            }
            14..52 => self.deliver_one(),
            52..55 => self.lose_one(),
            55..80 => self.tick(node),
            80..84 => self.stretch(),
            84..90 => {
                let ms = 1 + self.chance.below(6_000);
                self.pass(ms);
            }
            90..92 => {
                let ms = 8_000 + self.chance.below(60_000);
                self.pass(ms);
            }
            92..93 => self.crash(),
            93..95 => self.kill(node),
            95..97 => self.restart(node),
            _ => {
                self.tell(|| format!("node {node} leaves"));
                self.nodes[node].leaving = !self.nodes[node].down;
            }
        }
    }

    /// Some seconds in which everything goes its way.
    fn stretch(&mut self) {
        for _ in 0..2 + self.chance.below(4) {
            self.round();
            self.pass(1_000);
        }
    }

    /// All nodes work, and everything that is under way arrives, but at those who sleep.
    fn round(&mut self) {
        for node in 0..NODES {
            self.keep_line(node);
            self.tick(node);
        }
        while let Some(place) = self.messages.iter().position(|message| !self.waits(message)) {
            let message = self.messages.remove(place);
            self.deliver(message);
        }
    }

    fn waits(&self, message: &Message) -> bool {
        matches!(message, Message::Line { node, what } if self.waits_over_line(*node, what))
    }

    fn start(&mut self) {
        let number = self.chance.below(6);
        let ticket = crate::recording::Ticket {
            expires_hours: 1_000,
            issued_ms: self.now,
            ..ticket(&format!("t{number}"))
        };
        let start = start(&format!("s{}", self.calls), ticket);
        self.call(Command::Start(Box::new(start)));
    }

    fn stop(&mut self, sid: &str) {
        let at_once = self.chance.one_in(2);
        self.promised.entry(sid.to_owned()).or_default().ordered = true;
        self.call(Command::Stop(Stop {
            target: target(sid, None),
            at_once,
        }));
    }

    fn deliver_one(&mut self) {
        let which = self.chance.below(self.messages.len() as u64) as usize;
        if which < self.messages.len() {
            let message = self.messages.remove(which);
            if message.may_get_lost() && self.chance.one_in(10) {
                self.messages.push(message.clone());
            }
            self.deliver(message);
        }
    }

    fn lose_one(&mut self) {
        let which = self.chance.below(self.messages.len() as u64) as usize;
        if self.messages.get(which).is_some_and(Message::may_get_lost) {
            self.messages.remove(which);
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.input(input),
            Message::Effect(effect) => self.carry_out(effect),
            Message::Line { node, what } => self.deliver_over_line(node, what),
            Message::Report { report, sent_ms } => {
                let node = (0..NODES).find(|node| id_of(*node) == report.node_id).unwrap();
                let (sid, seq) = (report.sid.clone(), report.seq);
                let ended = report.phase == Phase::Ended;
                let Some(Reply::Desired(answer)) = self.ask(Request::Report { report, line: None }) else {
                    panic!("every report is answered");
                };
                self.messages.push(Message::Answer {
                    node,
                    sid,
                    seq,
                    ended,
                    sent_ms,
                    answer,
                });
            }
            Message::Answer {
                node,
                sid,
                seq,
                ended,
                sent_ms,
                answer,
            } => {
                if self.hears(node, &sid, seq, answer.desired.epoch) {
                    self.answered(node, &sid, ended, sent_ms, &answer);
                }
            }
        }
    }

    /// A node waits for an answer before it reports again, so that none comes out of its order; and an answer to another
    /// lease is not heard.
    pub(super) fn hears(&mut self, node: usize, sid: &str, seq: u64, epoch: u64) -> bool {
        let state = &mut self.nodes[node];
        let held = state.held.get_mut(sid);
        let held = held.filter(|held| !state.down && held.job.epoch == epoch);
        let process = held.and_then(|held| held.process.as_mut());
        let process = process.filter(|process| process.answered_seq < seq);
        process.map(|process| process.answered_seq = seq).is_some()
    }

    pub(super) fn answered(&mut self, node: usize, sid: &str, ended: bool, sent_ms: u64, answer: &ReportAnswer) {
        let state = &mut self.nodes[node];
        let Some(held) = state.held.get_mut(sid) else { return };
        held.answered(answer, sent_ms);
        let alone = state.leaving && held.is_alone(answer);
        if ended {
            state.held.remove(sid);
        }
        if alone {
            self.kill(node);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let input = match effect {
            Effect::Place {
                sid, epoch, exclude, ..
            } => {
                let free = |node: &usize| {
                    let state = &self.nodes[*node];
                    !exclude.contains(&id_of(*node)) && !state.leaving
                };
                // The fleet takes some time to see that a node is dead.
                let stale = !self.kind && self.chance.one_in(3);
                let free: Vec<_> = (0..NODES)
                    .filter(free)
                    .filter(|node| stale || !self.nodes[*node].down)
                    .collect();
                let which = self.chance.below(free.len() as u64) as usize;
                let chosen = free.get(which).map(|which| node(&id_of(*which)));
                Input::Placed {
                    sid,
                    epoch,
                    node: chosen.ok_or("none".to_owned()),
                }
            }
            Effect::SendJob { node, job } if self.wires.contains_key(&index_of(&node.id)) => {
                return self.offer_over_line(index_of(&node.id), *job);
            }
            Effect::Look { .. } => return self.look_at_line(effect),
            Effect::SendJob { node, job } => {
                let (sid, epoch) = (job.sid.clone(), job.epoch);
                let answer = self.put_job(index_of(&node.id), *job);
                Input::JobAnswered {
                    sid,
                    epoch,
                    answer,
                    line: None,
                }
            }
            Effect::SendDesired { node, sid, desired, .. } => {
                self.tally.reliefs += u64::from(desired.directive == Directive::Release);
                let answer = self.post_desired(index_of(&node.id), &sid, &desired);
                Input::DesiredAnswered { sid, desired, answer }
            }
            Effect::Publish { revision, view, .. } => Input::Published {
                sid: view.sid,
                revision,
                ok: self.kind || revision % 4 != 3,
            },
            Effect::Deliver { subject, position } => {
                let sid = subject.sid;
                let fate = if self.kind { 9 } else { self.chance.below(10) };
                // What arrives may be answered with a failure, or not in time.
                if fate > 1 {
                    self.receiver.arrive(&sid, position);
                }
                let result = match fate {
                    0..4 => Delivery::Failed {
                        status: None,
                        error: "no".to_owned(),
                    },
                    _ => Delivery::Delivered { status: 200 },
                };
                Input::Delivered {
                    sid,
                    position,
                    result,
                    chance: u32::MAX,
                }
            }
            other => panic!("{other:?} is carried out with the change of the state"),
        };
        self.messages.push(Message::Input(input));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let lines = self
                .wires
                .iter()
                .filter_map(|(node, wire)| Some((wire.next_alarm()?, Some(*node))));
            let recorder = next_alarm(&self.state).map(|due| (due, None));
            let Some((due, whose)) = lines.chain(recorder).min().filter(|(due, _)| *due <= end) else {
                break;
            };
            self.carry_out_closings(due);
            self.now = self.now.max(due);
            match whose {
                Some(node) => self.line_alarm(node),
                None => self.input(Input::Alarm),
            }
        }
        self.carry_out_closings(end);
        self.now = end;
        self.input(Input::Alarm);
    }

    /// The recorder's process dies. What it had not carried out, and what it would have heard, is lost.
    fn crash(&mut self) {
        self.tell(|| "the recorder crashes".to_owned());
        self.state = self.storage.load();
        self.state.wake(Policy::default(), self.now);
        self.waiting.clear();
        self.messages.retain(|message| match message {
            Message::Report { .. } | Message::Answer { .. } | Message::Line { .. } => true,
            Message::Effect(_) | Message::Input(_) => false,
        });
    }

    /// Everybody is back, nothing gets lost, and nodes report every two seconds.
    pub(super) fn calm_down(&mut self) {
        self.tell(|| "the world becomes kind".to_owned());
        self.kind = true;
        for node in 0..NODES {
            self.restart(node);
            self.nodes[node].leaving = false;
            self.nodes[node].asleep_ms = 0;
        }
        for _ in 0..100 {
            self.round();
            self.pass(2_000);
        }
    }

    pub(super) fn stop_all(&mut self) {
        let running = self.state.recordings.iter().filter(|recording| !recording.is_over());
        let running: Vec<_> = running.map(|recording| recording.sid.clone()).collect();
        for sid in running {
            self.stop(&sid);
        }
    }
}
