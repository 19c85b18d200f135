//! The API from outside: plain requests in, plain responses out.

mod acquire;
mod announced;
mod anyrtc;
mod automatic;
mod certified;
mod codes;
mod file_lists;
mod garbage;
mod gateway;
mod limits;
mod mixed;
mod openapi;
mod openapi_fields;
mod responses;
mod rules;
mod running;
mod start;
mod storage;
mod vod;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{Mode, Phase, RecorderKey, Secret, SecretUrl, Source};
use serde_json::{Value, json};

use crate::access::testing::{MapStore, entropy, key_ring, run};
use crate::access::{App, Credential, Directory, KeyRing, RecorderDefaults, Tenant};
use crate::dialect::{Pending, Server, Step, no_route, route};
use crate::http::{Request, Response};
use crate::input::Targets;
use crate::recording::{Outcome, RecordingView, Status};

pub(super) const APP: &str = "0123456789abcdef0123456789abcdef";
pub(super) const SISTER_APP: &str = "0123456789abcdef0123456789abcde0";
pub(super) const FOREIGN_APP: &str = "ffffffffffffffffffffffffffffffff";
pub(super) const DISABLED_APP: &str = "dddddddddddddddddddddddddddddddd";
/// The certificate of `CERTIFIED_APP`.
pub(super) const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
pub(super) const CERTIFIED_APP: &str = "970CA35de60c44645bbae8a215061b33";
/// An app that speaks anyRTC's dialect.
pub(super) const ANYRTC_APP: &str = "0123456789abcdef0123456789abcdea";
pub(super) const SID: &str = "38f8e3cfdc474cd56fc1ceba380d7e1a";
pub(super) const START_MS: u64 = 1_700_000_000_000;

/// A service with two tenants: t1 owns `APP`, `SISTER_APP` (whose playlists are set otherwise), `DISABLED_APP`,
/// `CERTIFIED_APP` and `ANYRTC_APP`, t2 owns `FOREIGN_APP`.
pub(super) struct Service {
    store: MapStore,
    keys: KeyRing,
    pub(super) targets: Targets,
    pub(super) now_ms: u64,
}

impl Service {
    pub(super) fn new() -> Self {
        let service = Self {
            store: MapStore::default(),
            keys: key_ring(),
            targets: Targets::Any,
            now_ms: START_MS,
        };
        let directory = service.directory();
        for (tenant, customer_id, apps) in [
            (
                "t1",
                "alice",
                vec![APP, SISTER_APP, DISABLED_APP, CERTIFIED_APP, ANYRTC_APP],
            ),
            ("t2", "bob", vec![FOREIGN_APP]),
        ] {
            run(directory.put_tenant(&Tenant {
                id: tenant.into(),
                name: tenant.into(),
                created_ms: 1,
            }))
            .unwrap();
            let credential = Credential {
                customer_id: customer_id.into(),
                tenant: tenant.into(),
                secret: Secret::new("pw"),
                created_ms: 1,
            };
            run(directory.put_credential(&credential, &entropy(1).nonce)).unwrap();
            for app_id in apps {
                let dialect = if app_id == ANYRTC_APP { "anyrtc" } else { "agora" };
                let app = App {
                    certificate: (app_id == CERTIFIED_APP).then(|| Secret::new(CERTIFICATE)),
                    source: Source::Static {
                        streams: BTreeMap::from([("1".into(), SecretUrl::new("rtsp://u:p@h/1"))]),
                    },
                    recorder: RecorderDefaults {
                        strict_extinf: app_id != SISTER_APP,
                        multivariant_playlists: app_id == SISTER_APP,
                        ..RecorderDefaults::default()
                    },
                    disabled: app_id == DISABLED_APP,
                    ..App::new(app_id, tenant, dialect, 1)
                };
                run(directory.put_app(&app, &entropy(2).nonce)).unwrap();
            }
        }
        service
    }

    pub(super) fn directory(&self) -> Directory<'_, MapStore> {
        Directory::new(&self.store, &self.keys)
    }

    /// What becomes of a request that the app's limits let through.
    pub(super) fn send(&self, request: &Request) -> Step {
        match self.receive(request) {
            Step::Admit(admission) => admission.decide(None),
            step => step,
        }
    }

    pub(super) fn receive(&self, request: &Request) -> Step {
        let Some(routed) = route(request) else {
            return Step::Respond(no_route());
        };
        let server = Server {
            public_url: None,
            directory: &self.directory(),
            targets: self.targets,
            now_ms: self.now_ms,
            entropy: &entropy(3),
        };
        run(routed.handle(&server))
    }

    /// The answer to what must not reach a recorder.
    pub(super) fn answer(&self, request: &Request) -> Response {
        match self.send(request) {
            Step::Respond(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// What must reach a recorder.
    pub(super) fn pending(&self, request: &Request) -> Box<Pending> {
        match self.send(request) {
            Step::Call(pending) => pending,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn resource_id(&self) -> String {
        let request = post(&path(APP, "acquire"), &json!({"cname": "demo", "uid": "527841"}));
        body(&self.answer(&request))["resourceId"].as_str().unwrap().to_owned()
    }

    pub(super) fn break_store(&mut self) {
        self.store.broken = true;
    }
}

/// What a recorder's answer comes to.
pub(super) trait Rendered {
    fn render(&self, outcome: &Outcome) -> Response;

    fn unreachable(&self) -> Response;
}

impl Rendered for Pending {
    fn render(&self, outcome: &Outcome) -> Response {
        responded(self.answered(Some(outcome)))
    }

    fn unreachable(&self) -> Response {
        responded(self.answered(None))
    }
}

fn responded(step: Step) -> Response {
    match step {
        Step::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

pub(super) fn path(app_id: &str, call: &str) -> String {
    format!("/v1/apps/{app_id}/cloud_recording/{call}")
}

pub(super) fn start_path(resource_id: &str) -> String {
    path(APP, &format!("resourceid/{resource_id}/mode/individual/start"))
}

pub(super) fn running_path(resource_id: &str, action: &str) -> String {
    path(
        APP,
        &format!("resourceid/{resource_id}/sid/{SID}/mode/individual/{action}"),
    )
}

pub(super) fn request(method: &str, path: &str) -> Request {
    let authorization = format!("Basic {}", STANDARD.encode("alice:pw"));
    Request {
        method: method.into(),
        path: path.into(),
        headers: [("Authorization".to_owned(), authorization)].into_iter().collect(),
        ..Request::default()
    }
}

pub(super) fn post(path: &str, body: &Value) -> Request {
    let mut request = request("POST", path);
    request.headers.push("Content-Type", "application/json;charset=utf-8");
    request.body = serde_json::to_vec(body).unwrap();
    request
}

/// Asserts status, code and a part of the reason.
#[track_caller]
pub(super) fn assert_error(response: &Response, status: u16, code: u32, part: &str) {
    let body = body(response);
    assert_eq!(
        (response.status, body["code"].as_u64()),
        (status, Some(code.into())),
        "{body}"
    );
    assert!(
        body["reason"].as_str().unwrap().contains(part),
        "{body} has no {part:?}"
    );
}

pub(super) fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// An answer of either flavour.
pub(super) fn without_envelope(body: Value) -> Value {
    body.get("Body").cloned().unwrap_or(body)
}

/// A start that is accepted.
pub(super) fn start_body() -> Value {
    json!({
        "cname": "demo",
        "uid": "527841",
        "clientRequest": {
            "token": "",
            "recordingConfig": {"channelType": 0, "subscribeUidGroup": 0},
            "recordingFileConfig": {"avFileType": ["hls"]},
            "storageConfig": {
                "vendor": 11,
                "region": 0,
                "bucket": "recordings",
                "accessKey": "AK",
                "secretKey": "verysecret",
                "fileNamePrefix": ["a", "b"],
                "extensionParams": {"endpoint": "http://127.0.0.1:9000"},
            },
        },
    })
}

/// Sets what a JSON pointer names, making objects on the way; `None` removes it.
pub(super) fn set(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let mut at = &mut body;
    let (parents, name) = pointer.rsplit_once('/').unwrap();
    for parent in parents.split('/').skip(1) {
        at = at.as_object_mut().unwrap().entry(parent).or_insert_with(|| json!({}));
    }
    let object = at.as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    body
}

/// An individual recording that brings media and has no files yet.
pub(super) fn snapshot() -> RecordingView {
    let key = RecorderKey {
        app_id: APP.into(),
        channel: "demo".into(),
        uid: "527841".into(),
    };
    RecordingView {
        status: Status::Recording,
        phase: Some(Phase::Recording),
        first_media_ms: Some(START_MS + 1500),
        ..RecordingView::new(key, SID.into(), Mode::Individual, START_MS)
    }
}
