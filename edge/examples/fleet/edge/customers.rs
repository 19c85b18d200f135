//! What customers ask, and what apps count.

use super::{Call, Caller, Edge, Event, HOP_MS, PAUSE_MS, QUERY_MS, RECORDING_MS, RecorderId};
use crate::bill::Kind;
use crate::samples;
use protocol::RecorderKey;
use tapedeck_edge::access::{Limits, Method};
use tapedeck_edge::app::{self, Admit, Reservation, Room};
use tapedeck_edge::recording::{self, Command, Request};

impl Edge {
    pub(super) fn key(&self, recorder: RecorderId) -> RecorderKey {
        RecorderKey {
            app_id: format!("{:032x}", recorder % self.size.apps),
            channel: format!("channel{recorder}"),
            uid: "9000".to_owned(),
        }
    }

    pub(super) fn call(&mut self, recorder: RecorderId, call: Call) {
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
                let start = samples::start(self.started, self.now_ms);
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
                Command::Query(samples::target(sid))
            }
            Call::Stop(sid) => {
                self.admit(app, method, Room::None);
                Command::Stop(recording::Stop {
                    target: samples::target(sid),
                    at_once: false,
                })
            }
        };
        let request = Request::Call(recording::Call { key, command });
        self.after(3 * HOP_MS, Event::AskRecorder(recorder, request, Caller::Customer));
    }

    pub(super) fn admit(&mut self, app: usize, method: Method, room: Room) {
        let limits = Limits {
            recordings: Limits::MAX_RECORDINGS,
            ..Limits::default()
        };
        let admit = Admit { method, limits, room };
        self.tell_app(app, app::Request::Admit(admit));
    }

    pub(super) fn tell_app(&mut self, app: usize, request: app::Request) {
        let sum = self.bill.of(Kind::App);
        sum.requests += 1.0;
        self.apps[app].ask(request, self.now_ms, sum);
        self.set_app_alarm(app, false);
    }

    pub(super) fn ring_app(&mut self, app: usize, at_ms: u64) {
        let sum = self.bill.of(Kind::App);
        if self.apps[app].host.rings(at_ms, sum) {
            if let Some(tally) = self.apps[app].rang(self.now_ms, sum) {
                self.ask_fleet();
                // The tally, and the sums where something has ended.
                let rows = 1 + u8::from(!tally.ended.is_empty());
                self.bill.of(Kind::Fleet).rows_written += f64::from(rows);
            }
            self.set_app_alarm(app, true);
        }
    }

    pub(super) fn set_app_alarm(&mut self, app: usize, rang: bool) {
        let (sum, object) = (self.bill.of(Kind::App), &mut self.apps[app]);
        let (wanted_ms, before) = (object.next_alarm(), object.host.rings_ms);
        let at_ms = object.host.want(wanted_ms, self.now_ms, rang, sum);
        if let Some(at_ms) = at_ms.filter(|at_ms| Some(*at_ms) != before) {
            self.queue.push(at_ms, Event::AppAlarm(app, at_ms));
        }
    }

    pub(super) fn ask_fleet(&mut self) {
        let sum = self.bill.of(Kind::Fleet);
        sum.requests += 1.0;
        if self.fleet_host.active(self.now_ms, self.now_ms, sum) {
            sum.rows_read += 1.0 + self.size.nodes as f64;
        }
    }
}
