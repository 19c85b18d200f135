//! The edge: its objects, what they ask one another, and what comes in from nodes and customers.

mod customers;
mod lines;
mod recorders;

use std::collections::BTreeMap;

use tapedeck_edge::app;
use tapedeck_edge::fleet::Fleet;
use tapedeck_edge::line::{self, Asked};
use tapedeck_edge::object::{CallId, Input};
use tapedeck_edge::recording::{self, Request};

use crate::Size;
use crate::bill::{Bill, Kind};
use crate::node::{self, SimNode};
use crate::objects::{App, Host, LineObject, Recorder};
use crate::queue::Queue;
use crate::samples;

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

    fn advance_node(&mut self, node: NodeId, event: node::Event) {
        if matches!(event, node::Event::Open) {
            // The worker lets the node in by its token, and its line's object accepts the socket.
            self.bill.worker_requests += 1.0;
            self.bill.of(Kind::Node).requests += 1.0;
            self.bill.of(Kind::Line).requests += 1.0;
            let opened = line::Event::Opened {
                socket: 1,
                node_id: samples::id(node),
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
