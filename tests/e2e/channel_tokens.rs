//! Channels that ask for a token: whoever it names publishes, plays and is recorded; nobody else gets in, by whichever way; and while
//! the edge is away those who are known come again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::channel_token::{by_agora, by_documented_code, claims, sign};
use tapedeck_tests::customer::Customer;
use tapedeck_tests::node::Node;
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::rtsp;
use tapedeck_tests::stack::{Info, Stack};
use tapedeck_tests::wait;
use tokio::process::Command;

use crate::steps::{await_playlists, stop};

const LIMIT: Duration = Duration::from_secs(60);
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";

/// An app whose channels ask for a token, and the secret that signs them.
pub(crate) struct App {
    pub(crate) customer: Customer,
    secret: String,
}

impl App {
    pub(crate) async fn new(stack: &Stack, settings: &Value) -> Self {
        let mut settings = settings.clone();
        settings["channels"] = json!({ "access": "token" });
        let customer = stack.new_app(&settings).await;
        let path = format!("apps/{}/channel-secrets", customer.app_id);
        let made = stack.admin(Method::POST, &path, &json!({})).await.expect(201);
        let secret = made.text("secret").to_owned();
        Self { customer, secret }
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.customer.app_id
    }

    pub(crate) fn token(&self, channel: &str, uid: &str, can: &[&str]) -> String {
        sign("HS256", &claims(self.app_id(), channel, uid, can), &self.secret)
    }
}

pub(crate) async fn they_let_in_whom_they_name_and_nobody_else(stack: &mut Stack) {
    let (app, rival) = (App::new(stack, &json!({})).await, App::new(stack, &json!({})).await);
    let certified = App::new(stack, &json!({ "certificate": CERTIFICATE })).await;
    // A node of the test's own, whose way to the edge can be cut.
    let proxy = Proxy::before(&stack.info.edge).await;
    let info = Info {
        edge: proxy.endpoint(),
        ..stack.info.clone()
    };
    let settings = [("TAPEDECK_CAPACITY", "0"), ("TAPEDECK_LOG", "debug")];
    let node = Node::start_with(&info, stack.logs(), "asking", &settings).await;

    // By a recording, whose recorder has no token.
    let url = |server: &str, uid: &str, token: &str| format!("{server}/{}/lobby/{uid}?token={token}", app.app_id());
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publish = app.token("lobby", "1", &["publish"]);
    let mut recorded = Publisher::ffmpeg(
        &url(&stack.info.rtsp, "1", &publish),
        &media,
        Transport::Tcp,
        stack.logs(),
    );
    let task = app.customer.record("lobby", |_| {}).await;
    await_playlists(&app.customer, &task, 2).await;
    recorded.assert_alive();
    assert_eq!(stop(&app.customer, &task).await.len(), 2);
    recorded.kill().await;

    let mut ffmpeg = Publisher::ffmpeg(&url(&node.rtsp(), "1", &publish), &media, Transport::Udp, stack.logs());
    let any = app.token("lobby", "*", &["publish", "play"]);
    let mut gstreamer = Publisher::gstreamer(&url(&node.rtsp(), "2", &any), Transport::Tcp, stack.logs());
    for uid in ["1", "2"] {
        joined(stack, &node, &app, uid).await;
    }
    for (uid, token) in [("1", &any), ("2", &app.token("lobby", "2", &["play"]))] {
        assert_eq!(
            plays(&url(&node.rtsp(), uid, token)).await.as_deref(),
            Ok("aac,h264"),
            "{uid}"
        );
    }
    let by_agora_alone = [true, false].map(|role| by_agora(certified.app_id(), CERTIFICATE, "lobby", 7, role));
    let [publisher, subscriber] = by_agora_alone;
    let (publisher, subscriber) = (publisher.await, subscriber.await);
    let path = format!("{}/{}/lobby/7", node.rtsp(), certified.app_id());
    for (token, expected) in [(&publisher, 200), (&subscriber, 403)] {
        let basic = format!("Basic {}", STANDARD.encode(format!("anybody:{token}")));
        for (url, header) in [
            (format!("{path}?token={token}"), None),
            (path.clone(), Some(format!("Bearer {token}"))),
            (path.clone(), Some(basic)),
        ] {
            let status = rtsp::status(&node.rtsp(), "ANNOUNCE", &url, header.as_deref()).await;
            assert_eq!(status, expected, "{header:?}");
        }
    }

    for token in by_documented_code(app.app_id(), &app.secret, "lobby", "5").await {
        for (uid, expected) in [("5", 200), ("6", 401)] {
            let url = url(&node.rtsp(), uid, &token);
            assert_eq!(
                rtsp::status(&node.rtsp(), "ANNOUNCE", &url, None).await,
                expected,
                "{uid}"
            );
        }
    }

    refused(stack, &node, &app, &rival).await;

    // Without the edge.
    proxy.refuse();
    let (again, new) = (
        app.token("lobby", "1", &["play"]),
        app.token("lobby", "3", &["publish"]),
    );
    let announce = |uid: &'static str, token: String| {
        let url = url(&node.rtsp(), uid, &token);
        let server = node.rtsp();
        async move { rtsp::status(&server, "ANNOUNCE", &url, None).await }
    };
    assert_eq!(announce("3", new.clone()).await, 503, "nobody else enters");
    assert_eq!(
        plays(&url(&node.rtsp(), "1", &again)).await.unwrap_err(),
        503,
        "nor by a new token"
    );
    assert_eq!(announce("1", publish.clone()).await, 200, "who is known comes again");
    assert_eq!(plays(&url(&node.rtsp(), "2", &any)).await.as_deref(), Ok("aac,h264"));
    ffmpeg.assert_alive();
    gstreamer.assert_alive();
    proxy.restore();
    wait::until("the edge lets in again", LIMIT, async || {
        (announce("3", new.clone()).await == 200).then_some(())
    })
    .await;

    let log = node.log();
    for secret in [
        &publish,
        &any,
        &again,
        &new,
        &publisher,
        &subscriber,
        &app.secret,
        &rival.secret,
    ] {
        let part = &secret[secret.len() - 20..];
        assert!(!log.contains(part), "a token is in the node's log");
    }
}

/// Everybody to whom the channel of the app is closed.
async fn refused(stack: &Stack, node: &Node, app: &App, rival: &App) {
    let server = node.rtsp();
    let (mine, theirs) = (
        format!("{server}/{}", app.app_id()),
        format!("{server}/{}", rival.app_id()),
    );
    let own = rival.token("lobby", "*", &["publish", "play"]);
    let expired = {
        let mut claims = claims(app.app_id(), "lobby", "1", &["publish", "play"]);
        claims["exp"] = json!(1);
        sign("HS256", &claims, &app.secret)
    };
    let all = claims(app.app_id(), "lobby", "*", &["publish", "play"]);
    let tokens = [
        ("another app's", own.clone()),
        ("signed by another app", sign("HS256", &all, &rival.secret)),
        (
            "unsigned",
            format!("{}.", sign("none", &all, "").rsplit_once('.').expect("three parts").0),
        ),
        ("another algorithm", sign("HS512", &all, &app.secret)),
        ("expired", expired),
        ("for another channel", app.token("hall", "*", &["publish", "play"])),
        ("the node's", stack.info.node_token.clone()),
        ("the customer's", stack.info.customer_secret.clone()),
    ];
    for method in ["ANNOUNCE", "DESCRIBE", "SETUP"] {
        for (what, token) in &tokens {
            let url = format!("{mine}/lobby/1?token={token}");
            assert_eq!(rtsp::status(&server, method, &url, None).await, 401, "{method}: {what}");
        }
        for path in [
            format!("{theirs}/../{}/lobby/1", app.app_id()),
            format!("{theirs}/%2e%2e/{}/lobby/1", app.app_id()),
            format!("{theirs}%2F..%2F{}/lobby/1", app.app_id()),
            format!("{theirs}/lobby/../../{}/lobby/1", app.app_id()),
            format!("{theirs}/..%2F{}%2Flobby/1", app.app_id()),
            format!("{server}/{}/lobby/1", app.app_id().to_uppercase()),
            format!("{mine}/Lobby/1"),
            format!("{server}/nobody/lobby/1"),
        ] {
            let status = rtsp::status(&server, method, &format!("{path}?token={own}"), None).await;
            assert!([401, 404].contains(&status), "{method} {path}: {status}");
        }
    }
    let as_another = format!("{mine}/lobby/1?token={}", app.token("lobby", "2", &["publish", "play"]));
    assert_eq!(rtsp::status(&server, "ANNOUNCE", &as_another, None).await, 403);
    assert_eq!(
        rtsp::status(&server, "DESCRIBE", &as_another, None).await,
        200,
        "whoever is in the channel plays it"
    );
    let media = Media::tone_only();
    let mut ffmpeg = Publisher::ffmpeg(
        &format!("{mine}/lobby/9?token={own}"),
        &media,
        Transport::Tcp,
        stack.logs(),
    );
    let mut gstreamer = Publisher::gstreamer(&format!("{mine}/lobby/9"), Transport::Tcp, stack.logs());
    assert!(ffmpeg.ended(LIMIT).await.contains("401"));
    gstreamer.ended(LIMIT).await;
    assert_eq!(plays(&format!("{mine}/lobby/1?token={own}")).await.unwrap_err(), 401);

    // Nor can anybody list who is there.
    for bearer in [
        "",
        &own,
        &rival.secret,
        &stack.info.customer_secret,
        &app.token("lobby", "*", &["play"]),
    ] {
        let url = format!("{}/v1/channels/{}/lobby", node.api(), app.app_id());
        let answer = stack.customer().client.get(url).bearer_auth(bearer).send().await;
        assert_eq!(answer.expect("the node answers").status(), 401);
    }
    let users = roster(stack, node, app).await;
    assert_eq!(users, ["1", "2"]);
}

async fn roster(stack: &Stack, node: &Node, app: &App) -> Vec<String> {
    let url = format!("{}/v1/channels/{}/lobby", node.api(), app.app_id());
    let request = stack.customer().client.get(url).bearer_auth(&stack.info.node_token);
    let answer = request.send().await.expect("the node answers");
    let roster: protocol::Roster = answer.json().await.expect("a roster");
    let mut uids: Vec<_> = roster.users.into_iter().map(|user| user.uid).collect();
    uids.sort();
    uids
}

async fn joined(stack: &Stack, node: &Node, app: &App, uid: &str) {
    wait::until(&format!("user {uid}"), LIMIT, async || {
        let uids = roster(stack, node, app).await;
        uids.iter().any(|joined| joined == uid).then_some(())
    })
    .await;
}

/// The codecs that a player finds, in alphabetical order, or the status with which it is refused.
async fn plays(url: &str) -> Result<String, u16> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name",
            "-of",
            "csv=p=0",
            "-rtsp_transport",
            "tcp",
            url,
        ])
        .output()
        .await
        .expect("ffprobe runs");
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut codecs: Vec<_> = text.split_whitespace().collect();
        codecs.sort_unstable();
        return Ok(codecs.join(","));
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let known = [401, 403, 503];
    let status = known
        .into_iter()
        .find(|status| complaint.contains(&format!("{status}")));
    Err(status.unwrap_or_else(|| panic!("{complaint}")))
}
