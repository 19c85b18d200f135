use super::*;
use crate::dialect::{Dialect, EventType};
use crate::recording::{Event, Incident, LoggedNotice, Notice, Outcome, What};

fn path() -> String {
    format!("apps/{APP}")
}

fn with_app() -> Server {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    server
}

fn stored(server: &Server) -> Option<Callback> {
    let app = run(Directory::new(&server.store, &server.keys).app(APP));
    app.unwrap().unwrap().callback
}

fn set(server: &Server, callback: Value) -> (u16, Value) {
    server.call("PATCH", &path(), &json!({ "callback": callback }))
}

#[test]
fn a_callback_is_set_changed_and_taken_away() {
    let server = with_app();
    let url = "https://example.com/hooks?key=hunter2";
    let (status, app) = set(&server, json!({"url": url, "secret": "s3cret", "events": [40, 31]}));
    let shown = |secret: Option<&str>, events: Value| {
        let mut view = json!({"url": "https://example.com/…", "has_secret": true, "events": events});
        if let Some(secret) = secret {
            view["secret"] = json!(secret);
        }
        view
    };
    assert_eq!(
        (status, &app["callback"]),
        (200, &shown(Some("s3cret"), json!([40, 31])))
    );
    let callback = stored(&server).unwrap();
    assert_eq!((callback.url.expose(), callback.secret.expose()), (url, "s3cret"));
    assert!(!format!("{callback:?}").contains("hunter2"));
    for record in server.store.map.borrow().values() {
        assert!(!record.contains("hunter2") && !record.contains("s3cret"), "{record}");
    }
    assert_eq!(server.get(&path()).1["callback"], shown(None, json!([40, 31])));

    // The secret stays where none is given; the rest is replaced as a whole. Other settings leave it alone.
    let (_, app) = set(&server, json!({"url": "https://example.com/new"}));
    assert_eq!(app["callback"], shown(None, Value::Null));
    assert_eq!(stored(&server).unwrap().secret.expose(), "s3cret");
    server.call("PATCH", &path(), &json!({"name": "x"}));
    assert!(stored(&server).is_some());
    let (_, app) = set(&server, json!({"url": "https://example.com/new", "secret": "other"}));
    assert_eq!(app["callback"]["secret"], "other");

    let (_, app) = set(&server, Value::Null);
    assert_eq!((&app["callback"], stored(&server)), (&Value::Null, None));
    // Without a secret to keep or to take, there is a random one.
    let (_, app) = set(&server, json!({"url": "https://example.com/"}));
    let secret = app["callback"]["secret"].as_str().unwrap();
    assert_eq!((secret.len(), stored(&server).unwrap().secret.expose()), (64, secret));

    let body = json!({"tenant": "t", "callback": {"url": "https://example.com/"}});
    let (status, app) = server.call("POST", "apps", &body);
    assert_eq!((status, app["callback"]["has_secret"].as_bool()), (201, Some(true)));
}

#[test]
fn what_a_callback_must_be() {
    let server = with_app();
    let url = |url: &str| json!({ "url": url });
    let long = format!("https://example.com/{}", "a".repeat(1_024));
    for (callback, field) in [
        (json!({}), "callback.url"),
        (json!({"secret": "s"}), "callback.url"),
        (url("example.com"), "callback.url"),
        (url("ftp://example.com/"), "callback.url"),
        (url("https://u:p@example.com/"), "callback.url"),
        (url("https://example.com/…"), "callback.url"),
        (url(&long), "callback.url"),
        (json!({"url": "https://e.com", "secret": "a b"}), "callback.secret"),
        (
            json!({"url": "https://e.com", "secret": "a".repeat(257)}),
            "callback.secret",
        ),
        (json!({"url": "https://e.com", "events": []}), "callback.events"),
        (json!({"url": "https://e.com", "events": [10_000]}), "callback.events"),
        (json!({"url": "https://e.com", "events": ["40"]}), "callback.events"),
        (json!({"url": "https://e.com", "events": 40}), "callback.events"),
        (json!({"url": "https://e.com", "event": [40]}), "callback.event"),
        (json!("https://example.com/"), "callback"),
    ] {
        assert_error(set(&server, callback), 400, "invalid_field", Some(field));
    }
    assert_eq!(stored(&server), None);
}

#[test]
fn private_addresses_are_refused_unless_the_operator_allows_them() {
    let mut server = with_app();
    let private = [
        "http://127.0.0.1:9000/hook",
        "https://localhost/",
        "https://a.localhost:8443/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
    ];
    for url in private {
        assert_error(
            set(&server, json!({ "url": url })),
            400,
            "invalid_field",
            Some("callback.url"),
        );
    }
    server.targets = Targets::Any;
    for url in private {
        assert_eq!(set(&server, json!({ "url": url })).0, 200, "{url}");
    }
}

#[test]
fn questions_about_events() {
    let server = with_app();
    let ask = |method: &str, path: &str| match server.handle(&request(method, path, &Value::Null)) {
        Handled::Ask(question) => question,
        other => panic!("{other:?}"),
    };
    let (app_id, sid) = (|| APP.to_owned(), || "s".to_owned());
    let notices = format!("{}/recordings/s/notices", path());
    assert_eq!(
        ask("GET", &format!("{notices}?state=given_up&limit=7&cursor=12")),
        Question::Notices {
            app_id: app_id(),
            dialect: Dialect::default(),
            sid: sid(),
            limit: 7,
            after: Some(12),
            state: Some(NoticeState::GivenUp),
        }
    );
    for (target, which) in [("replay", Which::GivenUp), ("3/replay", Which::Number(3))] {
        assert_eq!(
            ask("POST", &format!("{notices}/{target}")),
            Question::Replay {
                app_id: app_id(),
                sid: sid(),
                which
            }
        );
    }
    for (query, field) in [("state=lost", "state"), ("cursor=x", "cursor"), ("limit=0", "limit")] {
        assert_error(
            server.get(&format!("{notices}?{query}")),
            400,
            "invalid_field",
            Some(field),
        );
    }
    assert_error(
        server.call("POST", &format!("{notices}/x/replay"), &Value::Null),
        404,
        "not_found",
        None,
    );

    let test = format!("{}/callback/test", path());
    assert_error(server.call("POST", &test, &Value::Null), 409, "no_callback", None);
    set(&server, json!({"url": "https://example.com/"}));
    assert!(matches!(ask("POST", &test), Question::TestCallback { .. }));
}

#[test]
fn answers_about_events() {
    let body = |response: Response| {
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        (response.status, body)
    };
    assert_eq!(body(replayed(0, Which::GivenUp)), (202, json!({"replayed": 0})));
    assert_eq!(body(replayed(1, Which::Number(4))), (202, json!({"replayed": 1})));
    assert_error(body(replayed(0, Which::Number(4))), 404, "not_found", None);
    let result = TestResult {
        event_type: EventType::Number(40),
        delivered: false,
        status: Some(500),
        error: Some("it answered with status 500".into()),
    };
    let (status, shown) = body(tested(&[result]));
    assert_eq!((status, &shown["items"][0]["status"]), (200, &json!(500)));

    let incident = Incident {
        at_ms: 5,
        what: What::NodeHeard { node: "n1".into() },
    };
    let outcome = Outcome::State(Box::new(super::objects::snapshot()));
    let (_, shown) = body(recording(&outcome, Some(&[incident])));
    assert_eq!(
        (&shown["history"], &shown["sid"]),
        (&json!([{"at_ms": 5, "what": "node_heard", "node": "n1"}]), &json!("s"))
    );
}

#[test]
fn the_log_is_shown_page_by_page() {
    let line = |number| LoggedNotice {
        notice: Notice {
            number,
            at_ms: 7,
            event: Event::VodCompleted,
        },
        state: Some(NoticeState::Waiting),
        attempts: 2,
        last_attempt_ms: Some(9),
        last_status: Some(500),
        last_error: Some("it answered with status 500".into()),
    };
    let show = |lines, limit| {
        let response = notices(lines, limit, |notice| {
            (format!("id-{}", notice.number), EventType::Number(60))
        });
        assert_eq!(response.status, 200);
        serde_json::from_slice::<Value>(&response.body).unwrap()
    };
    let shown = |number: u64| {
        json!({
            "notice_id": format!("id-{number}"),
            "number": number,
            "event_type": 60,
            "at_ms": 7,
            "state": "waiting",
            "attempts": 2,
            "last_attempt_ms": 9,
            "last_status": 500,
            "last_error": "it answered with status 500",
        })
    };
    assert_eq!(
        show(vec![line(3), line(4)], 2),
        json!({"items": [shown(3), shown(4)], "cursor": "4"})
    );
    assert_eq!(show(vec![line(5)], 2), json!({"items": [shown(5)]}));
    assert_eq!(show(vec![], 2), json!({"items": []}));
}
