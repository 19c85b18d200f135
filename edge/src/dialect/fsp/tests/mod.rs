//! The dialect against what the vendor documents: its tables as tables, and each code that can be caused.

mod codes;
mod defaults;
mod entrance;
mod events;
mod flow;
mod lists;
mod openapi;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use protocol::{EndCause, FileKind, Mode, RecordedFile, RecorderKey, Secret, Storage, TrackKind};
use serde_json::{Value, json};

use super::label::Label;
use crate::access::testing::{self, MapStore, entropy, key_ring, run};
use crate::access::{App, Credential, Directory, HouseStorage, KeyRing, Tenant, hex};
use crate::app::{self, Denial, Listed, Verdict};
use crate::dialect::{Server, Step, no_route, route};
use crate::gateway::Gateway;
use crate::http::{Request, Response};
use crate::input::Targets;
use crate::recording::{Command, House, Outcome, RecordingView, Standing, Status};

pub(super) const APP: &str = "97017e465d19b62033ab4e13680e3028";
/// One whose codes have 9 digits.
pub(super) const NINE_APP: &str = "97017e465d19b62033ab4e13680e3029";
pub(super) const DISABLED_APP: &str = "97017e465d19b62033ab4e13680e302d";
/// One without storage of its own.
pub(super) const BARE_APP: &str = "97017e465d19b62033ab4e13680e302b";
/// One of another developer.
pub(super) const FOREIGN_APP: &str = "97017e465d19b62033ab4e13680e302f";
pub(super) const DEV: &str = "459d0e780b96ce2c42b6356a67e5e35c";
pub(super) const OTHER_DEV: &str = "559d0e780b96ce2c42b6356a67e5e35c";
pub(super) const SECRET: &str = "0123456789abcdef";
pub(super) const GROUP: &str = "group 7";
/// 2020-02-20 11:52:05 in China.
pub(super) const NOW_MS: u64 = 1_582_170_725_000;

/// The edge as the dialect sees it: a directory, the objects that it asks, and what recorders say.
pub(super) struct Bench {
    store: MapStore,
    keys: KeyRing,
    /// By tenant.
    gateways: RefCell<BTreeMap<String, Gateway>>,
    /// The tasks in the app's index; `None`: it cannot be asked.
    pub(super) tasks: RefCell<Option<Vec<Listed>>>,
    pub(super) denial: Option<Denial>,
    pub(super) now_ms: u64,
    pub(super) token: String,
    /// What becomes of deletions.
    pub(super) erasing: Cell<app::Erasing>,
    seed: RefCell<u8>,
}

/// What a request came to, and what was asked on the way.
pub(super) struct Done {
    pub(super) response: Response,
    pub(super) commands: Vec<Command>,
    pub(super) asked: Vec<app::Request>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut bench = Self {
            store: MapStore::default(),
            keys: key_ring(),
            gateways: RefCell::default(),
            tasks: RefCell::new(Some(Vec::new())),
            denial: None,
            now_ms: NOW_MS,
            token: String::new(),
            erasing: Cell::new(app::Erasing::Begun),
            seed: RefCell::new(0),
        };
        bench.furnish();
        bench.token = bench.sign_in(DEV);
        bench
    }

    fn furnish(&self) {
        let directory = self.directory();
        for (tenant, dev, apps) in [
            ("t1", DEV, vec![APP, NINE_APP, DISABLED_APP, BARE_APP]),
            ("t2", OTHER_DEV, vec![FOREIGN_APP]),
        ] {
            let tenant_record = Tenant {
                id: tenant.into(),
                name: tenant.into(),
                created_ms: 1,
            };
            run(directory.put_tenant(&tenant_record)).unwrap();
            let credential = Credential {
                customer_id: dev.into(),
                tenant: tenant.into(),
                secret: Secret::new(SECRET),
                created_ms: 1,
            };
            run(directory.put_credential(&credential, &entropy(1).nonce)).unwrap();
            for app_id in apps {
                let dialect = if app_id == NINE_APP { "fsp-9" } else { "fsp" };
                let app = App {
                    house_storage: (app_id != BARE_APP).then(house_storage),
                    disabled: app_id == DISABLED_APP,
                    ..App::new(app_id, tenant, dialect, 1)
                };
                run(directory.put_app(&app, &entropy(2).nonce)).unwrap();
            }
        }
    }

    pub(super) fn directory(&self) -> Directory<'_, MapStore> {
        Directory::new(&self.store, &self.keys)
    }

    pub(super) fn break_store(&mut self) {
        self.store.broken = true;
    }

    /// An access token for a developer's token.
    pub(super) fn sign_in(&self, dev: &str) -> String {
        let reply = body(&self.send(&token_request(&format!("{dev}.{}", vendor_token(dev, SECRET)))));
        reply["result"]["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) fn send(&self, request: &Request) -> Response {
        self.run(request, &[]).response
    }

    /// Sends a request; recorders answer with these outcomes one after the other, and then not at all.
    pub(super) fn run(&self, request: &Request, outcomes: &[Option<Outcome>]) -> Done {
        let mut outcomes = outcomes.iter();
        let (mut commands, mut asked) = (Vec::new(), Vec::new());
        let seed = self.seed.replace_with(|seed| seed.wrapping_add(1));
        let Some(routed) = route(request) else {
            let response = no_route();
            return Done {
                response,
                commands,
                asked,
            };
        };
        let server = Server {
            directory: &self.directory(),
            public_url: None,
            targets: Targets::Any,
            now_ms: self.now_ms,
            entropy: &entropy(seed),
        };
        let mut step = run(routed.handle(&server));
        loop {
            step = match step {
                Step::Respond(response) | Step::Failed(_, response) => {
                    return Done {
                        response,
                        commands,
                        asked,
                    };
                }
                Step::Gateway(entrance) => {
                    let mut gateways = self.gateways.borrow_mut();
                    let gateway = gateways.entry(entrance.tenant.clone()).or_default();
                    let reply = gateway.answer(entrance.request.clone(), self.now_ms);
                    entrance.answered(Some(reply))
                }
                Step::Admit(admission) => {
                    let verdict = Verdict {
                        at_ms: self.now_ms,
                        limit: 10,
                        remaining: 9,
                        denial: self.denial,
                    };
                    admission.decide(Some(&verdict))
                }
                Step::Index(look_up) => {
                    asked.push(look_up.request.clone());
                    let reply = self.index(&look_up.request);
                    look_up.answered(reply)
                }
                Step::Call(pending) => {
                    commands.push(pending.call.command.clone());
                    pending.answered(outcomes.next().and_then(Option::as_ref))
                }
                Step::Room(_) | Step::Upload(_) | Step::Receive(_) | Step::Save(_) | Step::Join(_) => {
                    panic!("nothing is set or joined by customers")
                }
            };
        }
    }

    fn index(&self, request: &app::Request) -> Option<app::Reply> {
        let tasks = self.tasks.borrow();
        let tasks = tasks.as_ref()?;
        Some(match request {
            app::Request::List(filter) => {
                let fits = |task: &&Listed| filter.sid.as_ref().is_none_or(|sid| *sid == task.sid);
                let items: Vec<_> = tasks.iter().filter(fits).cloned().collect();
                let total = Some(items.len() as u64);
                app::Reply::List {
                    items,
                    next: None,
                    total,
                }
            }
            app::Request::Erase { .. } | app::Request::Empty { .. } | app::Request::Hide { .. } => {
                app::Reply::Erase(self.erasing.get())
            }
            other => panic!("{other:?}"),
        })
    }

    /// The app has one task, which stands so.
    pub(super) fn with_task(self, standing: Standing) -> Self {
        *self.tasks.borrow_mut() = Some(vec![task(standing, None)]);
        self
    }

    pub(super) fn get(&self, path: &str, query: &str) -> Request {
        let query = format!("app_id={APP}&{query}");
        Request {
            query,
            ..self.request("GET", path)
        }
    }

    /// A call of `APP`, unless the body names another one.
    pub(super) fn post(&self, path: &str, body: &Value) -> Request {
        let mut whole = json!({"app_id": APP});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let mut request = self.request("POST", path);
        request.headers.push("Content-Type", "application/json;charset=UTF-8");
        request.body = serde_json::to_vec(&whole).unwrap();
        request
    }

    fn request(&self, method: &str, path: &str) -> Request {
        Request {
            method: method.into(),
            path: path.into(),
            headers: [("Authorization".to_owned(), self.token.clone())].into_iter().collect(),
            ..Request::default()
        }
    }
}

pub(super) fn token_request(authorization: &str) -> Request {
    Request {
        method: "GET".into(),
        path: "/access/token".into(),
        headers: [("Authorization".to_owned(), authorization.to_owned())]
            .into_iter()
            .collect(),
        ..Request::default()
    }
}

pub(super) fn vendor_token(dev: &str, secret: &str) -> String {
    let text = format!(r#"{{"aid":"{dev}","gid":"null","uid":"null","ts":{NOW_MS},"r":7}}"#);
    super::token::make(&text, secret)
}

pub(super) fn body(response: &Response) -> Value {
    assert_eq!(response.status, 200);
    assert_eq!(response.headers.get("access-control-allow-origin"), Some("*"));
    serde_json::from_slice(&response.body).unwrap()
}

fn storage() -> Storage {
    Storage {
        region: "r".into(),
        bucket: "recordings".into(),
        secret_key: Secret::new("verysecret"),
        ..testing::storage()
    }
}

fn house_storage() -> HouseStorage {
    HouseStorage {
        storage: storage(),
        former: Vec::new(),
        retention_days: Some(30),
        retention_s: None,
        link_s: 600,
    }
}

pub(super) fn sid() -> String {
    hex(&[7; 16])
}

pub(super) fn record_id() -> String {
    format!("20200220115205_{}", sid())
}

pub(super) fn label(auto: Option<u8>) -> Label {
    Label {
        time: "20200220115205".into(),
        file_name: "lesson".into(),
        width: 1280,
        height: 720,
        auto,
        audio_only: false,
        company_id: None,
    }
}

pub(super) fn task(standing: Standing, auto: Option<u8>) -> Listed {
    let is_over = standing >= Standing::Done;
    Listed {
        key: RecorderKey {
            app_id: APP.into(),
            channel: GROUP.into(),
            uid: sid(),
        },
        sid: sid(),
        mode: Mode::Mix,
        status: match standing {
            Standing::Done => Status::Ended,
            Standing::Failed => Status::Failed,
            Standing::Closing | Standing::Finishing | Standing::Uploading => Status::Stopping,
            _ => Status::Recording,
        },
        standing,
        created_ms: NOW_MS,
        started_ms: Some(NOW_MS),
        ended_ms: is_over.then_some(NOW_MS + 90_000),
        cause: is_over.then_some(EndCause::Stopped),
        told_ms: Some(NOW_MS),
        awaited: Vec::new(),
        house: Some(House {
            store: HouseStorage::id(&storage()),
            kept_ms: None,
            label: label(auto).write(),
        }),
        files: if standing == Standing::Done {
            vec![file("mp4")]
        } else {
            Vec::new()
        },
        made: None,
        erasure: None,
    }
}

pub(super) fn file(ending: &str) -> RecordedFile {
    RecordedFile {
        name: format!("house/{APP}/{}/lesson.{ending}", sid()),
        track: TrackKind::Video,
        kind: FileKind::Mp4,
        uid: "0".into(),
        start_ms: NOW_MS + 1_000,
        duration_ms: 79_400,
        slices: 1,
        bytes: 1_024_001,
        uploaded_slices: 1,
        md5: Some("900150983cd24fb0d6963f7d28e17f72".into()),
    }
}

/// What the recorder of the task says.
pub(super) fn view(standing: Standing) -> RecordingView {
    let listed = task(standing, None);
    RecordingView {
        status: listed.status,
        standing,
        paused: standing == Standing::Paused,
        house: listed.house,
        mp4: true,
        first_media_ms: Some(NOW_MS + 1_000),
        ended_ms: listed.ended_ms,
        cause: listed.cause,
        files: listed.files,
        ..RecordingView::new(listed.key, listed.sid, Mode::Mix, NOW_MS)
    }
}

pub(super) fn state(standing: Standing) -> Option<Outcome> {
    Some(Outcome::State(Box::new(view(standing))))
}
