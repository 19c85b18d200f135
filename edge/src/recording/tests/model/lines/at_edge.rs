//! The object that holds the lines of a node, and what it carries out.

use protocol::line::{EdgeAnswer, EdgeAsk, NodeAnswer as Answered};
use protocol::{HeartbeatAnswer, Job};

use super::super::fleet::index_of;
use super::super::world::{Message, World};
use super::{JOB_LIMIT_MS, OverLine};
use crate::line::{
    Asked, Effect as LineEffect, Event, Holding, Input as LineInput, Kept, Line, Loss, Output, Reply as LineReply,
    Request as LineRequest, step,
};
use crate::recording::{Effect, Input, Lost, Missing, NodeAnswer, Policy, Reply, Request};

impl World {
    /// The object is made anew, with its sockets or without.
    pub(in super::super) fn restart_line(&mut self, node: usize) {
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

    pub(in super::super) fn line_alarm(&mut self, node: usize) {
        self.line_step(node, LineInput::Alarm);
    }

    pub(super) fn line_event(&mut self, node: usize, event: Event) {
        self.line_step(node, LineInput::Event(event));
    }

    pub(super) fn line_step(&mut self, node: usize, input: LineInput) -> Vec<(u64, LineReply)> {
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
                Output::Effect(effect) => self.send(
                    node,
                    OverLine::Does {
                        life,
                        effect: effect.into(),
                    },
                ),
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

    pub(super) fn job_answered(&mut self, sid: String, epoch: u64, answer: NodeAnswer, line: Option<u64>) {
        self.messages.push(Message::Input(Input::JobAnswered {
            sid,
            epoch,
            answer,
            line,
        }));
    }

    /// The recorder offers a job over the node's line.
    pub(in super::super) fn offer_over_line(&mut self, node: usize, job: Job) {
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
            oldest: job.spec.oldest_version(),
            ask: serde_json::to_string(&EdgeAsk::Job(Box::new(job))).unwrap(),
            limit_ms: JOB_LIMIT_MS,
            holding: Some(holding),
        };
        self.line_step(node, LineInput::Asked { by, request });
    }

    pub(in super::super) fn look_at_line(&mut self, effect: Effect) {
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

    /// The object does something: what it says to the recorder is answered.
    pub(super) fn does(&mut self, node: usize, life: u64, effect: LineEffect) {
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

    pub(super) fn done(&mut self, node: usize, asked: Asked, answer: EdgeAnswer) {
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
