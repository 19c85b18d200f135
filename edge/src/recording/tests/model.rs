//! A random world around one recorder: callers, three nodes, a network that loses, repeats and reorders, a process that
//! dies between persisting and its effects. After each step the promises of the core are checked; in the end the world
//! becomes kind and everything that was ordered must come about.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use protocol::{Directive, EndCause, Happening, Job, Occurrence, Occurrences, Phase, Report, ReportAnswer};

use super::bench::*;
use super::receiver::Receiver;
use crate::recording::state::Stage;
use crate::recording::{
    Call, CallId, Command, Delivery, Effect, Input, NodeAnswer, Outcome, Reply, Request, Start, State, Stop,
    next_alarm, step,
};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

#[derive(Clone, Debug)]
enum Action {
    Start {
        ticket: u8,
    },
    Query {
        sid: u8,
    },
    Stop {
        sid: u8,
        at_once: bool,
    },
    Deliver {
        which: u16,
        twice: bool,
    },
    Lose {
        which: u16,
    },
    /// The node moves on and reports what it holds.
    Tick {
        node: u8,
    },
    Pass {
        ms: u32,
    },
    Crash,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        3 => (0_u8..6).prop_map(|ticket| Action::Start { ticket }),
        1 => any::<u8>().prop_map(|sid| Action::Query { sid }),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(sid, at_once)| Action::Stop { sid, at_once }),
        12 => (any::<u16>(), prop::bool::weighted(0.1)).prop_map(|(which, twice)| Action::Deliver { which, twice }),
        1 => any::<u16>().prop_map(|which| Action::Lose { which }),
        6 => (0_u8..3).prop_map(|node| Action::Tick { node }),
        3 => (1_u32..8_000).prop_map(|ms| Action::Pass { ms }),
        1 => (20_000_u32..120_000).prop_map(|ms| Action::Pass { ms }),
        1 => Just(Action::Crash),
    ];
    prop::collection::vec(action, 1..120)
}

#[derive(Clone, Debug)]
enum Message {
    /// Not yet carried out: lost when the process dies.
    Effect(Effect),
    /// The answer to an effect: likewise.
    Input(Input),
    Report(Report),
    Answer {
        node: usize,
        sid: String,
        answer: ReportAnswer,
    },
}

#[derive(Clone, Debug)]
struct Held {
    job: Job,
    seq: u64,
    phase: Phase,
    directive: Directive,
    slices: u64,
    /// What has happened, and how much of it is confirmed.
    happened: u64,
    confirmed: u64,
}

#[derive(Default)]
struct World {
    state: State,
    now: u64,
    /// Also the source of what nodes decide by chance.
    calls: CallId,
    waiting: BTreeSet<CallId>,
    messages: Vec<Message>,
    nodes: [Vec<Held>; 3],
    highest_epoch: u64,
    /// Which recording each ticket has started.
    started: BTreeMap<String, String>,
    /// Slices known of each recording that is over, by file.
    files: BTreeMap<String, BTreeMap<String, u64>>,
    ordered: BTreeSet<String>,
    receiver: Receiver,
    /// What happened on each node, by sid.
    happened: BTreeMap<(String, &'static str), u64>,
    kind: bool,
}

impl World {
    fn input(&mut self, input: Input) {
        for effect in self.step(input) {
            match effect {
                Effect::Reply { to, reply } => self.replied(to, reply),
                Effect::Place { epoch, .. } => {
                    assert!(epoch > self.highest_epoch, "epochs grow");
                    self.highest_epoch = epoch;
                    self.messages.push(Message::Effect(effect));
                }
                other => self.messages.push(Message::Effect(other)),
            }
        }
    }

    /// The state and its rows are one write.
    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = step(&mut self.state, input, self.now);
        self.receiver.write(self.state.take_rows());
        self.check();
        effects
    }

    fn ask(&mut self, request: Request) {
        self.calls += 1;
        self.waiting.insert(self.calls);
        self.input(Input::Asked {
            by: self.calls,
            request,
        });
    }

    fn call(&mut self, command: Command) {
        self.ask(Request::Call(Call { key: key(), command }));
    }

    fn replied(&mut self, to: CallId, reply: Reply) {
        assert!(
            self.waiting.remove(&to) || matches!(reply, Reply::Desired(_)),
            "one reply to each call"
        );
        if let Reply::Outcome(outcome) = reply
            && let Outcome::Stopping(snapshot) | Outcome::State(snapshot) | Outcome::AlreadyEnded(snapshot) = *outcome
        {
            assert!(self.state.find(&snapshot.sid).is_some() || snapshot.ended_ms.is_some());
        }
    }

    fn check(&mut self) {
        let capturing = self
            .state
            .recordings
            .iter()
            .filter(|recording| recording.captures())
            .count();
        assert!(capturing <= 1, "at most one lease to capture: {:?}", self.state);
        for recording in &self.state.recordings {
            if recording.started_ms().is_some() {
                let first = self
                    .started
                    .entry(recording.ticket.nonce.clone())
                    .or_insert(recording.sid.clone());
                assert_eq!(*first, recording.sid, "a ticket starts at most one recording");
            }
            if let Stage::Over { .. } = recording.stage {
                let known = self.files.entry(recording.sid.clone()).or_default();
                let files: BTreeMap<_, _> = recording
                    .seen
                    .files
                    .iter()
                    .map(|f| (f.name.clone(), f.slices))
                    .collect();
                for (name, slices) in &*known {
                    assert!(
                        files.get(name).is_some_and(|told| told >= slices),
                        "files never shrink: {name}"
                    );
                }
                *known = files;
            }
        }
        if let Some(due) = next_alarm(&self.state) {
            assert!(due > self.now, "what is due has been done: {:?}", self.state);
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.input(input),
            Message::Effect(effect) => self.carry_out(effect),
            Message::Report(report) => {
                let node = NODES.iter().position(|id| *id == report.node_id).unwrap();
                let sid = report.sid.clone();
                self.calls += 1;
                let by = self.calls;
                let before = self.messages.len();
                let effects = self.step(Input::Asked {
                    by,
                    request: Request::Report(Box::new(report)),
                });
                let mut answered = false;
                for effect in effects {
                    match effect {
                        Effect::Reply {
                            to,
                            reply: Reply::Desired(answer),
                        } => {
                            assert_eq!(to, by);
                            answered = true;
                            self.messages.push(Message::Answer {
                                node,
                                sid: sid.clone(),
                                answer: *answer,
                            });
                        }
                        Effect::Reply { to, reply } => self.replied(to, reply),
                        other => self.messages.push(Message::Effect(other)),
                    }
                }
                assert!(answered && self.messages.len() > before, "every report is answered");
            }
            Message::Answer { node, sid, answer } => {
                let held = &mut self.nodes[node];
                if let Some(held) = held.iter_mut().find(|held| held.job.sid == sid) {
                    if answer.desired.epoch >= held.job.epoch {
                        held.directive = answer.desired.directive;
                    }
                    if let Some(confirmed) = answer.confirmed.filter(|confirmed| confirmed.log == held.job.epoch) {
                        assert!(confirmed.through <= held.happened, "only what was told is confirmed");
                        held.confirmed = held.confirmed.max(confirmed.through);
                    }
                }
                held.retain(|held| held.job.sid != sid || held.phase != Phase::Ended);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let input = match effect {
            Effect::Reply { .. } => unreachable!(),
            Effect::Place {
                sid, epoch, exclude, ..
            } => {
                let free = NODES.iter().filter(|id| !exclude.contains(&(**id).to_owned()));
                let chosen = free.max_by_key(|id| (epoch * 7 + id.len() as u64 * 3) % 5);
                Input::Placed {
                    sid,
                    epoch,
                    node: chosen.map(|id| node(id)).ok_or("none".to_owned()),
                }
            }
            Effect::SendJob { url, job } => {
                let (sid, epoch) = (job.sid.clone(), job.epoch);
                let index = NODES.iter().position(|id| url.ends_with(id)).unwrap();
                let answer = match (epoch + self.calls) % 5 {
                    0 => NodeAnswer::Refused(refusal(protocol::RefusalCode::NoCapacity)),
                    1 => {
                        self.take_job(index, *job);
                        NodeAnswer::Unreachable
                    }
                    _ => NodeAnswer::Report(Box::new(self.take_job(index, *job))),
                };
                Input::JobAnswered { sid, epoch, answer }
            }
            Effect::SendDesired { url, sid, desired, .. } => {
                let index = NODES.iter().position(|id| url.ends_with(id)).unwrap();
                let epoch = desired.epoch;
                let held = self.nodes[index].iter_mut().find(|held| held.job.sid == sid);
                let answer = match held {
                    Some(held) if epoch >= held.job.epoch => {
                        held.directive = desired.directive;
                        held.move_on();
                        self.happened.insert((sid.clone(), NODES[index]), held.happened);
                        NodeAnswer::Report(Box::new(held.report(index, self.now)))
                    }
                    _ => NodeAnswer::Refused(refusal(protocol::RefusalCode::UnknownRecording)),
                };
                Input::DesiredAnswered { sid, desired, answer }
            }
            Effect::Publish { revision, snapshot, .. } => Input::Published {
                sid: snapshot.sid,
                revision,
                ok: self.kind || revision % 4 != 3,
            },
            Effect::Deliver { subject, position } => {
                let sid = subject.sid;
                let chance = (position * 31 + self.calls * 17) as u32 % 8;
                // What arrives may be answered with a failure, or not in time.
                if self.kind || chance != 0 {
                    self.receiver.arrive(&sid, position);
                }
                let result = match chance {
                    0..3 if !self.kind => Delivery::Failed {
                        status: None,
                        error: "no".to_owned(),
                    },
                    _ => Delivery::Delivered { status: 200 },
                };
                Input::Delivered {
                    sid,
                    position,
                    result,
                    chance: chance << 29,
                }
            }
        };
        self.messages.push(Message::Input(input));
    }

    fn take_job(&mut self, node: usize, job: Job) -> Report {
        let held = &mut self.nodes[node];
        held.retain(|held| held.job.sid != job.sid);
        held.push(Held {
            job,
            seq: 0,
            phase: Phase::Starting,
            directive: Directive::Record,
            slices: 0,
            happened: 0,
            confirmed: 0,
        });
        held.last_mut().unwrap().report(node, self.now)
    }

    fn tick(&mut self, node: usize) {
        for held in &mut self.nodes[node] {
            held.move_on();
            let sid = held.job.sid.clone();
            self.happened.insert((sid, NODES[node]), held.happened);
            self.messages.push(Message::Report(held.report(node, self.now)));
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = next_alarm(&self.state).filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Alarm);
        }
        self.now = end;
        self.input(Input::Alarm);
    }

    fn crash(&mut self) {
        self.state = reloaded(&self.state);
        self.waiting.clear();
        self.messages
            .retain(|message| matches!(message, Message::Report(_) | Message::Answer { .. }));
    }

    fn sid(&self, which: u8) -> String {
        let sids: Vec<_> = self
            .state
            .recordings
            .iter()
            .map(|recording| recording.sid.clone())
            .collect();
        sids.get(usize::from(which) % sids.len().max(1))
            .cloned()
            .unwrap_or_else(|| "none".to_owned())
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start { ticket: number } => {
                let sid = format!("s{}", self.calls);
                let start = Start {
                    sid,
                    ticket: ticket(&format!("t{number}")),
                    spec: spec(),
                };
                self.call(Command::Start(Box::new(start)));
            }
            Action::Query { sid } => self.call(Command::Query(target(&self.sid(sid), None))),
            Action::Stop { sid, at_once } => {
                let sid = self.sid(sid);
                self.call(Command::Stop(Stop {
                    target: target(&sid, None),
                    at_once,
                }));
                self.ordered.insert(sid);
            }
            Action::Deliver { which, twice } => {
                if let Some(index) = usize::from(which).checked_rem(self.messages.len()) {
                    let message = self.messages.remove(index);
                    let network = matches!(message, Message::Report(_) | Message::Answer { .. });
                    if twice && network {
                        self.messages.push(message.clone());
                    }
                    self.deliver(message);
                }
            }
            Action::Lose { which } => {
                if let Some(index) = usize::from(which).checked_rem(self.messages.len())
                    && matches!(self.messages[index], Message::Report(_) | Message::Answer { .. })
                {
                    self.messages.remove(index);
                }
            }
            Action::Tick { node } => self.tick(usize::from(node)),
            Action::Pass { ms } => self.pass(u64::from(ms)),
            Action::Crash => self.crash(),
        }
    }

    /// Nothing gets lost any more, and nodes report every two seconds, for longer than any deadline but the resource's.
    fn calm_down(&mut self) {
        self.kind = true;
        for _ in 0..200 {
            for node in 0..NODES.len() {
                self.tick(node);
            }
            self.settle();
            self.pass(2_000);
        }
        self.settle();
    }

    fn settle(&mut self) {
        while !self.messages.is_empty() {
            let message = self.messages.remove(0);
            self.deliver(message);
        }
    }
}

impl Held {
    fn move_on(&mut self) {
        self.phase = match (self.directive, self.phase) {
            (Directive::Record, Phase::Starting | Phase::Recording) => {
                self.slices += 1;
                self.happened += 1;
                Phase::Recording
            }
            (Directive::Stop(_) | Directive::Release, Phase::Starting | Phase::Recording) => Phase::Draining,
            (_, Phase::Draining | Phase::Ended) => Phase::Ended,
        };
    }

    fn report(&mut self, node: usize, now: u64) -> Report {
        self.seq += 1;
        let cause = match self.directive {
            Directive::Stop(cause) => Some(cause),
            Directive::Release => Some(EndCause::LeaseLost),
            Directive::Record => None,
        };
        Report {
            node_id: NODES[node].to_owned(),
            recorder: self.job.recorder.clone(),
            sid: self.job.sid.clone(),
            epoch: self.job.epoch,
            seq: self.seq,
            at_ms: now,
            phase: self.phase,
            cause: cause.filter(|_| self.phase >= Phase::Draining),
            idle_since_ms: None,
            first_media_ms: (self.slices > 0).then_some(T0),
            files: (self.slices > 0)
                .then(|| file("v", self.slices, self.slices))
                .into_iter()
                .collect(),
            pictures: None,
            pending_uploads: 0,
            lost_packets: 0,
            mix: None,
            problems: Vec::new(),
            occurrences: Occurrences {
                log: self.job.epoch,
                list: (self.confirmed + 1..=self.happened)
                    .map(|number| Occurrence {
                        number,
                        what: happening(NODES[node], number),
                    })
                    .collect(),
            },
            vod: None,
        }
    }
}

fn is_of(what: &Happening, node: &str) -> bool {
    matches!(what, Happening::PictureUploaded { name } if name.split(':').next() == Some(node))
}

fn happening(node: &str, number: u64) -> Happening {
    Happening::PictureUploaded {
        name: format!("{node}:{number}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_in_a_bad_world(actions in actions()) {
        let mut world = World { now: T0, ..World::default() };
        for action in actions {
            world.act(action);
        }
        world.calm_down();
        prop_assert!(world.waiting.is_empty(), "every caller is answered: {:?}", world.waiting);
        for recording in &world.state.recordings {
            prop_assert!(recording.started_ms().is_some(), "a search ends: {:?}", recording);
            let ordered = world.ordered.contains(&recording.sid);
            prop_assert!(!ordered || recording.is_over(), "a stop ends a recording: {:?}", recording);
            prop_assert!(!recording.publication.owes_document(), "the last state is published");
        }
        for (sid, log) in &world.receiver.logs {
            let mut arrived = log.arrived.clone();
            arrived.sort_unstable();
            arrived.dedup();
            let all: Vec<_> = (0..log.notices.len() as u64).collect();
            prop_assert_eq!(arrived, all, "{}: every event arrives", sid);
            for node in NODES {
                let told: Vec<_> = log.happenings().into_iter().filter(|what| is_of(what, node)).collect();
                let happened = world.happened.get(&(sid.clone(), node)).copied().unwrap_or_default();
                let all: Vec<_> = (1..=happened).map(|number| happening(node, number)).collect();
                let all: Vec<_> = all.iter().collect();
                prop_assert!(told.is_empty() || told == all, "{}: each happening is told once: {:?}", sid, told);
            }
        }
        let recording: Vec<_> = world.nodes.iter().flatten().filter(|held| held.phase < Phase::Draining).collect();
        prop_assert!(recording.len() <= 1, "nodes without a lease capture no more: {:?}", recording);
    }
}
