use protocol::Secret;
use serde_json::json;

use super::*;
use crate::access::{ChannelSecret, Channels};

const APP: &str = "970CA35de60c44645bbae8a215061b33";
const SECRET: &str = "a-secret-of-the-app-with-enough-bytes";
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
const NOW_MS: u64 = 1_800_000_000_000;
/// When the vectors below were issued, Unix milliseconds.
const ISSUED_MS: u64 = 1_111_111_000;

fn app(app_id: &str, access: ChannelAccess) -> App {
    App {
        channels: Channels {
            access,
            secrets: vec![ChannelSecret {
                id: "s".to_owned(),
                secret: Secret::new(SECRET),
                created_ms: 0,
            }],
        },
        ..App::new(app_id, "t", "", 0)
    }
}

fn question(app_id: &str, channel: &str, uid: &str, token: Option<&str>) -> EntryQuestion {
    EntryQuestion {
        node_id: "n".to_owned(),
        app_id: app_id.to_owned(),
        channel: channel.to_owned(),
        uid: uid.to_owned(),
        own_uid: None,
        token: token.map(Secret::new),
    }
}

fn token(app_id: &str, can: &[&str], exp_s: u64) -> String {
    let claims = json!({"app": app_id, "channel": "lobby", "uid": "42", "can": can, "exp": exp_s});
    crate::access::testing::jwt(&claims, SECRET)
}

#[track_caller]
fn assert_refused(answer: &EntryAnswer, why: &str) {
    match answer {
        EntryAnswer::Refused { reason } => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_app_asks_for_nothing_and_a_closed_one_for_a_token() {
    let open = app(APP, ChannelAccess::Open);
    let closed = app(APP, ChannelAccess::Token);
    let shown = |app: &App, token: Option<&str>| enter(Some(app), &question(APP, "lobby", "42", token), NOW_MS);
    assert_eq!(shown(&open, None), EntryAnswer::Open);
    assert_eq!(shown(&open, Some("nonsense")), EntryAnswer::Open);
    assert_refused(&shown(&closed, None), "asks for a channel token");
    assert_refused(&shown(&closed, Some("")), "asks for a channel token");
    assert_refused(&shown(&closed, Some("nonsense")), "not a JSON Web Token");
    let rights = Rights {
        play_ms: 660_000,
        publish_audio_ms: 0,
        publish_video_ms: 0,
    };
    let token = token(APP, &["play"], NOW_MS / 1_000 + 600);
    assert_eq!(shown(&closed, Some(&token)), EntryAnswer::Granted(rights));
}

#[test]
fn an_unknown_and_a_disabled_app_let_nobody_in() {
    let token = token(APP, &["play"], NOW_MS / 1_000 + 600);
    assert_refused(
        &enter(None, &question(APP, "lobby", "42", Some(&token)), NOW_MS),
        "no such app",
    );
    for access in [ChannelAccess::Open, ChannelAccess::Token] {
        let disabled = App {
            disabled: true,
            ..app(APP, access)
        };
        let answer = enter(Some(&disabled), &question(APP, "lobby", "42", Some(&token)), NOW_MS);
        assert_refused(&answer, "disabled");
    }
}

#[test]
fn another_apps_token_opens_nothing_even_if_both_have_the_same_secret() {
    let (mine, others) = (APP, "870CA35de60c44645bbae8a215061b33");
    let closed = app(others, ChannelAccess::Token);
    let shown = token(mine, &["publish", "play"], NOW_MS / 1_000 + 600);
    let answer = enter(Some(&closed), &question(others, "lobby", "42", Some(&shown)), NOW_MS);
    assert_refused(&answer, "another App ID");
}

#[test]
fn a_token_lets_publish_under_its_own_uid_and_play_whoever_is_in_the_channel() {
    let closed = app(APP, ChannelAccess::Token);
    let may = |can: &[&str], uid: &str| {
        let shown = token(APP, can, NOW_MS / 1_000 + 600);
        match enter(Some(&closed), &question(APP, "lobby", uid, Some(&shown)), NOW_MS) {
            EntryAnswer::Granted(rights) => Some((rights.play_ms > 0, rights.publish_video_ms > 0)),
            _ => None,
        }
    };
    assert_eq!(may(&["publish", "play"], "42"), Some((true, true)));
    assert_eq!(may(&["publish", "play"], "43"), Some((true, false)));
    assert_eq!(may(&["play"], "43"), Some((true, false)));
    assert_eq!(may(&["publish"], "43"), None);
}

#[test]
fn an_expired_token_says_so_and_not_what_it_was() {
    let closed = app(APP, ChannelAccess::Token);
    for (exp_s, is_alive) in [(NOW_MS / 1_000 - 59, true), (NOW_MS / 1_000 - 60, false), (0, false)] {
        let shown = token(APP, &["play"], exp_s);
        let answer = enter(Some(&closed), &question(APP, "lobby", "42", Some(&shown)), NOW_MS);
        if is_alive {
            assert!(matches!(answer, EntryAnswer::Granted(_)), "{answer:?}");
        } else {
            assert_refused(&answer, "expired");
            assert!(!format!("{answer:?}").contains(&shown[40..60]));
        }
    }
}

/// Vectors that the vendor publishes with its generators: all privileges of these are to join.
const JOIN_006: &str = "006970CA35de60c44645bbae8a215061b33IACV0fZUBw+72cVoL9eyGGh3Q6Poi8bgjwVLnyKSJyOXR7dIfRBXoFHlEAABAAAAR/QQAAEAAQCvKDdW";
const JOIN_007: &str = "007eJxTYBBbsMMnKq7p9Hf/HcIX5kce9b518kCiQgSr5Zrp4X1Tu6UUGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiVwMRhYWRsYmhkbmxgDCaiTj";

#[test]
fn a_certificate_lets_its_tokens_in_beside_those_of_the_secrets() {
    let (channel, uid) = ("7d72365eb983485397e3e3f9d460bdda", "2882341273");
    let mut certified = app(APP, ChannelAccess::Token);
    let shown = |app: &App, token: &str, channel: &str| {
        enter(Some(app), &question(APP, channel, uid, Some(token)), ISSUED_MS - 1_000)
    };
    assert_refused(&shown(&certified, JOIN_007, channel), "no certificate");
    certified.certificate = Some(Secret::new(CERTIFICATE));
    for (token, play_ms) in [(JOIN_006, 1_000), (JOIN_007, 601_000)] {
        let rights = Rights {
            play_ms,
            publish_audio_ms: 0,
            publish_video_ms: 0,
        };
        assert_eq!(shown(&certified, token, channel), EntryAnswer::Granted(rights));
        assert_refused(&shown(&certified, token, "other"), "another channel");
    }
    let own = token(APP, &["publish"], ISSUED_MS / 1_000);
    let answer = enter(
        Some(&certified),
        &question(APP, "lobby", "42", Some(&own)),
        ISSUED_MS - 1_000,
    );
    assert!(
        matches!(
            answer,
            EntryAnswer::Granted(Rights {
                play_ms: 0,
                publish_video_ms: 61_000,
                ..
            })
        ),
        "{answer:?}"
    );
}
