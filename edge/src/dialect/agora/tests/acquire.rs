use super::*;
use crate::recording::{Command, Preference, tag};

#[test]
fn acquire_takes_what_clients_send() {
    let service = Service::new();
    for client_request in [
        json!(null),
        json!(""),
        json!({}),
        json!({"resourceExpiredHour": 1}),
        json!({"resourceExpiredHour": 720.0}),
        json!({"scene": 0, "resourceExpiredHour": 24, "regionAffinity": 0, "region": "", "excludeResourceIds": []}),
        json!({"startParameter": {"token": ""}, "unknown": [1, {}]}),
    ] {
        let body_in = set(
            json!({"cname": "demo", "uid": "527841"}),
            "/clientRequest",
            Some(client_request),
        );
        let response = service.answer(&post(&path(APP, "acquire"), &body_in));
        let body = body(&response);
        assert_eq!(response.status, 200, "{body_in} {body}");
        assert_eq!((&body["cname"], &body["uid"]), (&json!("demo"), &json!("527841")));
        assert!(body["resourceId"].as_str().unwrap().len() >= 200);
    }
    let bare = post(
        "/eu/v1/apps/0123456789abcdef0123456789abcdef/cloud_recording/acquire",
        &json!({"cname": "demo", "uid": "1"}),
    );
    assert_eq!(service.answer(&bare).status, 200);
}

#[test]
fn acquire_refuses_and_names_the_field() {
    let service = Service::new();
    let table = [
        ("/cname", None, 2, "cname is required"),
        ("/cname", Some(json!("")), 2, "cname is required"),
        ("/cname", Some(json!(7)), 2, "cname must be a string"),
        ("/cname", Some(json!("a/b")), 1013, "cname must have 1 to 64 characters"),
        ("/cname", Some(json!("x".repeat(65))), 1013, "invalid_channel_name"),
        ("/uid", None, 2, "uid is required"),
        ("/uid", Some(json!(527_841)), 2, "uid must be a string"),
        (
            "/uid",
            Some(json!("0")),
            2,
            "uid must be a string that holds a whole number from 1 to 4294967295",
        ),
        ("/uid", Some(json!("8810546176")), 2, "uid must be"),
        ("/clientRequest", Some(json!([])), 2, "clientRequest must be an object"),
        (
            "/clientRequest/resourceExpiredHour",
            Some(json!(0)),
            2,
            "Acquire: invalid resourceExpiredHour value!",
        ),
        (
            "/clientRequest/resourceExpiredHour",
            Some(json!(721)),
            2,
            "Acquire: invalid resourceExpiredHour value!",
        ),
        (
            "/clientRequest/resourceExpiredHour",
            Some(json!("24")),
            2,
            "Acquire: invalid resourceExpiredHour value!",
        ),
        (
            "/clientRequest/scene",
            Some(json!(1)),
            2,
            "clientRequest.scene 1, recording of web pages, is not offered",
        ),
        ("/clientRequest/scene", Some(json!(2)), 2, "clientRequest.scene 2"),
        (
            "/clientRequest/scene",
            Some(json!(3)),
            2,
            "clientRequest.scene must be a whole number from 0 to 2",
        ),
    ];
    for (pointer, value, code, part) in table {
        let body = set(json!({"cname": "demo", "uid": "527841"}), pointer, value);
        assert_error(&service.answer(&post(&path(APP, "acquire"), &body)), 400, code, part);
    }
}

/// The start of a resource ID that was acquired with this `clientRequest`, by an app.
fn preference(service: &Service, client_request: &Value) -> Preference {
    let names = json!({"cname": "demo", "uid": "527841", "clientRequest": client_request});
    let acquired = body(&service.answer(&post(&path(APP, "acquire"), &names)));
    let resource_id = acquired["resourceId"].as_str().unwrap_or_else(|| panic!("{acquired}"));
    let pending = service.pending(&post(&start_path(resource_id), &start_body()));
    match &pending.call.command {
        Command::Start(start) => start.ticket.preference.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wishes_for_a_place_reach_the_start() {
    let service = Service::new();
    let in_region = |region: &str| Preference {
        region: Some(region.into()),
        avoid: vec![],
    };
    assert_eq!(preference(&service, &json!({})), Preference::default());
    assert_eq!(
        preference(&service, &json!({"regionAffinity": 0})),
        Preference::default()
    );
    for (number, region) in [(1, "CN"), (2, "AP"), (3, "EU"), (4, "NA")] {
        assert_eq!(
            preference(&service, &json!({"regionAffinity": number})),
            in_region(region)
        );
        assert_eq!(
            preference(&service, &json!({"region": region, "regionAffinity": 1})),
            in_region(region)
        );
    }
    let other = json!({"cname": "other", "uid": "7"});
    let other_id = body(&service.answer(&post(&path(SISTER_APP, "acquire"), &other)))["resourceId"].clone();
    let apart = preference(&service, &json!({"excludeResourceIds": [other_id, "unknown"]}));
    let recorder = RecorderKey {
        app_id: SISTER_APP.into(),
        channel: "other".into(),
        uid: "7".into(),
    };
    assert_eq!(apart.avoid, [tag(&recorder)]);
}
