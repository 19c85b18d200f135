//! The dialect against what the vendor documents: every call, and each code that can be caused.

mod codes;
mod live;
mod openapi;
mod parts;
mod records;
mod rooms;
mod routes;
mod servers;
mod uploads;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use protocol::Secret;
use serde_json::{Value, json};

use crate::access::testing::{self, MapStore, entropy, key_ring, run};
use crate::access::{App, Credential, Directory, HouseStorage, KeyRing, Tenant};
use crate::app::{self, Denial, Listed, Verdict};
use crate::dialect::{Server, Step, route};
use crate::http::{Request, Response};
use crate::input::Targets;
use crate::joining::Order;
use crate::object::{Input, Output};
use crate::recording::{Call, Outcome};
use crate::room::{self, Ask, Random, Room, ServerView, Told, lobby};
use crate::upload;

pub(super) const APP: &str = "97017e465d19b62033ab4e13680e3028";
/// Another app of the same customer.
pub(super) const OTHER_APP: &str = "97017e465d19b62033ab4e13680e3029";
pub(super) const DISABLED_APP: &str = "97017e465d19b62033ab4e13680e302d";
/// One without storage of its own.
pub(super) const BARE_APP: &str = "97017e465d19b62033ab4e13680e302b";
/// One that speaks another dialect.
pub(super) const FOREIGN_APP: &str = "97017e465d19b62033ab4e13680e302f";
pub(super) const SECRET: &str = "0123456789abcdef";
pub(super) const NOW_MS: u64 = 1_713_255_006_000;

/// The edge as the dialect sees it, with rooms as they are.
pub(super) struct Bench {
    store: MapStore,
    keys: KeyRing,
    rooms: RefCell<BTreeMap<String, Room>>,
    lobby: RefCell<lobby::Lobby>,
    pub(super) servers: RefCell<Vec<ServerView>>,
    /// What recorders answer, one after the other; `None`: nothing.
    pub(super) outcomes: RefCell<Vec<Option<Outcome>>>,
    pub(super) calls: RefCell<Vec<Call>>,
    pub(super) listed: RefCell<Vec<Listed>>,
    /// Places among the app's recordings that were given back.
    pub(super) released: RefCell<Vec<String>>,
    /// Uploads that clients may begin.
    pub(super) opened: RefCell<Vec<(String, upload::Opening)>>,
    pub(super) stage: Cell<Option<upload::Stage>>,
    /// What comes of reading a file.
    pub(super) received: RefCell<Result<Vec<u64>, upload::Problem>>,
    pub(super) orders: RefCell<Vec<Order>>,
    pub(super) denial: Cell<Option<Denial>>,
    /// Whether nobody answers.
    pub(super) silent: Cell<bool>,
    /// The AppSecret that is shown.
    pub(super) shown: RefCell<String>,
    /// What rooms have told one another too early.
    unheard: RefCell<Vec<room::Question>>,
    seed: Cell<u8>,
}

pub(super) fn server(name: &str, load: f64) -> ServerView {
    ServerView {
        server: room::Server {
            node_id: name.into(),
            alias: format!("{name}:cluster-1"),
            address: format!("{name}.example:6017"),
        },
        load,
        threads: Vec::new(),
        takes: true,
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        let bench = Self {
            store: MapStore::default(),
            keys: key_ring(),
            rooms: RefCell::default(),
            lobby: RefCell::default(),
            servers: RefCell::new(vec![server("rtc-1", 0.1), server("rtc-2", 0.5)]),
            outcomes: RefCell::default(),
            calls: RefCell::default(),
            listed: RefCell::default(),
            released: RefCell::default(),
            opened: RefCell::default(),
            stage: Cell::new(None),
            received: RefCell::new(Ok(Vec::new())),
            orders: RefCell::default(),
            denial: Cell::new(None),
            silent: Cell::new(false),
            shown: RefCell::new(format!("key={APP}.{SECRET}")),
            unheard: RefCell::default(),
            seed: Cell::new(0),
        };
        let directory = Directory::new(&bench.store, &bench.keys);
        let tenant = Tenant {
            id: "t1".into(),
            name: "t1".into(),
            created_ms: 1,
        };
        run(directory.put_tenant(&tenant)).unwrap();
        let credential = Credential {
            customer_id: "c1".into(),
            tenant: "t1".into(),
            secret: Secret::new(SECRET),
            created_ms: 1,
        };
        run(directory.put_credential(&credential, &entropy(1).nonce)).unwrap();
        for app_id in [APP, OTHER_APP, DISABLED_APP, BARE_APP, FOREIGN_APP] {
            let dialect = if app_id == FOREIGN_APP { "fsp" } else { "uprtc" };
            let app = App {
                house_storage: (app_id != BARE_APP).then(|| HouseStorage {
                    storage: testing::storage(),
                    former: Vec::new(),
                    retention_days: None,
                    retention_s: None,
                    link_s: 600,
                }),
                disabled: app_id == DISABLED_APP,
                ..App::new(app_id, "t1", dialect, 1)
            };
            run(directory.put_app(&app, &entropy(2).nonce)).unwrap();
        }
        bench
    }

    pub(super) fn break_store(&mut self) {
        self.store.broken = true;
    }

    pub(super) fn send(&self, request: &Request) -> Response {
        self.seed.set(self.seed.get().wrapping_add(1));
        let directory = Directory::new(&self.store, &self.keys);
        let server = Server {
            directory: &directory,
            public_url: Some("https://rtc.example"),
            targets: Targets::Any,
            now_ms: NOW_MS,
            entropy: &entropy(self.seed.get()),
        };
        let mut step = run(route(request).unwrap().handle(&server));
        loop {
            step = match step {
                Step::Respond(response) | Step::Failed(_, response) => return response,
                Step::Admit(admission) => {
                    let verdict = Verdict {
                        at_ms: NOW_MS,
                        limit: 10,
                        remaining: 9,
                        denial: self.denial.get(),
                    };
                    admission.decide(Some(&verdict))
                }
                Step::Room(visit) => {
                    let told = (!self.silent.get()).then(|| self.told(visit.ask.clone()));
                    visit.answered(told)
                }
                Step::Call(pending) => {
                    self.calls.borrow_mut().push(pending.call.clone());
                    let mut outcomes = self.outcomes.borrow_mut();
                    let outcome = if outcomes.is_empty() { None } else { outcomes.remove(0) };
                    pending.answered(outcome.as_ref())
                }
                Step::Index(look_up) => {
                    let items = self.listed.borrow().clone();
                    let reply = match look_up.request.clone() {
                        app::Request::List(filter) => app::Reply::List {
                            items: items
                                .into_iter()
                                .filter(|item| filter.sid == Some(item.sid.clone()))
                                .collect(),
                            next: None,
                            total: None,
                        },
                        app::Request::Release { sid } => {
                            self.released.borrow_mut().push(sid);
                            app::Reply::Done
                        }
                        other => panic!("{other:?}"),
                    };
                    look_up.answered((!self.silent.get()).then_some(reply))
                }
                Step::Upload(sending) => {
                    let reply = match &sending.question.request {
                        _ if self.silent.get() => None,
                        upload::Request::Open(opening) => {
                            let opened = (sending.question.record_id.clone(), (**opening).clone());
                            self.opened.borrow_mut().push(opened);
                            Some(upload::Reply::Opened)
                        }
                        upload::Request::Look { app_id } => {
                            assert_eq!(app_id, APP);
                            Some(upload::Reply::Stage(self.stage.get()))
                        }
                    };
                    sending.answered(reply)
                }
                Step::Receive(receiving) => {
                    let sizes = self.received.borrow().clone();
                    receiving.received(sizes)
                }
                Step::Join(joining) => {
                    self.orders.borrow_mut().extend(joining.orders.clone());
                    joining.answered(!self.silent.get())
                }
                other => panic!("{other:?}"),
            };
        }
    }

    fn told(&self, ask: Ask) -> Told {
        match ask {
            Ask::Servers => Told::Servers(self.servers.borrow().clone()),
            Ask::Lobby(request) => Told::Lobby(self.lobby(Input::Asked { by: 1, request }).unwrap()),
            Ask::Room(request) => {
                let room_id = request.room_id.clone();
                Told::Room(self.room(&room_id, room::Input::Asked { by: 1, request }).unwrap())
            }
        }
    }

    fn lobby(&self, input: lobby::Input) -> Option<lobby::Reply> {
        let mut replied = None;
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let outputs = lobby::step(&mut self.lobby.borrow_mut(), input, NOW_MS);
            for output in outputs {
                match output {
                    Output::Reply { reply, .. } => replied = Some(reply),
                    Output::Effect(lobby::Effect::Save) => {}
                    Output::Effect(lobby::Effect::Tell {
                        app_id,
                        room_id,
                        version,
                        room_ids,
                    }) => {
                        let request = room::Question {
                            room_id: room_id.clone(),
                            app_id,
                            request: room::Request::Connect { version, room_ids },
                        };
                        self.room(&room_id, room::Input::Asked { by: 2, request });
                        let ok = true;
                        inputs.push(Input::Event(lobby::Event::Told { room_id, version, ok }));
                    }
                }
            }
        }
        for request in self.unheard.take() {
            let room_id = request.room_id.clone();
            self.room(&room_id, room::Input::Asked { by: 4, request });
        }
        replied
    }

    /// Applies an input to a room; nodes answer everything.
    pub(super) fn room(&self, room_id: &str, input: room::Input) -> Option<room::Reply> {
        let mut replied = None;
        let mut inputs = vec![input];
        while let Some(input) = (!inputs.is_empty()).then(|| inputs.remove(0)) {
            let mut random = Random::new([self.seed.get(); 32]);
            let mut room = self.rooms.borrow_mut().remove(room_id).unwrap_or_default();
            let outputs = room::step(&mut room, input, &|_| Some(NOW_MS), &mut random, NOW_MS);
            self.rooms.borrow_mut().insert(room_id.to_owned(), room);
            for output in outputs {
                let event = match output {
                    Output::Reply { reply, .. } => {
                        replied = Some(reply);
                        continue;
                    }
                    Output::Effect(effect) => effect,
                };
                inputs.extend(self.carry_out(event).map(room::Input::Event));
            }
        }
        replied
    }

    fn carry_out(&self, effect: room::Effect) -> Option<room::Event> {
        match effect {
            room::Effect::Admit { socket, join, .. } => Some(room::Event::Admitted {
                socket,
                join,
                admitted: Ok(room::May::ALL),
                has_master: false,
            }),
            room::Effect::Register { app_id, room_id, live } => {
                let request = lobby::Request::Enter { room_id, live };
                self.lobby(Input::Asked {
                    by: 3,
                    request: lobby::Question { app_id, request },
                });
                Some(room::Event::Registered { ok: true, version: 0 })
            }
            room::Effect::Leave { app_id, room_id } => {
                let request = lobby::Request::Leave { room_id };
                self.lobby(Input::Asked {
                    by: 3,
                    request: lobby::Question { app_id, request },
                });
                Some(room::Event::Left { ok: true })
            }
            room::Effect::Share {
                from,
                to,
                app_id,
                version,
                tracks,
                heard,
            } => {
                let request = room::Question {
                    room_id: to.clone(),
                    app_id,
                    request: room::Request::Shared {
                        from,
                        version,
                        tracks,
                        heard: Some(heard),
                    },
                };
                let heard = self.room(
                    &to,
                    room::Input::Asked {
                        by: 4,
                        request: request.clone(),
                    },
                );
                if heard != Some(room::Reply::Done) {
                    // It does not know yet that it is connected.
                    self.unheard.borrow_mut().push(request);
                }
                Some(room::Event::Shared { to, version, ok: true })
            }
            room::Effect::Media { errand, .. } => Some(room::Event::Answered {
                errand,
                answered: room::Answered::By {
                    node_id: "rtc-1".into(),
                    server: None,
                    reply: protocol::RoomReply::Answer { sdp: "v=0".into() },
                },
            }),
            _ => None,
        }
    }

    /// What a room shows.
    pub(super) fn playback_of(&self, room_id: &str) -> room::Playback {
        let request = room::Question {
            room_id: room_id.to_owned(),
            app_id: APP.into(),
            request: room::Request::Look,
        };
        match self.room(room_id, room::Input::Asked { by: 5, request }) {
            Some(room::Reply::View(view)) => *view.spec.playback.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// A client joins a room.
    pub(super) fn join(&self, room_id: &str, socket: u64, peer_id: &str) {
        self.say(room_id, socket, &json!({ "t": "join", "peerId": peer_id }));
    }

    pub(super) fn say(&self, room_id: &str, socket: u64, frame: &Value) {
        let text = frame.to_string();
        self.room(room_id, room::Input::Event(room::Event::Message { socket, text }));
    }

    pub(super) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request {
        Request {
            method: method.into(),
            origin: "http://127.0.0.1:8787".into(),
            path: format!("/uprtc/api/v2{path}"),
            headers: [("Authorization".to_owned(), self.shown.borrow().clone())]
                .into_iter()
                .collect(),
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
            ..Request::default()
        }
    }

    /// The whole answer.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let response = self.send(&self.request(method, path, body.as_ref()));
        assert_eq!(response.status, 200);
        serde_json::from_slice(&response.body).unwrap()
    }

    pub(super) fn code(&self, method: &str, path: &str, body: Option<Value>) -> u64 {
        let answer = self.call(method, path, body);
        assert_eq!(answer["code"] == 0, answer["msg"] == "", "{answer}");
        answer["code"].as_u64().unwrap()
    }

    /// The data of a success.
    pub(super) fn data(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.call(method, path, body);
        assert_eq!(
            (&answer["code"], &answer["msg"]),
            (&json!(0), &json!("")),
            "{method} {path}: {answer}"
        );
        let fields: BTreeSet<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["code", "data", "msg"]));
        answer["data"].clone()
    }

    pub(super) fn conversation(&self, members: &[&str]) -> String {
        let body = json!({ "masterId": "master", "memberIds": members });
        id(&self.data("POST", "/room/convo", Some(body)))
    }

    pub(super) fn live(&self, master: &str) -> String {
        id(&self.data("POST", "/room/live", Some(json!({ "masterId": master }))))
    }
}

pub(super) fn id(data: &Value) -> String {
    data["roomId"].as_str().unwrap().to_owned()
}
