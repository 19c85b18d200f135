use super::*;
use crate::recording::{Command, Stop, Target};

#[test]
fn modes_that_are_not_offered_say_so() {
    let service = Service::new();
    let resource_id = service.resource_id();
    for (mode, part) in [
        ("web", "mode web is not offered by this server"),
        ("Individual", "the mode in the URL must be individual or mix"),
    ] {
        let start = path(APP, &format!("resourceid/{resource_id}/mode/{mode}/start"));
        assert_error(&service.answer(&post(&start, &start_body())), 400, 2, part);
        let query = path(APP, &format!("resourceid/{resource_id}/sid/{SID}/mode/{mode}/query"));
        assert_error(&service.answer(&request("GET", &query)), 400, 2, part);
    }
}

#[test]
fn a_resource_id_serves_its_app_channel_and_uid_for_five_minutes() {
    let mut service = Service::new();
    let resource_id = service.resource_id();
    let stop_body = json!({"cname": "demo", "uid": "527841", "clientRequest": {}});

    for (pointer, value, part) in [("/cname", "other", "another cname"), ("/uid", "527842", "another uid")] {
        let change = |body| set(body, pointer, Some(json!(value)));
        let response = service.answer(&post(&start_path(&resource_id), &change(start_body())));
        assert_error(&response, 400, 432, part);
        let response = service.answer(&post(&running_path(&resource_id, "stop"), &change(stop_body.clone())));
        assert_error(&response, 400, 432, part);
    }
    let start = path(SISTER_APP, &format!("resourceid/{resource_id}/mode/individual/start"));
    let response = service.answer(&post(&start, &start_body()));
    assert_error(&response, 400, 432, "another App ID");
    assert!(body(&response).get("cname").is_none());
    let query = path(
        SISTER_APP,
        &format!("resourceid/{resource_id}/sid/{SID}/mode/individual/query"),
    );
    assert_error(&service.answer(&request("GET", &query)), 400, 432, "another App ID");

    let tampered = format!(
        "{}{}",
        &resource_id[..resource_id.len() - 1],
        if resource_id.ends_with('A') { 'B' } else { 'A' }
    );
    for text in [tampered.as_str(), "x", &"A".repeat(4000)] {
        assert_error(
            &service.answer(&post(&start_path(text), &start_body())),
            400,
            1001,
            "cannot be decrypted",
        );
        assert_error(
            &service.answer(&request("GET", &running_path(text, "query"))),
            400,
            1001,
            "",
        );
        assert_error(
            &service.answer(&post(&running_path(text, "stop"), &stop_body)),
            400,
            1001,
            "",
        );
    }

    service.now_ms = START_MS + 300_000;
    service.pending(&post(&start_path(&resource_id), &start_body()));
    service.now_ms += 1;
    assert_error(
        &service.answer(&post(&start_path(&resource_id), &start_body())),
        400,
        433,
        "within 5 minutes",
    );
    // What runs is asked about and stopped with the same resource ID for days.
    service.now_ms += 1_000_000_000;
    service.pending(&request("GET", &running_path(&resource_id, "query")));
}

#[test]
fn query_and_stop_become_calls() {
    let service = Service::new();
    let resource_id = service.resource_id();
    let start = service.pending(&post(&start_path(&resource_id), &start_body()));
    let Command::Start(start) = &start.call.command else {
        panic!("{start:?}")
    };
    let target = Target {
        sid: SID.into(),
        nonce: Some(start.ticket.nonce.clone()),
    };

    let query = service.pending(&request("GET", &running_path(&resource_id, "query")));
    assert_eq!(query.call.command, Command::Query(target.clone()));
    assert_eq!(query.call.key.channel, "demo");
    for (client_request, at_once) in [
        (json!(null), false),
        (json!({}), false),
        (json!({"resourceExpiredHour": 24, "async_stop": false}), false),
        (json!({"async_stop": true}), true),
    ] {
        let body = json!({"cname": "demo", "uid": "527841", "clientRequest": client_request});
        let stop = service.pending(&post(&running_path(&resource_id, "stop"), &body));
        assert_eq!(
            stop.call.command,
            Command::Stop(Stop {
                target: target.clone(),
                at_once
            })
        );
    }
    for (pointer, value, part) in [
        ("/cname", None, "cname is required"),
        ("/uid", None, "uid is required"),
        (
            "/clientRequest/async_stop",
            Some(json!(1)),
            "clientRequest.async_stop must be true or false",
        ),
    ] {
        let body = set(
            json!({"cname": "demo", "uid": "527841", "clientRequest": {}}),
            pointer,
            value,
        );
        let response = service.answer(&post(&running_path(&resource_id, "stop"), &body));
        assert_error(&response, 400, 2, part);
        assert_eq!(super::body(&response)["sid"], SID);
    }
    for sid in ["x", &SID.to_uppercase(), &format!("{SID}0")] {
        let query = path(
            APP,
            &format!("resourceid/{resource_id}/sid/{sid}/mode/individual/query"),
        );
        assert_error(&service.answer(&request("GET", &query)), 400, 1003, "sid");
    }
}

#[test]
fn update_becomes_a_call() {
    use crate::recording::Update;
    use protocol::Selection;
    let service = Service::new();
    let resource_id = service.resource_id();
    let body = json!({"cname": "demo", "uid": "527841", "clientRequest": {"streamSubscribe": {
        "audioUidList": {"subscribeAudioUids": ["#allstream#"]},
        "videoUidList": {"unSubscribeVideoUids": ["444", "555"]}}}});
    let update = service.pending(&post(&running_path(&resource_id, "update"), &body));
    let Command::Update(Update {
        target,
        audio,
        video,
        keys: None,
    }) = &update.call.command
    else {
        panic!("{update:?}")
    };
    assert_eq!(target.sid, SID);
    assert_eq!(audio, &Some(Selection::All));
    assert_eq!(video, &Some(Selection::Except(vec!["444".into(), "555".into()])));
    let audio_only = set(body, "/clientRequest/streamSubscribe/videoUidList", None);
    let update = service.pending(&post(&running_path(&resource_id, "update"), &audio_only));
    assert!(matches!(
        &update.call.command,
        Command::Update(Update { video: None, .. })
    ));
}

#[test]
fn update_takes_new_keys() {
    use crate::recording::{Renewal, Update};
    use protocol::Secret;
    let service = Service::new();
    let resource_id = service.resource_id();
    let call = |config: &serde_json::Value| {
        let body = json!({"cname": "demo", "uid": "527841", "clientRequest": {"storageConfig": config}});
        post(&running_path(&resource_id, "update"), &body)
    };
    let config = json!({"vendor": 1, "region": 0, "bucket": "b", "accessKey": "AK", "secretKey": "SK",
        "stsToken": "T", "stsExpiration": 4_000_000_000_u64});
    let update = service.pending(&call(&config));
    let Command::Update(Update {
        audio: None,
        video: None,
        keys: Some(keys),
        ..
    }) = &update.call.command
    else {
        panic!("{update:?}")
    };
    let wanted = Renewal {
        bucket: Some("b".to_owned()),
        pair: Some(("AK".to_owned(), Secret::new("SK"))),
        session_token: Some(Secret::new("T")),
        session_ends_ms: Some(4_000_000_000_000),
    };
    assert_eq!(**keys, wanted);
    for (config, field) in [
        (json!({}), "storageConfig.stsToken"),
        (json!({"stsToken": "T", "accessKey": "AK"}), "storageConfig.secretKey"),
        (json!({"stsToken": "T", "secretKey": "SK"}), "storageConfig.accessKey"),
        (json!({"stsToken": "with space"}), "storageConfig.stsToken"),
    ] {
        assert_error(&service.answer(&call(&config)), 400, 2, field);
    }
}
