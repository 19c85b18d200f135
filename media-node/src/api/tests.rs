use std::sync::Arc;

use protocol::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::access::{Gate, Keys, Passes};
use crate::hub;
use crate::rtsp::RtspServer;
use crate::supervisor::{Config, Memory, Node, SpaceLimits};

/// The API on a port of its own.
async fn serve(token: Option<Secret>, edge_heard: bool) -> (String, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(Config {
        spool: dir.path().to_owned(),
        program: "/bin/false".into(),
        arguments: Vec::new(),
        node: Node {
            node_id: "n".to_owned(),
            rtsp: String::new(),
            roster: String::new(),
            node_token: Secret::default(),
            roster_key: None,
            play_key: None,
            pass_secret: Secret::default(),
        },
        capacity: 1,
        space: SpaceLimits {
            spool_bytes: None,
            reserve_bytes: 0,
        },
        memory: Memory::new(None).into(),
        await_acknowledgement: false,
    });
    let health = Health {
        node_id: "n".to_owned(),
        spool: dir.path().to_owned(),
        rtsp_listening: watch::channel(true).1,
        rtmp_listening: Vec::new(),
        edge_heard: Some(watch::channel(edge_heard).1),
        draining: watch::channel(false).1,
    };
    let registry = Registry::new(channel::Limits::default(), 1);
    let callers = Callers::new(token, Some(Secret::new("roster-key")));
    let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
    let any = "127.0.0.1:0".parse().unwrap();
    let rtsp = RtspServer::bind(any, registry.clone(), gate, None, hub::Limits::default());
    let rtsp = rtsp.await.unwrap().figures();
    let router = router(supervisor, health, registry, rtsp, None, callers);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, dir)
}

async fn call(method: reqwest::Method, url: String, token: &str, body: &Value) -> (u16, Value) {
    let response = reqwest::Client::new()
        .request(method, url)
        .bearer_auth(token)
        .json(body)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_node_with_a_token_of_its_own_takes_what_the_edge_makes_of_it_and_no_other_nodes() {
    let own = protocol::NodeToken::new("n1", "ab").unwrap();
    let other = protocol::NodeToken::new("n2", "ab").unwrap();
    let (base, _dir) = serve(Some(own.text().clone()), true).await;
    let status = async |path: &str, token: &str| {
        let call = reqwest::Client::new().get(format!("{base}{path}")).bearer_auth(token);
        call.send().await.unwrap().status().as_u16()
    };
    for good in [own.text().expose(), own.call_key().expose()] {
        assert_eq!(status("/v1/recordings/x", good).await, 404);
        assert_eq!(status("/v1/channels/a/c", good).await, 200);
    }
    for bad in [other.text().expose(), other.call_key().expose(), &own.digest(), ""] {
        assert_eq!(status("/v1/recordings/x", bad).await, 401, "{bad}");
        assert_eq!(status("/v1/channels/a/c", bad).await, 401, "{bad}");
    }
    // What nodes show to one another opens nothing but rosters.
    assert_eq!(status("/v1/channels/a/c", "roster-key").await, 200);
    assert_eq!(status("/v1/recordings/x", "roster-key").await, 401);
    assert_eq!(
        status(&format!("/v1/recordings/x?token={}", own.text().expose()), "").await,
        401
    );
}

#[tokio::test]
async fn everything_below_v1_asks_for_the_token() {
    let (base, _dir) = serve(Some(Secret::new("token")), true).await;
    for path in ["/v1/recordings/x", "/v1/channels/a/c"] {
        for token in ["", "Token", "toke", "token2"] {
            let (status, body) = call(reqwest::Method::GET, format!("{base}{path}"), token, &Value::Null).await;
            assert_eq!((status, &body["code"]), (401, &json!("unauthorized")), "{path} {token}");
        }
    }
    let roster = reqwest::Client::new()
        .get(format!("{base}/v1/channels/a/c"))
        .bearer_auth("token");
    let roster: protocol::Roster = roster.send().await.unwrap().json().await.unwrap();
    assert_eq!(roster, protocol::Roster::default());
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            reqwest::get(format!("{base}{path}")).await.unwrap().status(),
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let (base, _dir) = serve(None, false).await;
    let response = reqwest::get(format!("{base}/readyz")).await.unwrap();
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({"spool_writable": true, "rtsp_listening": true, "rtmp_listening": null, "edge_heard": false, "draining": false})
    );
}

#[tokio::test]
async fn refusals_have_their_statuses_and_reasons() {
    let (base, _dir) = serve(None, true).await;
    let sid = "a".repeat(32);
    let url = format!("{base}/v1/recordings/{sid}");
    let (status, body) = call(reqwest::Method::GET, url.clone(), "", &Value::Null).await;
    assert_eq!((status, &body["code"]), (404, &json!("unknown_recording")));
    let (status, body) = call(reqwest::Method::PUT, url.clone(), "", &json!({"sid": sid})).await;
    assert_eq!(
        (status, &body["code"], &body["fault"]),
        (400, &json!("bad_job"), &json!("caller"))
    );
    assert!(body["reason"].as_str().unwrap().contains("missing field"), "{body}");
    let mut job = json!({
        "sid": "b".repeat(32), "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"},
        "mode": "individual", "source": {"type": "builtin"},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
            "secret_key": "hunter2", "prefix": ""},
    });
    let (status, body) = call(reqwest::Method::PUT, url.clone(), "", &job).await;
    assert_eq!(
        (status, &body["reason"]),
        (400, &json!("the job's sid is not that of the path"))
    );
    job["sid"] = json!(sid);
    // The program that stands for the recorder ends at once.
    let (status, body) = call(reqwest::Method::PUT, url.clone(), "", &job).await;
    assert_eq!((status, &body["code"]), (500, &json!("internal")));
    let large = reqwest::Client::new()
        .put(url)
        .body("x".repeat(MAX_MESSAGE_BYTES + 1))
        .send()
        .await
        .unwrap();
    assert_eq!(large.status(), 413);
}

#[test]
fn each_refusal_has_the_status_of_the_contract() {
    let codes = [
        (RefusalCode::BadJob, 400),
        (RefusalCode::Unauthorized, 401),
        (RefusalCode::UnknownRecording, 404),
        (RefusalCode::AwaitsJob, 503),
        (RefusalCode::StaleEpoch, 409),
        (RefusalCode::StorageUnusable, 422),
        (RefusalCode::NoCapacity, 503),
        (RefusalCode::Draining, 503),
        (RefusalCode::Internal, 500),
    ];
    for (code, expected) in codes {
        let refusal = Refusal {
            code,
            ..Refusal::internal("")
        };
        let response = Refused(refusal).into_response();
        assert_eq!(response.status(), expected, "{code:?}");
    }
}

#[test]
fn only_this_machine_may_do_without_a_token() {
    assert!(!needs_token("127.0.0.1".parse().unwrap()) && !needs_token("::1".parse().unwrap()));
    assert!(needs_token("0.0.0.0".parse().unwrap()) && needs_token("10.0.0.1".parse().unwrap()));
}
