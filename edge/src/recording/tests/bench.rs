//! A recorder's state with a clock, and short words for what the tests send and expect.

use protocol::{Desired, Directive, EndCause, Job, Phase, RecordingSpec, RefusalCode, Report, ReportAnswer, Terms};

use super::receiver::Receiver;
use super::samples::{T0, job_request, key, node, spec, start, target};
use super::slices::Slices;
use super::storage::Storage;
use crate::recording::{
    Call, CallId, Command, Delivery, Effect, Input, Node, NodeAnswer, Outcome, Policy, RecordingView, Reply, Request,
    Start, State, Stop, Ticket, next_alarm, step,
};

pub(super) struct Bench {
    pub(super) state: State,
    pub(super) slices: Slices,
    pub(super) storage: Storage,
    pub(super) now: u64,
    pub(super) receiver: Receiver,
    /// Deliveries that wait for a result, when they do not succeed at once.
    pub(super) deliveries: Option<Vec<(String, u64)>>,
    /// The line that nodes talk over, where it has a lease.
    pub(super) line: Option<u64>,
    next_call: CallId,
    next_seq: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            state: State::default(),
            slices: Slices::default(),
            storage: Storage::default(),
            now: T0,
            receiver: Receiver::default(),
            deliveries: None,
            line: None,
            next_call: 1,
            next_seq: 1,
        }
    }

    /// Deliveries are not among the effects.
    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = step(&mut self.state, input, self.now);
        let mut effects = self.slices.keep(effects);
        self.receiver.write(self.storage.save(&mut self.state));
        let mut deliveries = Vec::new();
        effects.retain(|effect| match effect {
            Effect::Deliver { subject, position } => {
                deliveries.push((subject.sid.clone(), *position));
                false
            }
            _ => true,
        });
        match &mut self.deliveries {
            Some(waiting) => waiting.extend(deliveries),
            None => {
                for (sid, position) in deliveries {
                    effects.extend(self.delivered(&sid, position, Delivery::Delivered { status: 200 }));
                }
            }
        }
        effects
    }

    /// The result of a delivery; the event arrives unless it has failed.
    pub(super) fn delivered(&mut self, sid: &str, position: u64, result: Delivery) -> Vec<Effect> {
        if matches!(result, Delivery::Delivered { .. }) {
            self.receiver.arrive(sid, position);
        }
        self.step(Input::Delivered {
            sid: sid.to_owned(),
            position,
            result,
            chance: u32::MAX,
        })
    }

    /// Asks and returns the effects with the replies to other callers; the own reply, if it is there, comes apart.
    pub(super) fn ask(&mut self, request: Request) -> (CallId, Option<Reply>, Vec<Effect>) {
        let by = self.next_call;
        self.next_call += 1;
        let mut effects = self.step(Input::Asked { by, request });
        let own = effects
            .iter()
            .position(|effect| matches!(effect, Effect::Reply { to, .. } if *to == by));
        let reply = own.map(|own| match effects.remove(own) {
            Effect::Reply { reply, .. } => reply,
            other => panic!("{other:?}"),
        });
        (by, reply, effects)
    }

    pub(super) fn call(&mut self, command: Command) -> (CallId, Option<Outcome>, Vec<Effect>) {
        let (by, reply, effects) = self.ask(Request::Call(Call { key: key(), command }));
        (by, reply.map(outcome), effects)
    }

    pub(super) fn start(&mut self, sid: &str, ticket: Ticket) -> (CallId, Option<Outcome>, Vec<Effect>) {
        self.call(Command::Start(Box::new(start(sid, ticket))))
    }

    pub(super) fn query(&mut self, sid: &str, nonce: Option<&str>) -> Outcome {
        self.call(Command::Query(target(sid, nonce))).1.unwrap()
    }

    pub(super) fn view(&mut self, sid: &str) -> RecordingView {
        match self.query(sid, None) {
            Outcome::State(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn stop(&mut self, sid: &str, at_once: bool) -> (CallId, Option<Outcome>, Vec<Effect>) {
        self.call(Command::Stop(Stop {
            target: target(sid, None),
            at_once,
        }))
    }

    /// A report with the next number, after `change`.
    pub(super) fn make_report(
        &mut self,
        sid: &str,
        node_id: &str,
        epoch: u64,
        change: impl FnOnce(&mut Report),
    ) -> Report {
        let of = job_request(sid, node_id, epoch);
        let mut report = Report::bare(of, self.next_seq, self.now, Phase::Recording);
        report.spool.spool = epoch;
        self.next_seq += 1;
        change(&mut report);
        report
    }

    pub(super) fn send_report(&mut self, report: Report) -> (Desired, Vec<Effect>) {
        let (answer, effects) = self.answer_to(report);
        (answer.desired, effects)
    }

    pub(super) fn answer_to(&mut self, report: Report) -> (ReportAnswer, Vec<Effect>) {
        match self.ask(Request::Report {
            report: Box::new(report),
            line: self.line,
        }) {
            (_, Some(Reply::Desired(answer)), effects) => (*answer, effects),
            (_, other, _) => panic!("{other:?}"),
        }
    }

    pub(super) fn report(
        &mut self,
        sid: &str,
        node_id: &str,
        epoch: u64,
        change: impl FnOnce(&mut Report),
    ) -> (Desired, Vec<Effect>) {
        let report = self.make_report(sid, node_id, epoch, change);
        self.send_report(report)
    }

    pub(super) fn request_job(&mut self, sid: &str, node_id: &str, epoch: u64) -> Result<protocol::Job, RefusalCode> {
        match self
            .ask(Request::Job {
                request: job_request(sid, node_id, epoch),
                line: self.line,
            })
            .1
        {
            Some(Reply::Job(job)) => job
                .map(|job| serde_json::from_str(job.as_str()).unwrap())
                .map_err(|refusal| refusal.code),
            other => panic!("{other:?}"),
        }
    }

    /// The fleet names a node, and it takes the job. Returns the job and what follows from its acceptance.
    pub(super) fn take(&mut self, epoch: u64, node_id: &str) -> (Job, Vec<Effect>) {
        let effects = self.place("s1", epoch, Ok(node(node_id)));
        let [Effect::SendJob { node: offered, job }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!((offered, job.epoch), (&node(node_id), epoch));
        let report = self.make_report("s1", node_id, epoch, |report| report.phase = Phase::Starting);
        (
            *job.clone(),
            self.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report))),
        )
    }

    pub(super) fn place(&mut self, sid: &str, epoch: u64, node: Result<Node, &str>) -> Vec<Effect> {
        self.step(Input::Placed {
            sid: sid.to_owned(),
            epoch,
            node: node.map_err(str::to_owned),
        })
    }

    /// Starts a recording on `node_id`; its first report has come with the acceptance.
    pub(super) fn started(sid: &str, ticket: Ticket) -> Self {
        let mut bench = Self::new();
        bench.start_on(sid, ticket, "n1");
        bench
    }

    pub(super) fn start_on(&mut self, sid: &str, ticket: Ticket, node_id: &str) -> u64 {
        self.run_on(start(sid, ticket), node_id)
    }

    pub(super) fn start_spec_on(&mut self, sid: &str, ticket: Ticket, spec: RecordingSpec, node_id: &str) -> u64 {
        let start = Start {
            spec,
            ..start(sid, ticket)
        };
        self.run_on(start, node_id)
    }

    pub(super) fn run_on(&mut self, start: Start, node_id: &str) -> u64 {
        let sid = &start.sid.clone();
        let (by, early, effects) = self.call(Command::Start(Box::new(start)));
        assert_eq!(early, None);
        let epoch = placed_epoch(&effects);
        self.place(sid, epoch, Ok(node(node_id)));
        let report = self.make_report(sid, node_id, epoch, |report| report.phase = Phase::Starting);
        let effects = self.job_answered(sid, epoch, NodeAnswer::Report(Box::new(report)));
        assert_eq!(replies_to(&effects, by), [Outcome::Started { sid: sid.to_owned() }]);
        epoch
    }

    pub(super) fn job_answered(&mut self, sid: &str, epoch: u64, answer: NodeAnswer) -> Vec<Effect> {
        self.step(Input::JobAnswered {
            sid: sid.to_owned(),
            epoch,
            answer,
            line: self.line,
        })
    }

    /// The answer to the order to stop.
    pub(super) fn desired_answered(&mut self, sid: &str, epoch: u64, answer: NodeAnswer) -> Vec<Effect> {
        let desired = Desired {
            scene: None,
            keys: None,
            epoch,
            directive: Directive::Stop(EndCause::Stopped),
            subscription: spec().subscription,
            terms: Terms::default(),
        };
        self.step(Input::DesiredAnswered {
            sid: sid.to_owned(),
            desired: Box::new(desired),
            answer,
        })
    }

    /// Lets time pass, with the alarms that come due on the way.
    pub(super) fn pass(&mut self, duration_ms: u64) -> Vec<Effect> {
        let end = self.now + duration_ms;
        let mut effects = Vec::new();
        while let Some(due) = next_alarm(&self.state).filter(|due| *due <= end) {
            assert!(
                due > self.now || effects.len() < 1_000,
                "an alarm that settles nothing: {:?}",
                self.state
            );
            self.now = self.now.max(due);
            effects.extend(self.step(Input::Alarm));
        }
        self.now = end;
        effects
    }

    /// The state as it comes back from storage after the process died: without the callers.
    pub(super) fn crash(&mut self) {
        self.state = self.storage.load();
        self.state.wake(Policy::default(), self.now);
    }
}

pub(super) fn outcome(reply: Reply) -> Outcome {
    match reply {
        Reply::Outcome(outcome) => *outcome,
        other => panic!("{other:?}"),
    }
}

pub(super) fn replies_to(effects: &[Effect], by: CallId) -> Vec<Outcome> {
    let own = effects.iter().filter_map(|effect| match effect {
        Effect::Reply { to, reply } if *to == by => Some(outcome(reply.clone())),
        _ => None,
    });
    own.collect()
}

/// The epoch of the one placement that is asked for.
/// The newest question for a node: its epoch and who is spared.
pub(super) fn asked(effects: &[Effect]) -> (u64, Vec<String>) {
    let mut places = effects.iter().filter_map(|effect| match effect {
        Effect::Place { epoch, exclude, .. } => Some((*epoch, exclude.clone())),
        _ => None,
    });
    places
        .next_back()
        .unwrap_or_else(|| panic!("nobody is asked: {effects:?}"))
}

/// What nodes are told without waiting for their answers.
pub(super) fn told(effects: &[Effect]) -> Vec<Desired> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::SendDesired {
            desired, wait_ms: 0, ..
        } => Some((**desired).clone()),
        _ => None,
    });
    told.collect()
}

pub(super) fn placed_epoch(effects: &[Effect]) -> u64 {
    match effects {
        [Effect::Place { epoch, .. }] => *epoch,
        other => panic!("{other:?}"),
    }
}

/// Answers each wish to publish with success, and returns the statuses.
pub(super) fn publish(bench: &mut Bench, effects: Vec<Effect>) -> Vec<crate::recording::Status> {
    let mut statuses = Vec::new();
    let mut queue = effects;
    while let Some(effect) = queue.pop() {
        if let Effect::Publish { revision, view, .. } = effect {
            statuses.push(view.status);
            queue.extend(bench.step(Input::Published {
                sid: view.sid.clone(),
                revision,
                ok: true,
            }));
        }
    }
    statuses
}
