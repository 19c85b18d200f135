//! The edge: its objects, what they ask one another, and what comes in from nodes and customers.

use std::collections::BTreeMap;

use protocol::line::{EdgeAnswer, EdgeAsk};
use protocol::{Heartbeat, HeartbeatAnswer, RecorderKey};
use tapedeck_edge::access::{Limits, Method};
use tapedeck_edge::app::{self, Admit, News, Reservation, Room};
use tapedeck_edge::fleet::{By, Fleet, Wish};
use tapedeck_edge::line::{self, Asked, Holding};
use tapedeck_edge::object::{CallId, Input, Output};
use tapedeck_edge::recording::{self, Command, Delivery, Effect, Request, tag};

use crate::Size;
use crate::bill::{Bill, Kind};
use crate::node::{self, SimNode};
use crate::objects::{App, Host, LineObject, Recorder};
use crate::queue::Queue;

/// From a node, a worker or an object to an object, or back, in milliseconds.
const HOP_MS: u64 = 15;
/// A callback takes so long to take an event, and KV to take a key.
const CALLBACK_MS: u64 = 150;
/// How often the customer asks about a recording.
const QUERY_MS: u64 = 300_000;
const RECORDING_MS: u64 = crate::HOUR_MS;
/// Before the next recording of the same recorder.
const PAUSE_MS: u64 = 5_000;
const START_MS: u64 = 1_800_000_000_000;

type RecorderId = usize;
type NodeId = usize;

/// Who waits for a recorder's reply.
enum Caller {
    Customer,
    Line(NodeId, Asked),
}

/// What a recorder waits for, of a node.
enum Question {
    Job(Box<protocol::Job>),
    Desired(String, Box<protocol::Desired>),
}

enum Event {
    Customer(RecorderId, Call),
    Recorder(RecorderId, recording::Input),
    RecorderAlarm(RecorderId, u64),
    AskRecorder(RecorderId, Request, Caller),
    AskLine(NodeId, RecorderId, Question, u64),
    Line(NodeId, line::Event),
    LineAlarm(NodeId, u64),
    TellApp(usize, Box<app::Request>),
    AppAlarm(usize, u64),
    Node(NodeId, node::Event),
}

#[derive(Clone)]
enum Call {
    Start,
    Query(String),
    Stop(String),
}

pub(crate) struct Edge {
    now_ms: u64,
    size: Size,
    queue: Queue<Event>,
    bill: Bill,
    recorders: Vec<Recorder>,
    lines: Vec<LineObject>,
    apps: Vec<App>,
    fleet: Fleet,
    fleet_host: Host,
    nodes: Vec<SimNode>,
    callers: BTreeMap<(RecorderId, CallId), (Caller, u64)>,
    questions: BTreeMap<(NodeId, CallId), (RecorderId, Question, u64)>,
    started: u64,
}

impl Edge {
    pub(crate) fn new(size: Size) -> Self {
        let mut queue = Queue::new();
        for node in 0..size.nodes {
            // They do not all say hello at once.
            queue.push(START_MS + node as u64 * 10, Event::Node(node, node::Event::Open));
        }
        for recorder in 0..size.recordings {
            let begins_ms = recorder as u64 * RECORDING_MS / size.recordings as u64;
            queue.push(START_MS + 60_000 + begins_ms, Event::Customer(recorder, Call::Start));
        }
        Self {
            now_ms: START_MS,
            size,
            queue,
            bill: Bill::default(),
            recorders: (0..size.recordings).map(|_| Recorder::new(START_MS)).collect(),
            lines: (0..size.nodes).map(|_| LineObject::new(START_MS)).collect(),
            apps: (0..size.apps).map(|_| App::new()).collect(),
            fleet: Fleet::default(),
            fleet_host: Host::new(),
            nodes: (0..size.nodes).map(SimNode::new).collect(),
            callers: BTreeMap::new(),
            questions: BTreeMap::new(),
            started: 0,
        }
    }

    pub(crate) fn bill(&self) -> Bill {
        self.bill.clone()
    }

    /// Runs up to this time since the beginning.
    pub(crate) fn run(&mut self, until_ms: u64) {
        while let Some((at_ms, event)) = self.queue.pop(START_MS + until_ms) {
            self.now_ms = at_ms;
            self.happen(event);
        }
    }

    fn after(&mut self, pause_ms: u64, event: Event) {
        self.queue.push(self.now_ms + pause_ms, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Customer(recorder, call) => self.call(recorder, call),
            Event::Recorder(recorder, input) => self.advance(recorder, input, false),
            Event::RecorderAlarm(recorder, at_ms) => {
                let sum = self.bill.of(Kind::Recorder);
                if self.recorders[recorder].host.rings(at_ms, sum) {
                    self.advance(recorder, recording::Input::Alarm, true);
                }
            }
            Event::AskRecorder(recorder, request, caller) => {
                self.bill.of(Kind::Recorder).requests += 1.0;
                let by = self.recorders[recorder].host.new_call();
                self.callers.insert((recorder, by), (caller, self.now_ms));
                self.advance(recorder, recording::Input::Asked { by, request }, false);
            }
            Event::AskLine(node, recorder, question, asked_ms) => self.ask_line(node, recorder, question, asked_ms),
            Event::Line(node, event) => {
                if matches!(event, line::Event::Message { .. }) {
                    self.bill.of(Kind::Line).messages += 1.0;
                }
                self.advance_line(node, Input::Event(event), false);
            }
            Event::LineAlarm(node, at_ms) => {
                let sum = self.bill.of(Kind::Line);
                if self.lines[node].host.rings(at_ms, sum) {
                    self.advance_line(node, Input::Alarm, true);
                }
            }
            Event::TellApp(app, request) => self.tell_app(app, *request),
            Event::AppAlarm(app, at_ms) => self.ring_app(app, at_ms),
            Event::Node(node, event) => self.advance_node(node, event),
        }
    }

    // ---- customers ----

    fn key(&self, recorder: RecorderId) -> RecorderKey {
        RecorderKey {
            app_id: format!("{:032x}", recorder % self.size.apps),
            channel: format!("channel{recorder}"),
            uid: "9000".to_owned(),
        }
    }

    fn call(&mut self, recorder: RecorderId, call: Call) {
        let (method, requests) = match call {
            Call::Start => (Method::Start, 2.0),
            Call::Query(_) => (Method::Query, 1.0),
            Call::Stop(_) => (Method::Stop, 1.0),
        };
        // The credentials and the app of each.
        self.bill.worker_requests += requests;
        self.bill.keys_read += 2.0 * requests;
        let app = recorder % self.size.apps;
        let key = self.key(recorder);
        if matches!(call, Call::Start) {
            self.admit(app, Method::Acquire, Room::Some);
        }
        let command = match call {
            Call::Start => {
                self.started += 1;
                let start = node::start(self.started, self.now_ms);
                let reservation = Reservation {
                    sid: start.sid.clone(),
                    nonce: start.ticket.nonce.clone(),
                    key: key.clone(),
                    mode: start.spec.mode,
                };
                self.admit(app, method, Room::Taken(Box::new(reservation)));
                let queries = (1..).map(|count| count * QUERY_MS);
                for pause_ms in queries.take_while(|pause_ms| *pause_ms < RECORDING_MS) {
                    self.after(pause_ms, Event::Customer(recorder, Call::Query(start.sid.clone())));
                }
                self.after(RECORDING_MS, Event::Customer(recorder, Call::Stop(start.sid.clone())));
                self.after(RECORDING_MS + PAUSE_MS, Event::Customer(recorder, Call::Start));
                Command::Start(Box::new(start))
            }
            Call::Query(sid) => {
                self.admit(app, method, Room::None);
                Command::Query(node::target(sid))
            }
            Call::Stop(sid) => {
                self.admit(app, method, Room::None);
                Command::Stop(recording::Stop {
                    target: node::target(sid),
                    at_once: false,
                })
            }
        };
        let request = Request::Call(recording::Call { key, command });
        self.after(3 * HOP_MS, Event::AskRecorder(recorder, request, Caller::Customer));
    }

    fn admit(&mut self, app: usize, method: Method, room: Room) {
        let limits = Limits {
            recordings: Limits::MAX_RECORDINGS,
            ..Limits::default()
        };
        let admit = Admit { method, limits, room };
        self.tell_app(app, app::Request::Admit(admit));
    }

    fn tell_app(&mut self, app: usize, request: app::Request) {
        let sum = self.bill.of(Kind::App);
        sum.requests += 1.0;
        self.apps[app].ask(request, self.now_ms, sum);
        self.set_app_alarm(app, false);
    }

    fn ring_app(&mut self, app: usize, at_ms: u64) {
        let sum = self.bill.of(Kind::App);
        if self.apps[app].host.rings(at_ms, sum) {
            if self.apps[app].rang(self.now_ms, sum).is_some() {
                self.ask_fleet();
            }
            self.set_app_alarm(app, true);
        }
    }

    fn set_app_alarm(&mut self, app: usize, rang: bool) {
        let (sum, object) = (self.bill.of(Kind::App), &mut self.apps[app]);
        let (wanted_ms, before) = (object.next_alarm(), object.host.rings_ms);
        let at_ms = object.host.want(wanted_ms, self.now_ms, rang, sum);
        if let Some(at_ms) = at_ms.filter(|at_ms| Some(*at_ms) != before) {
            self.queue.push(at_ms, Event::AppAlarm(app, at_ms));
        }
    }

    fn ask_fleet(&mut self) {
        let sum = self.bill.of(Kind::Fleet);
        sum.requests += 1.0;
        if self.fleet_host.active(self.now_ms, self.now_ms, sum) {
            sum.rows_read += 1.0 + self.size.nodes as f64;
        }
    }

    // ---- recorders ----

    fn advance(&mut self, recorder: RecorderId, input: recording::Input, rang: bool) {
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
    fn waits(&mut self, recorder: RecorderId, pause_ms: u64) {
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Recorder));
        self.recorders[recorder].host.active(now_ms, now_ms + pause_ms, sum);
    }

    fn carry_out(&mut self, recorder: RecorderId, effect: Effect) {
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
                let to = node::number(&node.id);
                let question = Question::Job(job);
                self.after(HOP_MS, Event::AskLine(to, recorder, question, self.now_ms));
            }
            Effect::SendDesired { node, sid, desired, .. } => {
                let question = Question::Desired(sid, desired);
                self.after(
                    HOP_MS,
                    Event::AskLine(node::number(&node.id), recorder, question, self.now_ms),
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
                self.lines[node::number(&node_id)].host.active(now_ms, now_ms, sum);
            }
            Effect::Note { .. } | Effect::Forget { .. } => {}
        }
    }

    /// The request was under way since it came.
    fn replied(&mut self, recorder: RecorderId, to: CallId) -> Option<Caller> {
        let (caller, since_ms) = self.callers.remove(&(recorder, to))?;
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Recorder));
        self.recorders[recorder].host.active(since_ms, now_ms, sum);
        Some(caller)
    }

    // ---- lines ----

    fn ask_line(&mut self, node: NodeId, recorder: RecorderId, question: Question, asked_ms: u64) {
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
        };
        self.advance_line(node, Input::Asked { by, request }, false);
    }

    fn advance_line(&mut self, node: NodeId, input: line::Input, rang: bool) {
        let pinged_ms = self.nodes[node].pinged_ms(self.now_ms);
        self.lines[node].holds(self.nodes[node].held());
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

    fn carry_out_line(&mut self, node: NodeId, effect: line::Effect) {
        match effect {
            line::Effect::Send { text, .. } => self.after(HOP_MS, Event::Node(node, node::Event::Hear(text))),
            line::Effect::Report { asked, report, line } => {
                self.line_waits(node, 2 * HOP_MS);
                let recorder = node::recorder(&report.recorder);
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

    fn tell_fleet(&mut self, node: NodeId, heartbeat: Heartbeat) -> HeartbeatAnswer {
        self.line_waits(node, 2 * HOP_MS);
        self.ask_fleet();
        let (answer, change) = self.fleet.heard(heartbeat, By::Line, self.now_ms);
        // A text as primary key is an index of its own.
        let rows = f64::from(u8::from(change.save.is_some())) + change.forget.len() as f64;
        self.bill.of(Kind::Fleet).rows_written += 2.0 * rows;
        answer.unwrap_or_else(|refusal| panic!("{}", refusal.reason))
    }

    fn line_waits(&mut self, node: NodeId, pause_ms: u64) {
        let (now_ms, sum) = (self.now_ms, self.bill.of(Kind::Line));
        self.lines[node].host.active(now_ms, now_ms + pause_ms, sum);
    }

    /// The node has answered: line and recorder have waited for it.
    fn line_replied(&mut self, node: NodeId, to: CallId, reply: line::Reply) {
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

    // ---- nodes ----

    fn advance_node(&mut self, node: NodeId, event: node::Event) {
        if matches!(event, node::Event::Open) {
            // The worker lets the node in by its token, and its line's object accepts the socket.
            self.bill.worker_requests += 1.0;
            self.bill.of(Kind::Node).requests += 1.0;
            self.bill.of(Kind::Line).requests += 1.0;
            let opened = line::Event::Opened {
                socket: 1,
                node_id: node::id(node),
            };
            self.advance_line(node, Input::Event(opened), false);
        }
        for (pause_ms, event) in self.nodes[node].happen(event, self.now_ms) {
            self.after(
                pause_ms,
                match event {
                    node::Happening::Own(event) => Event::Node(node, event),
                    node::Happening::Says(text) => Event::Line(node, line::Event::Message { socket: 1, text }),
                },
            );
        }
    }
}
