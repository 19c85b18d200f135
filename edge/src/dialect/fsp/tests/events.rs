//! The event gateway's messages.

use std::collections::BTreeMap;

use protocol::Secret;
use serde_json::{Value, json};

use super::*;
use crate::dialect::fsp::wire::{read, write};
use crate::gateway::feed::{ChannelState, Happened, Happening, Media};
use crate::gateway::listener::{Answer, AppState, Told, What, Why, Wish};
use crate::recording::Event;

fn said(message: Value) -> What {
    read(&message.to_string()).what
}

fn answered(message: &Value, answer: Answer) -> Vec<Value> {
    let said = read(&message.to_string());
    let told = Told::Answer {
        what: said.what,
        echo: said.echo,
        answer,
    };
    let texts = write(&told);
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn event(what: Happening) -> Value {
    let told = Told::Event {
        app_id: "a".into(),
        happened: Happened {
            version: 7,
            channel: "g".into(),
            what,
        },
    };
    serde_json::from_str(&write(&told)[0]).unwrap()
}

#[test]
fn each_request_is_read() {
    let wish = |app_id: &str| Wish {
        app_id: app_id.into(),
        ..Wish::default()
    };
    let list = json!([{"app_id": "a"}]);
    for (message, what) in [
        (
            json!({"business": "EGW", "dev_id": "d", "token": "t", "id": 20000}),
            What::SignIn {
                account: "d".into(),
                token: Secret::new("t"),
                app_id: None,
            },
        ),
        (json!({"business": "EGW", "id": 20002}), What::SignOut),
        (json!({"id": 20004, "app_list": list}), What::Subscribe(vec![wish("a")])),
        (
            json!({"id": 20006, "app_list": list}),
            What::Unsubscribe(vec![wish("a")]),
        ),
        (json!({"id": 20006}), What::Unsubscribe(Vec::new())),
        (json!({"id": 20008}), What::Look(Vec::new())),
        (
            json!({"id": 20008, "app_list": [{"app_id": "a", "group_list": ["g"], "version": 3}]}),
            What::Look(vec![Wish {
                app_id: "a".into(),
                channels: Some(["g".to_owned()].into()),
                since: Some(3),
            }]),
        ),
        (json!({"id": 20010}), What::Beat),
        (json!({"id": 20000, "token": "t"}), What::Lacking("dev_id")),
        (json!({"id": 20000, "dev_id": "d"}), What::Lacking("token")),
        (json!({}), What::Lacking("id")),
    ] {
        assert_eq!(said(message.clone()), what, "{message}");
    }
}

#[test]
fn what_is_no_request_is_answered_with_the_reason() {
    for (message, reason) in [
        ("", "JSON object"),
        ("[]", "JSON object"),
        (r#"{"id":20001}"#, "20001"),
        (r#"{"id":20004,"app_list":{}}"#, "app_list"),
        (r#"{"id":20004,"app_list":[{"app_id":""}]}"#, "app_id"),
        (
            r#"{"id":20004,"app_list":[{"app_id":"a","group_list":[1]}]}"#,
            "group_list",
        ),
        (r#"{"id":20004,"app_list":[{"app_id":"a","version":"x"}]}"#, "version"),
    ] {
        let What::Nonsense(problem) = read(message).what else {
            panic!("{message}");
        };
        assert!(problem.contains(reason), "{message}: {problem}");
    }
    assert!(matches!(read(&" ".repeat(70_000)).what, What::Nonsense(_)));
}

#[test]
fn an_answer_has_the_next_number_and_says_again_what_it_was_asked_with() {
    for (id, message) in [
        (20_000, "login successful"),
        (20_002, "logout successful"),
        (20_004, "subscribe successful"),
        (20_006, "unsubscribe successful"),
        (20_010, "heartbeat successful"),
    ] {
        let asked = json!({"id": id, "dev_id": "d", "token": "t", "seq_id": 1_600_000_000_000_u64, "seq": "1"});
        let expected =
            json!({"id": id + 1, "result": 0, "message": message, "seq_id": 1_600_000_000_000_u64, "seq": "1"});
        assert_eq!(answered(&asked, Answer::Done), [expected]);
    }
}

#[test]
fn each_refusal_has_its_code() {
    let app_id = || "a".to_owned();
    for (why, code) in [
        (Why::NotSignedIn, 6_050_030_006_u64),
        (Why::SignedInAlready, 6_050_030_004),
        (Why::BadToken, 606_000_000),
        (Why::TokenOver, 606_000_001),
        (Why::NotAllowed { app_id: app_id() }, 6_050_030_007),
        (Why::NoApp, 606_000_002),
        (Why::Lacking("token"), 606_000_002),
        (Why::TooMany, 606_000_006),
        (Why::TooLarge, 606_000_003),
        (Why::Nonsense("no".into()), 606_000_003),
        (Why::Unavailable, 606_000_005),
    ] {
        let answers = answered(&json!({"id": 20004}), Answer::Refused(why));
        assert_eq!(
            (&answers[0]["id"], &answers[0]["result"]),
            (&json!(20_005), &json!(code))
        );
        assert!(answers[0]["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[test]
fn a_full_sync_has_each_app_with_its_groups() {
    let users = BTreeMap::from([
        ("aa".to_owned(), [Media::Sound, Media::Camera, Media::Whiteboard].into()),
        ("ff".to_owned(), [].into()),
    ]);
    let state = AppState {
        app_id: "a".into(),
        version: 3_132,
        channels: vec![ChannelState {
            channel: "123456".into(),
            users,
        }],
    };
    let mut other = state.clone();
    (other.app_id, other.channels) = ("b".into(), Vec::new());
    let answers = answered(&json!({"id": 20008}), Answer::States(vec![state, other]));
    assert_eq!(
        answers[0],
        json!({
            "app_id": "a",
            "group_list": [{
                "group_id": "123456",
                "group_media_list": [{"media_id": "whiteboard", "media_type": 4}],
                "user_list": [
                    {"media_info": [
                        {"media_id": "appdef_mic", "media_type": 1},
                        {"media_id": "LocalCam_0", "media_type": 2},
                    ], "user_id": "aa"},
                    {"media_info": [], "user_id": "ff"},
                ],
            }],
            "id": 20009,
            "message": "synchronize all data successful",
            "result": 0,
            "version": 3132,
        })
    );
    assert_eq!(
        (&answers[1]["app_id"], &answers[1]["group_list"]),
        (&json!("b"), &json!([]))
    );
}

#[test]
fn a_state_that_fits_into_no_message_is_refused() {
    let users = (0..20_000).map(|uid| (uid.to_string(), [Media::Screen].into()));
    let state = AppState {
        app_id: "a".into(),
        version: 1,
        channels: vec![ChannelState {
            channel: "g".into(),
            users: users.collect(),
        }],
    };
    let answers = answered(&json!({"id": 20008}), Answer::States(vec![state]));
    assert_eq!(answers[0]["result"], 606_000_003);
}

#[test]
fn what_happens_in_a_group_is_pushed_in_the_vendors_form() {
    let uid = || "aa".to_owned();
    let common = json!({"business": "EGW", "app_id": "a", "group_id": "g", "version": 7, "user_id": "aa"});
    let with = |more: Value| {
        let mut whole = common.clone();
        let fields = whole.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        whole
    };
    assert_eq!(event(Happening::Joined { uid: uid() }), with(json!({"id": 20100})));
    assert_eq!(event(Happening::Left { uid: uid() }), with(json!({"id": 20101})));
    for (media, id, number) in [
        (Media::Screen, "0", 0),
        (Media::Sound, "appdef_mic", 1),
        (Media::Camera, "LocalCam_0", 2),
        (Media::Whiteboard, "whiteboard", 4),
    ] {
        let fields = |code: u32| with(json!({"id": code, "media_id": id, "media_type": number}));
        assert_eq!(event(Happening::MediaBegan { uid: uid(), media }), fields(20_102));
        assert_eq!(event(Happening::MediaEnded { uid: uid(), media }), fields(20_103));
    }
}

#[test]
fn how_a_task_stands_is_pushed_with_a_text_that_is_json_itself() {
    let subject = crate::recording::Subject {
        key: RecorderKey {
            app_id: APP.into(),
            channel: GROUP.into(),
            uid: "r".into(),
        },
        sid: sid(),
        mode: Mode::Mix,
        pictures_only: false,
    };
    let told = |event: &Event| crate::dialect::Dialect::named("fsp").unwrap().told(&subject, event);
    for (standing, status) in [
        (Standing::Waiting, 1),
        (Standing::Capturing, 2),
        (Standing::Closing, 3),
        (Standing::Finishing, 4),
        (Standing::Uploading, 5),
        (Standing::Done, 6),
        (Standing::Paused, 7),
        (Standing::Failed, -1),
    ] {
        let view = Box::new(view(standing));
        let text = told(&Event::Stands { view: view.clone() }).unwrap();
        let pushed = event(Happening::Recording {
            sid: sid(),
            number: 4,
            text,
        });
        assert_eq!(pushed["id"], 20_104);
        assert_eq!((&pushed["group_id"], &pushed["version"]), (&json!("g"), &json!(7)));
        assert_eq!(
            (&pushed["record_id"], &pushed["record_statue"]),
            (&json!(record_id()), &json!(status))
        );
        let message: Value = serde_json::from_str(pushed["record_msg"].as_str().unwrap()).unwrap();
        assert_eq!(message["mission_id"], record_id());
        assert_eq!(message["mission_state"], status);
        assert_eq!(message["start_time"], view.started_ms / 1_000);
        for field in ["file_name", "file_path", "file_resource", "file_size", "media_duration"] {
            assert!(message.get(field).is_some(), "{message}");
        }
    }
    assert_eq!(told(&Event::Paused), None);
}
