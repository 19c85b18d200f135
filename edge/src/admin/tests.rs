use serde_json::json;

use super::*;
use crate::access::testing::{MapStore, entropy, key_ring, run};
use crate::access::{KeyRing, Page, authenticate};
use crate::recording::{Outcome, Snapshot, Status};
use protocol::{EndCause, Mode, RecorderKey};

const TOKEN: &str = "operator-token";
const APP: &str = "0123456789abcdef0123456789abcdef";

struct Server {
    store: MapStore,
    keys: KeyRing,
    calls: std::cell::Cell<u8>,
}

impl Server {
    fn new() -> Self {
        Self {
            store: MapStore::default(),
            keys: key_ring(),
            calls: Default::default(),
        }
    }

    fn handle(&self, request: &Request) -> Handled {
        self.calls.set(self.calls.get() + 1);
        let directory = Directory::new(&self.store, &self.keys);
        run(handle(
            request,
            &Secret::new(TOKEN),
            &directory,
            1000,
            &entropy(self.calls.get()),
        ))
    }

    fn respond(&self, request: &Request) -> Response {
        match self.handle(request) {
            Handled::Respond(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let response = self.respond(&request(method, target, body));
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap_or(Value::Null),
        )
    }

    fn get(&self, target: &str) -> (u16, Value) {
        self.call("GET", target, &Value::Null)
    }

    /// A tenant `t`.
    fn with_tenant() -> Self {
        let server = Self::new();
        assert_eq!(server.call("POST", "tenants", &json!({"id": "t", "name": "T"})).0, 201);
        server
    }
}

fn request(method: &str, target: &str, body: &Value) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.into(),
        path: format!("/admin/v1/{path}"),
        query: query.into(),
        headers: [("authorization".to_owned(), format!("Bearer {TOKEN}"))]
            .into_iter()
            .collect(),
        body: if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        },
    }
}

#[track_caller]
fn assert_error((status, body): (u16, Value), expected: u16, code: &str, field: Option<&str>) {
    let error = &body["error"];
    assert_eq!(
        (status, error["code"].as_str(), error["field"].as_str()),
        (expected, Some(code), field),
        "{body}"
    );
    assert!(
        error["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
        "{body}"
    );
}

#[test]
fn only_the_operator_is_let_in() {
    let server = Server::new();
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer wrong"),
        Some("Bearer "),
        Some("Basic operator-token"),
        Some(TOKEN),
    ] {
        for path in ["/admin/v1/tenants", "/admin/v1/no-such-path"] {
            let mut request = Request {
                method: "GET".into(),
                path: path.into(),
                ..Request::default()
            };
            if let Some(header) = header {
                request.headers.push("Authorization", header);
            }
            let response = server.respond(&request);
            assert_eq!(response.status, 401, "{header:?}");
            assert!(
                response
                    .headers
                    .get("WWW-Authenticate")
                    .is_some_and(|value| value.starts_with("Bearer "))
            );
        }
    }
    let directory = Directory::new(&server.store, &server.keys);
    let mut request = Request {
        method: "GET".into(),
        path: "/admin/v1/tenants".into(),
        ..Request::default()
    };
    request.headers.push("Authorization", "Bearer ");
    let handled = run(handle(&request, &Secret::new(""), &directory, 0, &entropy(1)));
    assert!(
        matches!(handled, Handled::Respond(Response { status: 401, .. })),
        "no token is configured"
    );
}

#[test]
fn paths_and_methods() {
    let server = Server::new();
    for path in [
        "",
        "tenant",
        "tenants/",
        "tenants/t/",
        "tenants/t/x",
        "apps/a/recordings/s/start",
        "nodes/n",
    ] {
        assert_error(server.get(path), 404, "not_found", None);
    }
    for (path, allowed) in [
        ("tenants", "GET, POST"),
        ("tenants/t", "GET, PATCH, DELETE"),
        ("tenants/t/credentials", "GET, POST"),
        ("tenants/t/credentials/c", "GET, DELETE"),
        ("apps", "GET, POST"),
        ("apps/a", "GET, PATCH, DELETE"),
        ("nodes", "GET"),
        ("apps/a/recordings", "GET"),
        ("apps/a/recordings/s", "GET"),
        ("apps/a/recordings/s/stop", "POST"),
    ] {
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"] {
            let handled = server.handle(&request(method, path, &Value::Null));
            let refusal = match &handled {
                Handled::Respond(response) if response.status == 405 => response.headers.get("Allow"),
                _ => None,
            };
            let is_allowed = allowed.split(", ").any(|allowed| allowed == method);
            assert_eq!(refusal, (!is_allowed).then_some(allowed), "{method} {path}");
        }
    }
}

#[test]
fn the_life_of_a_tenant() {
    let server = Server::new();
    let (status, tenant) = server.call("POST", "tenants", &json!({"name": "Acme"}));
    let id = tenant["id"].as_str().unwrap();
    assert_eq!((status, id.len()), (201, 32));
    assert_eq!(tenant, json!({"id": id, "name": "Acme", "created_ms": 1000}));
    let path = format!("tenants/{id}");
    assert_eq!(server.get(&path), (200, tenant.clone()));
    let renamed = json!({"id": id, "name": "Acme 2", "created_ms": 1000});
    assert_eq!(
        server.call("PATCH", &path, &json!({"name": "Acme 2"})),
        (200, renamed.clone())
    );
    assert_eq!(server.get("tenants"), (200, json!({"items": [renamed]})));
    assert_eq!(server.call("DELETE", &path, &Value::Null), (204, Value::Null));
    for method in ["GET", "PATCH", "DELETE"] {
        assert_error(server.call(method, &path, &Value::Null), 404, "not_found", None);
    }
    assert!(server.store.map.borrow().is_empty());
}

#[test]
fn what_a_tenant_must_be() {
    let server = Server::with_tenant();
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": 1}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"name": "a", "id": "a b"}), "id"),
        (json!({"name": "a", "id": "a:b"}), "id"),
        (json!({"name": "a", "id": "x".repeat(65)}), "id"),
        (json!({"name": "a", "colour": "red"}), "colour"),
    ] {
        assert_error(server.call("POST", "tenants", &body), 400, "invalid_field", Some(field));
    }
    assert_error(
        server.call("POST", "tenants", &json!({"id": "t", "name": "x"})),
        409,
        "already_exists",
        None,
    );
    assert_error(
        server.call("PATCH", "tenants/t", &json!({"id": "u"})),
        400,
        "invalid_field",
        Some("id"),
    );
    assert_error(server.call("POST", "tenants", &json!([])), 400, "invalid_body", None);
    let broken = Request {
        body: b"{\"name\": hunter2}".to_vec(),
        ..request("POST", "tenants", &Value::Null)
    };
    let response = server.respond(&broken);
    assert_eq!(response.status, 400);
    assert!(!String::from_utf8_lossy(&response.body).contains("hunter2"));
    let long = Request {
        body: vec![b' '; 300_000],
        ..request("POST", "tenants", &Value::Null)
    };
    assert_eq!(server.respond(&long).status, 400);
}

#[test]
fn a_tenant_that_owns_something_is_not_deleted() {
    let server = Server::with_tenant();
    server.call("POST", "tenants/t/credentials", &json!({"customer_id": "c"}));
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let delete = |path: &str| server.call("DELETE", path, &Value::Null);
    assert_error(delete("tenants/t"), 409, "tenant_not_empty", None);
    assert_eq!(delete("tenants/t/credentials/c").0, 204);
    assert_error(delete("tenants/t"), 409, "tenant_not_empty", None);
    assert_eq!(delete(&format!("apps/{APP}")).0, 204);
    assert_eq!(delete("tenants/t").0, 204);
    assert!(server.store.map.borrow().is_empty());
}

#[test]
fn a_secret_is_shown_once_and_signs_in() {
    let server = Server::with_tenant();
    let (status, created) = server.call("POST", "tenants/t/credentials", &Value::Null);
    let (id, secret) = (
        created["customer_id"].as_str().unwrap(),
        created["customer_secret"].as_str().unwrap(),
    );
    assert_eq!((status, id.len(), secret.len()), (201, 32, 64));

    let (_, second) = server.call("POST", "tenants/t/credentials", &json!({"customer_id": "chosen"}));
    assert_eq!(second["customer_id"], "chosen");
    assert_ne!(second["customer_secret"], created["customer_secret"]);

    let one = server.get(&format!("tenants/t/credentials/{id}"));
    assert_eq!(
        one,
        (200, json!({"customer_id": id, "tenant": "t", "created_ms": 1000}))
    );
    let (_, list) = server.get("tenants/t/credentials");
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains(secret));
    assert!(
        server
            .store
            .map
            .borrow()
            .values()
            .all(|record| !record.contains(secret))
    );

    let sign_in = |secret: &str| {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        let directory = Directory::new(&server.store, &server.keys);
        run(authenticate(Some(&format!("Basic {pair}")), &directory))
    };
    let credential = sign_in(secret).unwrap();
    assert_eq!(credential.tenant, "t");
    assert!(!format!("{credential:?}").contains(secret));
    assert!(sign_in("wrong").is_err());
    assert_eq!(
        server
            .call("DELETE", &format!("tenants/t/credentials/{id}"), &Value::Null)
            .0,
        204
    );
    assert!(sign_in(secret).is_err());
    assert_eq!(server.get("tenants/t/credentials/chosen").0, 200);
}

#[test]
fn credentials_belong_to_their_tenant() {
    let server = Server::with_tenant();
    server.call("POST", "tenants", &json!({"id": "u", "name": "U"}));
    server.call("POST", "tenants/t/credentials", &json!({"customer_id": "c"}));
    for method in ["GET", "DELETE"] {
        assert_error(
            server.call(method, "tenants/u/credentials/c", &Value::Null),
            404,
            "not_found",
            None,
        );
    }
    assert_eq!(server.get("tenants/u/credentials"), (200, json!({"items": []})));
    let taken = server.call("POST", "tenants/u/credentials", &json!({"customer_id": "c"}));
    assert_error(taken, 409, "already_exists", None);
    assert_error(
        server.call("POST", "tenants/x/credentials", &json!({})),
        404,
        "not_found",
        None,
    );
    assert_error(server.get("tenants/x/credentials"), 404, "not_found", None);
    let bad = server.call("POST", "tenants/u/credentials", &json!({"customer_id": "a:b"}));
    assert_error(bad, 400, "invalid_field", Some("customer_id"));
}

#[test]
fn the_life_of_an_app() {
    let server = Server::with_tenant();
    let (status, app) = server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let expected = json!({
        "app_id": APP, "tenant": "t", "name": "", "dialect": "agora", "flavour": "agora",
        "source": {"type": "builtin", "rtsp": null, "roster": null},
        "recorder": {"strict_extinf": true}, "disabled": false, "created_ms": 1000,
    });
    assert_eq!((status, &app), (201, &expected));
    let path = format!("apps/{APP}");
    let (status, app) = server.call(
        "PATCH",
        &path,
        &json!({"name": "Lessons", "disabled": true, "recorder": {"strict_extinf": false},
                "source": {"type": "builtin", "rtsp": "rtsp://n:8554", "roster": "http://n:8788/"}}),
    );
    assert_eq!(
        (status, &app["name"], &app["disabled"]),
        (200, &json!("Lessons"), &json!(true))
    );
    assert_eq!(app["recorder"], json!({"strict_extinf": false}));
    assert_eq!(
        app["source"],
        json!({"type": "builtin", "rtsp": "rtsp://n:8554", "roster": "http://n:8788"})
    );
    // What is not given stays.
    assert_eq!(
        server.call("PATCH", &path, &json!({"recorder": {}})),
        (200, app.clone())
    );
    assert_eq!(server.get(&path), (200, app.clone()));
    assert_eq!(server.get("apps?tenant=t"), (200, json!({"items": [app]})));
    assert_eq!(server.get("apps?tenant=u"), (200, json!({"items": []})));
    assert_eq!(server.call("DELETE", &path, &Value::Null), (204, Value::Null));
    assert_error(server.get(&path), 404, "not_found", None);
    assert_eq!(server.get("apps"), (200, json!({"items": []})));

    let (_, app) = server.call("POST", "apps", &json!({"tenant": "t"}));
    let id = app["app_id"].as_str().unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
}

#[test]
fn what_an_app_must_be() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let source = |source: Value| json!({"tenant": "t", "source": source});
    for (body, field) in [
        (json!({}), "tenant"),
        (json!({"tenant": "x"}), "tenant"),
        (json!({"tenant": "t", "app_id": "abc"}), "app_id"),
        (json!({"tenant": "t", "app_id": "g".repeat(32)}), "app_id"),
        (json!({"tenant": "t", "dialect": "fsp"}), "dialect"),
        (json!({"tenant": "t", "flavour": "anyrtc"}), "flavour"),
        (json!({"tenant": "t", "disabled": "no"}), "disabled"),
        (
            json!({"tenant": "t", "recorder": {"strict_extinf": 1}}),
            "recorder.strict_extinf",
        ),
        (json!({"tenant": "t", "recorder": {"strict": true}}), "recorder.strict"),
        (source(json!({})), "source.type"),
        (source(json!({"type": "rtmp"})), "source.type"),
        (source(json!({"type": "builtin", "rtsp": "http://h"})), "source.rtsp"),
        (
            source(json!({"type": "builtin", "roster": "http://h/x"})),
            "source.roster",
        ),
        (source(json!({"type": "builtin", "api": "http://h"})), "source.api"),
        (source(json!({"type": "mediamtx", "rtsp": "rtsp://h"})), "source.api"),
        (source(json!({"type": "mediamtx", "api": "http://h"})), "source.rtsp"),
        (
            source(json!({"type": "mediamtx", "api": "http://h", "rtsp": "rtsp://h", "credentials": "x"})),
            "source.credentials",
        ),
        (
            source(json!({"type": "mediamtx", "api": "http://h", "rtsp": "rtsp://h", "path": "/a"})),
            "source.path",
        ),
        (source(json!({"type": "static"})), "source.streams"),
        (source(json!({"type": "static", "streams": {}})), "source.streams"),
        (
            source(json!({"type": "static", "streams": {"a/b": "rtsp://h/1"}})),
            "source.streams",
        ),
        (
            source(json!({"type": "static", "streams": {"1": "http://h/1"}})),
            "source.streams.1",
        ),
        (
            source(json!({"type": "static", "streams": {"1": ""}})),
            "source.streams.1",
        ),
        (
            source(json!({"type": "static", "streams": {"1": "rtsp://h/…"}})),
            "source.streams.1",
        ),
    ] {
        assert_error(server.call("POST", "apps", &body), 400, "invalid_field", Some(field));
    }
    assert_error(
        server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP})),
        409,
        "already_exists",
        None,
    );
    for fixed in ["tenant", "app_id", "dialect", "created_ms"] {
        let change = server.call("PATCH", &format!("apps/{APP}"), &json!({fixed: "agora"}));
        assert_error(change, 400, "invalid_field", Some(fixed));
    }
    assert_error(server.get("apps?tenant=a%20b"), 400, "invalid_field", Some("tenant"));
}

#[test]
fn a_sources_secrets_are_kept_and_never_shown() {
    let server = Server::with_tenant();
    for source in [
        json!({"type": "static", "streams": {"1": "rtsp://user:hunter2@cam:554/live?key=hunter2", "2": "rtsp://cam/hunter2"}}),
        json!({"type": "mediamtx", "api": "http://m:9997", "rtsp": "rtsp://m:8554", "credentials": "user:hunter2"}),
    ] {
        let (status, created) = server.call("POST", "apps", &json!({"tenant": "t", "source": source}));
        assert_eq!(status, 201);
        let app_id = created["app_id"].as_str().unwrap();
        let path = format!("apps/{app_id}");
        let patched = server.call("PATCH", &path, &json!({"name": "x"})).1;
        for shown in [created.clone(), patched, server.get(&path).1, server.get("apps").1] {
            assert!(!shown.to_string().contains("hunter2"), "{shown}");
        }
        assert!(
            server
                .store
                .map
                .borrow()
                .values()
                .all(|record| !record.contains("hunter2"))
        );
        let app = run(Directory::new(&server.store, &server.keys).app(app_id))
            .unwrap()
            .unwrap();
        assert!(serde_json::to_string(&app.source).unwrap().contains("hunter2"));
        assert!(!format!("{app:?}").contains("hunter2"));
    }
    let (_, list) = server.get("apps");
    let sources: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| &app["source"])
        .collect();
    assert!(sources.contains(&&json!({"type": "static", "streams": {"1": "rtsp://cam:554/…", "2": "rtsp://cam/…"}})));
    assert!(sources.contains(&&json!({
        "type": "mediamtx", "api": "http://m:9997", "rtsp": "rtsp://m:8554", "path": "{app}/{channel}",
        "has_credentials": true,
    })));
}

#[test]
fn listings_go_page_by_page() {
    let server = Server::new();
    for n in 0..5 {
        server.call("POST", "tenants", &json!({"id": format!("t{n}"), "name": "x"}));
    }
    // An entry whose record was never written.
    server
        .store
        .map
        .borrow_mut()
        .insert("tenant-app:t0:ghost".into(), String::new());
    let (mut ids, mut cursor) = (vec![], String::new());
    loop {
        let (_, page) = server.get(&format!("tenants?limit=2&cursor={cursor}"));
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        ids.extend(items.iter().map(|tenant| tenant["id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids, ["t0", "t1", "t2", "t3", "t4"]);
    assert_eq!(server.get("apps?tenant=t0"), (200, json!({"items": []})));
    for query in ["limit=0", "limit=41", "limit=x", "limit=-1"] {
        assert_error(
            server.get(&format!("tenants?{query}")),
            400,
            "invalid_field",
            Some("limit"),
        );
    }
    let long = format!("tenants?cursor={}", "x".repeat(2000));
    assert_error(server.get(&long), 400, "invalid_field", Some("cursor"));
}

#[test]
fn questions_go_to_the_objects() {
    let server = Server::new();
    let ask = |method: &str, path: &str| match server.handle(&request(method, path, &Value::Null)) {
        Handled::Ask(question) => question,
        other => panic!("{other:?}"),
    };
    let (app_id, sid) = (|| "a".to_owned(), || "s".to_owned());
    assert_eq!(ask("GET", "nodes"), Question::Nodes);
    assert_eq!(
        ask("GET", "apps/a/recordings?limit=7&cursor=x"),
        Question::Recordings {
            app_id: app_id(),
            limit: 7,
            cursor: Some("x".into())
        }
    );
    assert_eq!(
        ask("GET", "apps/a/recordings/s"),
        Question::Recording {
            app_id: app_id(),
            sid: sid()
        }
    );
    assert_eq!(
        ask("POST", "apps/a/recordings/s/stop"),
        Question::Stop {
            app_id: app_id(),
            sid: sid()
        }
    );
    for (method, path) in [
        ("GET", "apps/a%3Ab/recordings"),
        ("GET", "apps/a/recordings/s:t"),
        ("POST", "apps/a/recordings/%20/stop"),
    ] {
        assert_error(server.call(method, path, &Value::Null), 404, "not_found", None);
    }
}

#[test]
fn answers_of_the_objects() {
    let snapshot = Snapshot {
        key: RecorderKey {
            app_id: APP.into(),
            channel: "demo".into(),
            uid: "1".into(),
        },
        sid: "s".into(),
        status: Status::Ended,
        mode: Mode::Individual,
        started_ms: 1,
        first_media_ms: None,
        ended_ms: Some(2),
        cause: Some(EndCause::Idle),
        files: vec![],
        pending_uploads: 0,
        idle_since_ms: None,
        problems: vec![],
    };
    let boxed = || Box::new(snapshot.clone());
    for (outcome, status) in [
        (Outcome::State(boxed()), 200),
        (Outcome::Stopping(boxed()), 202),
        (Outcome::AlreadyEnded(boxed()), 200),
        (
            Outcome::NotFound {
                reason: "unknown".into(),
            },
            404,
        ),
        (Outcome::TicketSpent, 503),
    ] {
        let response = recording(&outcome);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, status, "{body}");
        assert_eq!(body["cause"] == "idle", status < 300);
    }
    let rows = page(&Page {
        items: vec![1, 2],
        cursor: Some("c".into()),
    });
    assert_eq!(rows.body, br#"{"items":[1,2],"cursor":"c"}"#);
}

#[test]
fn a_store_that_fails_is_ours() {
    let mut server = Server::with_tenant();
    server.store.broken = true;
    for (method, path) in [
        ("GET", "tenants"),
        ("POST", "tenants/t/credentials"),
        ("DELETE", "apps/a"),
    ] {
        match server.handle(&request(method, path, &Value::Null)) {
            Handled::Failed(_, response) => assert_eq!(response.status, 503),
            other => panic!("{other:?}"),
        }
    }
}
