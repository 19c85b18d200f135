//! What lines carry, and what they tell the fleet.

use super::{Caller, Edge, Event, HOP_MS, NodeId, Question, RecorderId};
use crate::bill::Kind;
use crate::node;
use crate::samples;
use protocol::line::{EdgeAnswer, EdgeAsk, OLDEST};
use protocol::{Heartbeat, HeartbeatAnswer};
use tapedeck_edge::fleet::By;
use tapedeck_edge::line::{self, Holding};
use tapedeck_edge::object::{CallId, Input, Output};
use tapedeck_edge::recording::{self, Request};

impl Edge {
    pub(super) fn ask_line(&mut self, node: NodeId, recorder: RecorderId, question: Question, asked_ms: u64) {
        self.bill.of(Kind::Line).requests += 1.0;
        let (ask, holding) = match &question {
            Question::Job(job) => {
                let holding = Holding {
                    recorder: job.recorder.clone(),
                    sid: job.sid.clone(),
                };
                (EdgeAsk::Job(job.clone()), Some(holding))
            }
            Question::Desired(sid, desired) => {
                let desire = protocol::line::Desire {
                    sid: sid.clone(),
                    desired: (**desired).clone(),
                    wait_ms: 6_000,
                };
                (EdgeAsk::Desired(Box::new(desire)), None)
            }
        };
        let by = self.lines[node].host.new_call();
        self.questions.insert((node, by), (recorder, question, asked_ms));
        let ask = serde_json::to_string(&ask).expect("JSON");
        let request = line::Request::Ask {
            ask,
            limit_ms: 12_000,
            holding,
            oldest: OLDEST,
        };
        self.advance_line(node, Input::Asked { by, request }, false);
    }

    pub(super) fn advance_line(&mut self, node: NodeId, input: line::Input, rang: bool) {
        let pinged_ms = self.nodes[node].pinged_ms(self.now_ms);
        let (sum, object) = (self.bill.of(Kind::Line), &mut self.lines[node]);
        let outputs = object.apply(input, pinged_ms, self.now_ms, sum);
        let (wanted_ms, before) = (object.next_alarm(), object.host.rings_ms);
        let at_ms = object.host.want(wanted_ms, self.now_ms, rang, sum);
        if let Some(at_ms) = at_ms.filter(|at_ms| Some(*at_ms) != before) {
            self.queue.push(at_ms, Event::LineAlarm(node, at_ms));
        }
        for output in outputs {
            match output {
                Output::Reply { to, reply } => self.line_replied(node, to, reply),
                Output::Effect(effect) => self.carry_out_line(node, effect),
            }
        }
    }

    pub(super) fn carry_out_line(&mut self, node: NodeId, effect: line::Effect) {
        match effect {
            line::Effect::Send { text, .. } => self.after(HOP_MS, Event::Node(node, node::Event::Hear(text))),
            line::Effect::Report { asked, report, line } => {
                self.line_waits(node, 2 * HOP_MS);
                let recorder = samples::recorder(&report.recorder);
                let request = Request::Report { report, line };
                self.after(HOP_MS, Event::AskRecorder(recorder, request, Caller::Line(node, asked)));
            }
            line::Effect::Beat {
                asked,
                heartbeat,
                every_ms,
            } => {
                let told = self.tell_fleet(node, heartbeat);
                let answer = every_ms.map_or(told, |interval_ms| HeartbeatAnswer { interval_ms });
                let answer = serde_json::to_string(&EdgeAnswer::Beat(answer)).expect("JSON");
                self.after(
                    2 * HOP_MS,
                    Event::Line(
                        node,
                        line::Event::Done {
                            asked,
                            answer,
                            ok: true,
                        },
                    ),
                );
            }
            line::Effect::Vouch(heartbeat) => {
                self.line_waits(node, 2 * HOP_MS);
                self.ask_fleet();
                if !self.fleet.vouched(&heartbeat.node_id, self.now_ms) {
                    self.tell_fleet(node, heartbeat);
                }
            }
            other => panic!("nothing is lost here: {other:?}"),
        }
    }

    pub(super) fn tell_fleet(&mut self, node: NodeId, heartbeat: Heartbeat) -> HeartbeatAnswer {
        self.line_waits(node, 2 * HOP_MS);
        self.ask_fleet();
        let (answer, change) = self.fleet.heard(heartbeat, By::Line, self.now_ms);
        // A text as primary key is an index of its own.
        let rows = f64::from(u8::from(change.save.is_some())) + change.forget.len() as f64;
        self.bill.of(Kind::Fleet).rows_written += 2.0 * rows;
        answer.unwrap_or_else(|refusal| panic!("{}", refusal.reason))
    }

    pub(super) fn line_waits(&mut self, node: NodeId, pause_ms: u64) {
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Line));
        self.lines[node].host.active(now_ms, now_ms + pause_ms, sum);
    }

    /// The node has answered: line and recorder have waited for it.
    pub(super) fn line_replied(&mut self, node: NodeId, to: CallId, reply: line::Reply) {
        let Some((recorder, question, asked_ms)) = self.questions.remove(&(node, to)) else {
            return;
        };
        let (now_ms, bill) = (self.now_ms, &mut self.bill);
        self.lines[node].host.active(asked_ms, now_ms, bill.of(Kind::Line));
        self.recorders[recorder]
            .host
            .active(asked_ms, now_ms + HOP_MS, bill.of(Kind::Recorder));
        let line::Reply::Answer { answer, line } = reply else {
            panic!("nothing is lost here: {reply:?}");
        };
        let answer = match answer {
            protocol::line::NodeAnswer::Report(report) => recording::NodeAnswer::Report(report),
            other => panic!("a node takes all: {other:?}"),
        };
        let input = match question {
            Question::Job(job) => recording::Input::JobAnswered {
                sid: job.sid,
                epoch: job.epoch,
                answer,
                line,
            },
            Question::Desired(sid, desired) => recording::Input::DesiredAnswered { sid, desired, answer },
        };
        self.after(HOP_MS, Event::Recorder(recorder, input));
    }
}
