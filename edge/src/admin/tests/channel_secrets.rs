use super::*;
use crate::access::{ChannelAccess, enter, testing};
use protocol::{EntryAnswer, EntryQuestion};

fn server() -> Server {
    let server = Server::with_tenant();
    let app = json!({"tenant": "t", "app_id": APP, "channels": {"access": "token"}});
    assert_eq!(server.call("POST", "apps", &app).0, 201);
    server
}

fn create(server: &Server, body: &Value) -> (u16, Value) {
    server.call("POST", &format!("apps/{APP}/channel-secrets"), body)
}

/// Whether a token that was signed with this lets in.
fn lets_in(server: &Server, secret: &str) -> bool {
    let directory = Directory::new(&server.store, &server.keys);
    let app = run(directory.app(APP)).unwrap().unwrap();
    assert_eq!(app.channels.access, ChannelAccess::Token);
    let claims = json!({"app": APP, "channel": "c", "uid": "u", "can": ["play"], "exp": 9});
    let question = EntryQuestion {
        node_id: "n".into(),
        app_id: APP.into(),
        channel: "c".into(),
        uid: "u".into(),
        own_uid: None,
        token: Some(Secret::new(testing::jwt(&claims, secret))),
    };
    matches!(enter(Some(&app), &question, 0), EntryAnswer::Granted(_))
}

#[test]
fn a_secret_is_shown_once_and_rests_sealed() {
    let server = server();
    let (status, made) = create(&server, &Value::Null);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(
        (status, secret.len(), made["created_ms"].as_u64()),
        (201, 64, Some(1000))
    );
    assert!(lets_in(&server, secret));
    let (status, listed) = server.get(&format!("apps/{APP}/channel-secrets"));
    assert_eq!(status, 200);
    assert_eq!(listed, json!({"items": [{"id": made["id"], "created_ms": 1000}]}));
    let kept = format!("{:?} {}", server.store.map, server.get(&format!("apps/{APP}")).1);
    assert!(!kept.contains(secret), "{kept}");
}

#[test]
fn two_secrets_are_good_at_once_until_one_is_deleted() {
    let server = server();
    let chosen = "0123456789abcdef0123456789abcde!";
    let (_, old) = create(&server, &json!({"secret": chosen}));
    let (_, new) = create(&server, &json!({}));
    assert_eq!(old["secret"], chosen);
    let new_secret = new["secret"].as_str().unwrap();
    assert!(lets_in(&server, chosen) && lets_in(&server, new_secret));
    assert_error(create(&server, &json!({})), 409, "too_many_secrets", None);

    let path = format!("apps/{APP}/channel-secrets/{}", old["id"].as_str().unwrap());
    assert_eq!(server.call("DELETE", &path, &Value::Null).0, 204);
    assert_error(server.call("DELETE", &path, &Value::Null), 404, "not_found", None);
    assert!(!lets_in(&server, chosen) && lets_in(&server, new_secret));
    assert_eq!(create(&server, &json!({})).0, 201);
}

#[test]
fn other_settings_leave_the_secrets_alone() {
    let server = server();
    let secret = create(&server, &json!({})).1["secret"].as_str().unwrap().to_owned();
    let change = json!({"name": "N", "certificate": "5CFd2fd1755d40ecb72977518be15d3b", "channels": {}});
    let (status, app) = server.call("PATCH", &format!("apps/{APP}"), &change);
    assert_eq!((status, &app["channels"]), (200, &json!({"access": "token"})));
    assert!(lets_in(&server, &secret));
}

#[test]
fn weak_and_odd_secrets_are_refused() {
    let server = server();
    for secret in [
        "short",
        &"x".repeat(31),
        &"x".repeat(257),
        &"ü".repeat(40),
        &" ".repeat(40),
    ] {
        let answer = create(&server, &json!({"secret": secret}));
        assert_error(answer, 400, "invalid_field", Some("secret"));
    }
    assert_error(create(&server, &json!({"key": "x"})), 400, "invalid_field", Some("key"));
    let unknown = server.call("POST", "apps/nobody/channel-secrets", &json!({}));
    assert_error(unknown, 404, "not_found", None);
}

#[test]
fn channels_are_open_unless_the_operator_says_otherwise() {
    let server = Server::with_tenant();
    let (_, app) = server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    assert_eq!(app["channels"], json!({"access": "open"}));
    for (channels, field) in [
        (json!({"access": "closed"}), "channels.access"),
        (json!({"access": 1}), "channels.access"),
        (json!({"secret": "x"}), "channels.secret"),
    ] {
        let answer = server.call("PATCH", &format!("apps/{APP}"), &json!({"channels": channels}));
        assert_error(answer, 400, "invalid_field", Some(field));
    }
}

#[test]
fn an_app_of_an_earlier_version_has_open_channels() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let key = format!("app:{APP}");
    let mut record: Value = serde_json::from_str(&server.store.map.borrow()[&key]).unwrap();
    assert!(record.as_object_mut().unwrap().remove("channel_access").is_some());
    server.store.map.borrow_mut().insert(key, record.to_string());
    let (status, app) = server.get(&format!("apps/{APP}"));
    assert_eq!((status, &app["channels"]), (200, &json!({"access": "open"})));
}
