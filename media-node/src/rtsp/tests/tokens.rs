//! Channel tokens, in each way in which clients bring them, and what becomes of a session whose token ends.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{EntryAnswer, Rights, Secret};

use super::raw::{Client, SDP};
use super::support::{Server, retina, take_packets, tcp};
use crate::access::{Asked, Edge, Gate, Keys, Passes, Place};
use crate::hub::{Limits, TurnedAway};

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const AUDIO_SDP: &str =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:streamid=0\r\n";
const HOUR_MS: u64 = 3_600_000;

/// An edge whose tokens say all: `app,channel,uid,play_ms,publish_audio_ms,publish_video_ms`.
struct Plain;

impl Edge for Plain {
    fn ask<'a>(&'a self, place: &'a Place, token: Option<&'a Secret>, _: Option<&'a str>) -> Asked<'a> {
        let parts: Vec<_> = token.map_or("", |token| token.expose()).split(',').collect();
        let Place { app, channel, uid } = place;
        let answer = match *parts {
            [of_app, of_channel, of_uid, play, audio, video]
                if of_app == app && of_channel == channel && (of_uid == uid || of_uid == "*") =>
            {
                EntryAnswer::Granted(Rights {
                    play_ms: play.parse().unwrap(),
                    publish_audio_ms: audio.parse().unwrap(),
                    publish_video_ms: video.parse().unwrap(),
                })
            }
            _ => EntryAnswer::Refused {
                reason: "this is no token for it".into(),
            },
        };
        Box::pin(async move { Ok(answer) })
    }
}

const SECRET: &str = "of the fleet";

async fn server() -> Server {
    let gate = Gate::new(Keys::default(), Passes::following_from(Secret::new(SECRET))).asking(Arc::new(Plain));
    // What ends a session here is its token.
    let patient = Limits {
        setup: Duration::from_millis(HOUR_MS),
        session: Duration::from_millis(HOUR_MS),
        publisher_silence: Duration::from_millis(HOUR_MS),
        ..Limits::default()
    };
    Server::start_at(gate, patient).await
}

fn token(app: &str, channel: &str, uid: &str, play_ms: u64, publish_ms: u64) -> String {
    format!("{app},{channel},{uid},{play_ms},{publish_ms},{publish_ms}")
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("anybody:{password}")))
}

/// Asks once over a connection of its own.
async fn ask(server: &Server, method: &str, url: &str, authorization: Option<&str>) -> (u16, Option<String>) {
    let mut client = Client::connect(server).await;
    let mut headers = vec![("Content-Type", "application/sdp")];
    headers.extend(authorization.map(|value| ("Authorization", value)));
    let body = if method == "ANNOUNCE" { SDP } else { "" };
    if method == "SETUP" {
        headers.push(("Transport", TCP));
    }
    let answer = client.ask(method, url, &headers, body).await;
    (answer.status, answer.headers.get("www-authenticate").cloned())
}

#[tokio::test]
async fn a_token_is_good_in_the_url_as_password_and_as_bearer() {
    let server = server().await;
    let publish = token("app", "room", "u", 0, HOUR_MS);
    let play = token("app", "room", "*", HOUR_MS, 0);
    let mut publisher = Client::connect(&server).await;
    let url = server.url(&format!("u?token={publish}"));
    publisher.publish(&url).await;
    server.joined(1).await;
    for (method, token, granted) in [
        ("ANNOUNCE", &publish, true),
        ("ANNOUNCE", &play, false),
        ("DESCRIBE", &play, true),
        ("DESCRIBE", &publish, false),
        ("SETUP", &play, true),
        ("SETUP", &publish, false),
    ] {
        let in_url = server.url(&format!("u?token={token}"));
        let bare = server.url("u");
        let expected = if granted { 200 } else { 403 };
        let by_password = basic(token);
        let by_bearer = format!("Bearer {token}");
        for (url, header) in [
            (&in_url, None),
            (&bare, Some(&*by_password)),
            (&bare, Some(&*by_bearer)),
        ] {
            assert_eq!(
                ask(&server, method, url, header).await.0,
                expected,
                "{method} {url} {header:?}"
            );
        }
        let (status, challenge) = ask(&server, method, &bare, None).await;
        assert_eq!(
            (status, challenge.as_deref()),
            (401, Some(r#"Basic realm="tapedeck""#)),
            "{method}"
        );
    }
    let turned_away = TurnedAway {
        strangers: 6,
        forbidden: 9,
        undecided: 0,
    };
    assert_eq!(server.figures.turned_away(), turned_away);
}

#[tokio::test]
async fn a_player_shows_its_token_once_for_all_that_follows() {
    let server = server().await;
    let mut publisher = Client::connect(&server).await;
    publisher
        .publish(&server.url(&format!("u?token={}", token("app", "room", "u", 0, HOUR_MS))))
        .await;
    let mut player = Client::connect(&server).await;
    let shown = server.url(&format!("u?token={}", token("app", "room", "u", HOUR_MS, 0)));
    let described = player.ask("DESCRIBE", &shown, &[], "").await;
    assert_eq!(described.status, 200);
    let base = &described.headers["content-base"];
    assert_eq!(*base, server.url("u/"), "it carries no token");
    assert!(!described.body.contains("token"), "{}", described.body);
    let played = player.play(base.trim_end_matches('/'), TCP).await;
    assert!(!format!("{:?}", played.headers).contains("token"));
    let roster = serde_json::to_string(&server.joined(1).await).unwrap();
    assert!(!roster.contains("token"), "{roster}");
}

#[tokio::test]
async fn what_is_published_is_what_the_token_allows() {
    let server = server().await;
    let url = server.url("u?token=app,room,u,0,3600000,0");
    let mut speaker = Client::connect(&server).await;
    assert_eq!(speaker.announce(&url, SDP).await.status, 403, "a picture");
    assert_eq!(speaker.announce(&url, AUDIO_SDP).await.status, 200);
}

#[tokio::test]
async fn nobody_gets_into_the_channel_of_another_app() {
    let server = server().await;
    // The victim's user is there.
    let mut victim = Client::connect(&server).await;
    let own = token("victim", "room", "u", HOUR_MS, HOUR_MS);
    let of_victim = |path: &str| format!("rtsp://{}/{path}", server.addr);
    victim.publish(&of_victim(&format!("victim/room/u?token={own}"))).await;
    let attacker = token("app", "room", "*", HOUR_MS, HOUR_MS);
    for path in [
        "victim/room/u",
        "victim/room/other",
        "app/../victim/room/u",
        "app/room/../../victim/room/u",
        "app/%2e%2e/victim/room/u",
        "app/room/u/../../../victim/room/u",
        "app%2F..%2Fvictim/room/u",
        "app/..%2Fvictim%2Froom/u",
        "app/room%2F..%2F..%2Fvictim%2Froom/u",
        "victim/room/u/trackID=0",
        "Victim/room/u",
        "victim%00/room/u",
        "victim%20/room/u",
        "APP/room/u",
        "app/Room/u",
        "app/room%20/u",
        "//victim/room/u",
        "./victim/room/u",
        "victim/./room/u",
    ] {
        for method in ["ANNOUNCE", "DESCRIBE", "SETUP"] {
            for url in [
                of_victim(&format!("{path}?token={attacker}")),
                of_victim(&format!("{path}?x=y&token={attacker}")),
                of_victim(&format!("{path}?token={attacker}/trackID=0")),
            ] {
                let (status, _) = ask(&server, method, &url, None).await;
                assert!([400, 401, 404].contains(&status), "{method} {url}: {status}");
            }
            let (status, _) = ask(&server, method, &of_victim(path), Some(&basic(&attacker))).await;
            assert!([400, 401, 404].contains(&status), "{method} {path}: {status}");
        }
    }
    let roster = server.registry.snapshot("victim", "room");
    assert_eq!(roster.users.len(), 1, "{roster:?}");
    assert_eq!(server.registry.counts().channels, 1);
}

#[tokio::test]
async fn what_one_stream_was_opened_with_opens_no_other_one() {
    let server = server().await;
    let own = token("app", "room", "u", HOUR_MS, HOUR_MS);
    let mut victim = Client::connect(&server).await;
    let of_victim = format!("rtsp://{}/victim/room/v", server.addr);
    victim
        .publish(&format!(
            "{of_victim}?token={}",
            token("victim", "room", "v", 0, HOUR_MS)
        ))
        .await;
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&server.url(&format!("u?token={own}"))).await;

    let mut client = Client::connect(&server).await;
    let shown = server.url(&format!("u?token={own}"));
    assert_eq!(client.ask("DESCRIBE", &shown, &[], "").await.status, 200);
    assert_eq!(client.ask("DESCRIBE", &server.url("u"), &[], "").await.status, 200);
    assert_eq!(client.ask("DESCRIBE", &of_victim, &[], "").await.status, 401);
    let transport = [("Transport", TCP)];
    assert_eq!(
        client
            .ask("SETUP", &format!("{of_victim}/trackID=0"), &transport, "")
            .await
            .status,
        401
    );
    assert_eq!(
        client
            .ask("SETUP", &server.url("u/trackID=0"), &transport, "")
            .await
            .status,
        200
    );
    // PLAY and RECORD act on what was set up, whatever they name.
    let played = client.ask("PLAY", &of_victim, &[], "").await;
    assert_eq!(played.status, 200);
    assert_eq!(client.ask("TEARDOWN", &server.url("u"), &[], "").await.status, 200);
    // What may be played may not be published by that.
    assert_eq!(client.announce(&server.url("u"), SDP).await.status, 401);
}

/// Says all of this without waiting for answers, however slow the machine is.
async fn say(client: &mut Client, requests: &[(&str, &str, &str)]) {
    for (number, (method, url, headers)) in requests.iter().enumerate() {
        let body = if *method == "ANNOUNCE" { SDP } else { "" };
        let length = body.len();
        let request =
            format!("{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        client.send(request.as_bytes()).await.unwrap();
    }
}

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

async fn publish_for(server: &Server, uid: &str, publish_ms: u64) -> Client {
    let token = token("app", "room", uid, 0, publish_ms);
    let (url, shown) = (server.url(uid), server.url(&format!("{uid}?token={token}")));
    let mut client = Client::connect(server).await;
    let requests = [
        ("ANNOUNCE", &*shown, "Content-Type: application/sdp\r\n"),
        ("SETUP", &*format!("{url}/streamid=0"), TRANSPORT),
        ("RECORD", &url, ""),
    ];
    say(&mut client, &requests).await;
    client
}

async fn play_for(server: &Server, uid: &str, play_ms: u64) -> Client {
    let token = token("app", "room", uid, play_ms, 0);
    let (url, shown) = (server.url(uid), server.url(&format!("{uid}/trackID=0?token={token}")));
    let mut client = Client::connect(server).await;
    say(&mut client, &[("SETUP", &shown, TRANSPORT), ("PLAY", &url, "")]).await;
    client
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_leaves_the_roster() {
    let server = server().await;
    let _long = publish_for(&server, "long", HOUR_MS).await;
    server.joined(1).await;
    let mut publisher = publish_for(&server, "short", 1_500).await;
    let mut player = play_for(&server, "long", 1_500).await;
    publisher.end().await;
    player.end().await;
    let roster = server.joined(1).await;
    assert_eq!(roster.users[0].uid, "long");
}

#[tokio::test]
async fn a_longer_token_shown_for_another_stream_does_not_lengthen_a_session() {
    let server = server().await;
    let _publishers = [
        publish_for(&server, "u", HOUR_MS).await,
        publish_for(&server, "v", HOUR_MS).await,
    ];
    server.joined(2).await;
    let mut player = play_for(&server, "u", 1_500).await;
    let long = server.url(&format!("v?token={}", token("app", "room", "v", HOUR_MS, 0)));
    say(&mut player, &[("DESCRIBE", &long, "")]).await;
    player.end().await;
}

#[tokio::test]
async fn recorders_play_by_their_pass_and_nobody_publishes_by_it() {
    let server = server().await;
    let publisher = super::support::ffmpeg_publish(
        &server.url(&format!("u?token={}", token("app", "room", "u", 0, HOUR_MS))),
        "tcp",
    );
    server.joined(1).await;
    let passes = Passes::following_from(Secret::new(SECRET));
    let pass = passes.pass("app", "room").unwrap();
    let mut recorder = retina(&server.url("u"), tcp(), Some(pass.expose())).await;
    assert_eq!(take_packets(&mut recorder, 20).await, 0);
    let of_another_channel = passes.pass("app", "hall").unwrap();
    for (method, password) in [("ANNOUNCE", &pass), ("DESCRIBE", &of_another_channel)] {
        let (status, _) = ask(&server, method, &server.url("u"), Some(&basic(password.expose()))).await;
        assert_eq!(status, 401, "{method}");
    }
    let in_url = server.url(&format!("u?key={0}&token={0}", pass.expose()));
    assert_eq!(
        ask(&server, "DESCRIBE", &in_url, None).await.0,
        401,
        "a URL is not for it"
    );
    publisher.kill().await;
}
