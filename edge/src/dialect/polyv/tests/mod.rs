//! What requests of each kind come to, and what callbacks are told.

mod automatic;
mod callbacks;
mod channel_settings;
mod clients;
mod documented;
mod joins;
mod openapi;
mod records;

use md5::{Digest as _, Md5};
use protocol::{FileKind, Mode, RecordedFile, RecorderKey, Secret, TrackKind};
use serde_json::{Value, json};

use super::*;
use crate::access::testing::{MapStore, entropy, key_ring, run, storage};
use crate::access::{Credential, Directory, HouseStorage, KeyRing, Tenant, hex};
use crate::app::Listed;
use crate::dialect::{no_route, route};
use crate::http::Response;
use crate::input::Targets;
use crate::recording::{House, Standing, Status};

const APP: &str = "0123456789abcdef0123456789abcdef";
const USER: &str = "1b448be323";
const SECRET: &str = "fsq2k5weced1h8vui657xtdva66whf0g";
const CHANNEL: &str = "2453970";
const SID: &str = "38f8e3cfdc474cd56fc1ceba380d7e1a";
/// 2021-08-19, 08:58:59 in China.
const NOW: u64 = 1_629_334_739_239;

/// A server with one account of this vendor, and an app of another.
struct Bench {
    store: MapStore,
    keys: KeyRing,
    targets: Targets,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            store: MapStore::default(),
            keys: key_ring(),
            targets: Targets::Any,
            now_ms: NOW,
        };
        let directory = bench.directory();
        for tenant in [USER, "other"] {
            let tenant = Tenant {
                id: tenant.into(),
                name: tenant.into(),
                created_ms: 1,
            };
            run(directory.put_tenant(&tenant)).unwrap();
        }
        for (customer_id, secret) in [("old", "another"), ("new", SECRET)] {
            let credential = Credential {
                customer_id: customer_id.into(),
                tenant: USER.into(),
                secret: Secret::new(secret),
                created_ms: 1,
            };
            run(directory.put_credential(&credential, &entropy(1).nonce)).unwrap();
        }
        let app = App {
            house_storage: Some(house_storage()),
            ..App::new(APP, USER, "polyv", 1)
        };
        run(directory.put_app(&app, &entropy(2).nonce)).unwrap();
        let foreign = App::new("f".repeat(32), "other", "agora", 1);
        run(directory.put_app(&foreign, &entropy(2).nonce)).unwrap();
        bench
    }

    fn directory(&self) -> Directory<'_, MapStore> {
        Directory::new(&self.store, &self.keys)
    }

    fn app(&self) -> App {
        run(self.directory().app(APP)).unwrap().unwrap()
    }

    /// What becomes of a request that the app's limits let through, as far as no object has to be asked.
    fn send(&self, request: &Request) -> Step {
        let Some(routed) = route(request) else {
            return Step::Respond(no_route());
        };
        let server = Server {
            directory: &self.directory(),
            public_url: Some("https://edge"),
            targets: self.targets,
            now_ms: self.now_ms,
            entropy: &entropy(3),
        };
        let step = match run(routed.handle(&server)) {
            Step::Admit(admission) => admission.decide(None),
            step => step,
        };
        match step {
            Step::Save(saving) => {
                let saved = run(self.directory().save(&saving.setting, &entropy(4).nonce));
                saving.saved(saved)
            }
            step => step,
        }
    }

    fn answer(&self, request: &Request) -> Response {
        match self.send(request) {
            Step::Respond(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// What the app's index is asked.
    fn look_up(&self, request: &Request) -> crate::dialect::LookUp {
        match self.send(request) {
            Step::Index(look_up) => *look_up,
            other => panic!("{other:?}"),
        }
    }
}

fn responded(step: Step) -> Response {
    match step {
        Step::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

fn house_storage() -> HouseStorage {
    HouseStorage {
        storage: storage(),
        former: Vec::new(),
        retention_days: Some(30),
        retention_s: None,
        link_s: 3_600,
    }
}

/// Signs as the vendor's documents say, by nothing that the server uses but the digest.
fn sign(params: &[(&str, &str)]) -> String {
    let mut params: Vec<_> = params.iter().filter(|(_, value)| !value.is_empty()).collect();
    params.sort();
    let text: String = params.iter().map(|(name, value)| format!("{name}{value}")).collect();
    hex(&Md5::digest(format!("{SECRET}{text}{SECRET}"))).to_uppercase()
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A request with these parameters beside the app and the time, signed, in its query.
fn signed(method: &str, path: &str, params: &[(&str, &str)]) -> Request {
    let now = NOW.to_string();
    let all = [&[("appId", APP), ("timestamp", now.as_str())], params].concat();
    let sign = sign(&all);
    let query: Vec<_> = all
        .iter()
        .chain(&[("sign", sign.as_str())])
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    Request {
        method: method.into(),
        path: path.into(),
        query: query.join("&"),
        ..Request::default()
    }
}

fn set_callback() -> String {
    format!("/live/v2/user/{USER}/set-record-callback")
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[track_caller]
fn assert_refused(response: &Response, code: u16, message: &str) {
    let expected = json!({ "code": code, "status": "error", "message": message, "data": "" });
    assert_eq!((response.status, body(response)), (code, expected));
}

#[track_caller]
fn data(response: &Response) -> Value {
    let body = body(response);
    assert_eq!(
        (response.status, &body["code"], &body["status"], &body["message"]),
        (200, &json!(200), &json!("success"), &json!("")),
        "{body}"
    );
    body["data"].clone()
}

fn file(kind: FileKind, suffix: &str) -> RecordedFile {
    serde_json::from_value(json!({
        "name": format!("house/{APP}/{SID}/{SID}_{CHANNEL}{suffix}"),
        "track": TrackKind::Both,
        "kind": kind,
        "uid": "0",
        "start_ms": NOW,
        "duration_ms": 61_500,
        "slices": 5,
        "bytes": 6_150_000,
        "uploaded_slices": 5,
    }))
    .unwrap()
}

fn house() -> House {
    House {
        store: HouseStorage::id(&house_storage().storage),
        kept_ms: Some(30 * 24 * 3_600_000),
        label: r#"{"width":1280,"height":720}"#.into(),
    }
}

/// A recording of the channel that is over.
fn row() -> Listed {
    Listed {
        key: RecorderKey {
            app_id: APP.into(),
            channel: CHANNEL.into(),
            uid: "record".into(),
        },
        sid: SID.into(),
        mode: Mode::Mix,
        status: Status::Ended,
        standing: Standing::Done,
        created_ms: NOW,
        started_ms: Some(NOW),
        ended_ms: Some(NOW + 61_500),
        cause: None,
        told_ms: None,
        awaited: Vec::new(),
        house: Some(house()),
        files: vec![file(FileKind::Playlist, ".m3u8"), file(FileKind::Mp4, "_0.mp4")],
        made: None,
        erasure: None,
    }
}
