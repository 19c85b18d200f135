//! What recorders do, and what comes of it.

use super::{CALLBACK_MS, Caller, Edge, Event, HOP_MS, Question, RecorderId};
use crate::bill::Kind;
use crate::samples;
use protocol::line::EdgeAnswer;
use tapedeck_edge::app::{self, News, Reservation};
use tapedeck_edge::fleet::Wish;
use tapedeck_edge::line;
use tapedeck_edge::object::CallId;
use tapedeck_edge::recording::{self, Delivery, Effect, tag};

impl Edge {
    pub(super) fn advance(&mut self, recorder: RecorderId, input: recording::Input, rang: bool) {
        let (sum, object) = (self.bill.of(Kind::Recorder), &mut self.recorders[recorder]);
        let (effects, wanted_ms) = object.apply(input, self.now_ms, sum);
        let before = object.host.rings_ms;
        let at_ms = object.host.want(wanted_ms, self.now_ms, rang, sum);
        if let Some(at_ms) = at_ms.filter(|at_ms| Some(*at_ms) != before) {
            self.queue.push(at_ms, Event::RecorderAlarm(recorder, at_ms));
        }
        for effect in effects {
            self.carry_out(recorder, effect);
        }
    }

    /// The recorder waits for somebody from now on.
    pub(super) fn waits(&mut self, recorder: RecorderId, pause_ms: u64) {
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Recorder));
        self.recorders[recorder].host.active(now_ms, now_ms + pause_ms, sum);
    }

    pub(super) fn carry_out(&mut self, recorder: RecorderId, effect: Effect) {
        let answer_later = |input| Event::Recorder(recorder, input);
        match effect {
            Effect::Reply { to, .. } => {
                self.replied(recorder, to);
            }
            Effect::Answer { to, answer, .. } => {
                if let Some(Caller::Line(node, asked)) = self.replied(recorder, to) {
                    let answer = serde_json::to_string(&EdgeAnswer::Report(answer)).expect("JSON");
                    let ok = true;
                    self.after(HOP_MS, Event::Line(node, line::Event::Done { asked, answer, ok }));
                }
            }
            Effect::Place {
                key,
                sid,
                epoch,
                exclude,
                preference,
            } => {
                self.waits(recorder, 2 * HOP_MS);
                self.ask_fleet();
                let wish = Wish {
                    sid: sid.clone(),
                    recorder: tag(&key),
                    exclude,
                    region: preference.region,
                    avoid: preference.avoid,
                };
                let node = self.fleet.place(&wish, self.now_ms);
                self.after(2 * HOP_MS, answer_later(recording::Input::Placed { sid, epoch, node }));
            }
            Effect::SendJob { node, job } => {
                let to = samples::number(&node.id);
                let question = Question::Job(job);
                self.after(HOP_MS, Event::AskLine(to, recorder, question, self.now_ms));
            }
            Effect::SendDesired { node, sid, desired, .. } => {
                let question = Question::Desired(sid, desired);
                self.after(
                    HOP_MS,
                    Event::AskLine(samples::number(&node.id), recorder, question, self.now_ms),
                );
            }
            Effect::Publish {
                revision,
                document,
                view,
                awaited,
                held_up,
                nonce,
                expires_ms,
            } => {
                self.waits(recorder, CALLBACK_MS);
                self.bill.keys_written += f64::from(u8::from(document));
                let sid = view.sid.clone();
                let news = News {
                    reservation: Reservation {
                        sid: sid.clone(),
                        nonce,
                        key: view.key.clone(),
                        mode: view.mode,
                    },
                    revision,
                    status: view.status,
                    started_ms: view.started_ms,
                    ended_ms: view.ended_ms,
                    cause: view.cause,
                    held_up,
                    awaited,
                    expires_ms,
                };
                let request = Box::new(app::Request::News(Box::new(news)));
                self.after(HOP_MS, Event::TellApp(recorder % self.size.apps, request));
                let ok = true;
                self.after(
                    CALLBACK_MS,
                    answer_later(recording::Input::Published { sid, revision, ok }),
                );
            }
            Effect::Deliver { subject, position } => {
                self.waits(recorder, CALLBACK_MS);
                self.bill.of(Kind::Recorder).rows_read += 1.0;
                let delivered = recording::Input::Delivered {
                    sid: subject.sid,
                    position,
                    result: Delivery::Delivered { status: 200 },
                    chance: 0,
                };
                self.after(CALLBACK_MS, answer_later(delivered));
            }
            // A line that is not lost has nothing to say; what is persisted has been counted.
            Effect::Look { node_id, .. } => {
                self.waits(recorder, 2 * HOP_MS);
                self.bill.of(Kind::Line).requests += 1.0;
                let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Line));
                self.lines[samples::number(&node_id)].host.active(now_ms, now_ms, sum);
            }
            Effect::Note { .. } | Effect::Forget { .. } => {}
        }
    }

    /// The request was under way since it came.
    pub(super) fn replied(&mut self, recorder: RecorderId, to: CallId) -> Option<Caller> {
        let (caller, since_ms) = self.callers.remove(&(recorder, to))?;
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Recorder));
        self.recorders[recorder].host.active(since_ms, now_ms, sum);
        Some(caller)
    }
}
