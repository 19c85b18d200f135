use super::*;
use crate::access::{Limits, Page};
use crate::app::{Cursor, Filter};
use crate::recording::{Outcome, RecordingView, Standing, Status};
use protocol::{EndCause, Mode, RecorderKey};

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
        ask(
            "GET",
            "apps/a/recordings?limit=7&cursor=5.s&channel=a%20b&status=recording"
        ),
        Question::Recordings {
            app_id: app_id(),
            filter: Filter {
                limit: 7,
                after: Some(Cursor {
                    created_ms: 5,
                    sid: sid()
                }),
                channel: Some("a b".into()),
                statuses: vec![Status::Recording],
                ..Filter::default()
            }
        }
    );
    let plain = Filter {
        limit: 20,
        ..Filter::default()
    };
    assert_eq!(
        ask("GET", "apps/a/recordings"),
        Question::Recordings {
            app_id: app_id(),
            filter: plain
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
        ask("DELETE", "apps/a/recordings/s"),
        Question::Erase {
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
fn what_a_listing_can_be_asked() {
    let server = Server::new();
    for (query, field) in [
        ("status=over", "status"),
        ("awaited=maybe", "awaited"),
        ("cursor=x", "cursor"),
        ("limit=41", "limit"),
        (&format!("channel={}", "x".repeat(257)), "channel"),
    ] {
        let path = format!("apps/a/recordings?{query}");
        assert_error(server.get(&path), 400, "invalid_field", Some(field));
    }
}

#[test]
fn usage_is_asked_with_the_apps_limits() {
    let server = Server::with_tenant();
    assert_error(server.get(&format!("apps/{APP}/usage")), 404, "not_found", None);
    server.call(
        "POST",
        "apps",
        &json!({"tenant": "t", "app_id": APP, "limits": {"recordings": 7}}),
    );
    let asked = server.handle(&request("GET", &format!("apps/{APP}/usage"), &Value::Null));
    let limits = Limits {
        recordings: 7,
        ..Limits::default()
    };
    assert!(
        matches!(asked, Handled::Ask(Question::Usage { app_id, limits: asked }) if app_id == APP && asked == limits)
    );
}

pub(super) fn snapshot() -> RecordingView {
    RecordingView {
        paused: false,
        house: None,
        standing: Standing::Waiting,
        mp4: false,
        outputs: protocol::Outputs::default(),
        snapshots: None,
        phase: None,
        pictures: None,
        vod: None,
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
        backed_up: None,
        idle_since_ms: None,
        speaker: None,
        problems: vec![],
    }
}

#[test]
fn answers_of_the_objects() {
    let snapshot = snapshot();
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
        let response = recording(&outcome, None);
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
fn what_is_awaited_is_listed_and_given_up() {
    let server = Server::new();
    let ask = |method: &str, path: &str| match server.handle(&request(method, path, &Value::Null)) {
        Handled::Ask(question) => question,
        other => panic!("{other:?}"),
    };
    let Question::Recordings { filter, .. } = ask("GET", "apps/a/recordings?awaited=true") else {
        panic!("no listing")
    };
    assert!(filter.awaited);
    let given_up_of = Question::GiveUp {
        app_id: "a".into(),
        sid: "s".into(),
    };
    assert_eq!(ask("DELETE", "apps/a/recordings/s/awaited"), given_up_of);
    assert_eq!(given_up(Ok(())).status, 204);
    assert_eq!(given_up(Err("nothing is awaited".into())).status, 404);
    let call = server.call("DELETE", "apps/a/recordings/s:t/awaited", &Value::Null);
    assert_error(call, 404, "not_found", None);
    assert_error(
        server.get("apps/a/recordings/s/awaited"),
        405,
        "method_not_allowed",
        None,
    );
}
