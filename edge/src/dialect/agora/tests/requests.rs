use super::*;
use crate::recording::{Command, Start, Stop, Target, Ticket};
use protocol::{Mode, RecorderKey, Selection, StorageKind, StreamTypes};

/// Asserts status, code and a part of the reason.
fn assert_error(response: &Response, status: u16, code: u32, part: &str) {
    let body = body(response);
    assert_eq!(
        (response.status, body["code"].as_u64()),
        (status, Some(code.into())),
        "{body}"
    );
    assert!(
        body["reason"].as_str().unwrap().contains(part),
        "{body} has no {part:?}"
    );
}

fn assert_gateway(response: &Response, status: u16, message: &str) {
    assert_eq!((response.status, body(response)), (status, json!({"message": message})));
}

#[test]
fn the_gateway_checks_route_then_credentials_then_app() {
    let service = Service::new();
    let acquire = path(APP, "acquire");
    let no_route = "no Route matched with those values";
    assert_gateway(&service.answer(&request("GET", &acquire)), 404, no_route);
    assert_gateway(
        &service.answer(&Request {
            method: "PUT".into(),
            ..Request::default()
        }),
        404,
        no_route,
    );

    let anonymous = Request {
        headers: Default::default(),
        ..request("POST", &acquire)
    };
    let response = service.answer(&anonymous);
    assert_gateway(&response, 401, "Unauthorized");
    assert_eq!(
        response.headers.get("www-authenticate"),
        Some(r#"Basic realm="tapedeck""#)
    );

    let mut wrong = anonymous;
    wrong
        .headers
        .push("Authorization", format!("Basic {}", STANDARD.encode("alice:wrong")));
    let response = service.answer(&wrong);
    assert_gateway(&response, 401, "Invalid authentication credentials");
    assert!(response.headers.get("www-authenticate").is_some());

    let response = service.answer(&request("POST", &path(FOREIGN_APP, "acquire")));
    assert_gateway(&response, 401, "Invalid authentication credentials");
    for unknown in [
        "00000000000000000000000000000000",
        "x",
        &"x".repeat(2000),
        &APP.to_uppercase(),
    ] {
        assert_gateway(
            &service.answer(&request("POST", &path(unknown, "acquire"))),
            400,
            "appid is invalid",
        );
    }
}

#[test]
fn a_directory_that_fails_is_ours() {
    let mut service = Service::new();
    service.break_store();
    match service.send(&request("POST", &path(APP, "acquire"))) {
        Handled::Failed(_, response) => assert_gateway(&response, 500, "An unexpected error occurred"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disabled_app_starts_nothing_new() {
    let service = Service::new();
    let body = json!({"cname": "demo", "uid": "1"});
    let response = service.answer(&post(&path(DISABLED_APP, "acquire"), &body));
    assert_error(&response, 400, 405, "no_active_status");
    let start = path(DISABLED_APP, "resourceid/r/mode/individual/start");
    assert_error(
        &service.answer(&post(&start, &start_body())),
        400,
        405,
        "no_active_status",
    );
    let query = path(DISABLED_APP, &format!("resourceid/r/sid/{SID}/mode/individual/query"));
    assert_error(&service.answer(&request("GET", &query)), 400, 1001, "");
}

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

#[test]
fn bodies_must_be_json_objects_of_a_json_type() {
    let service = Service::new();
    let good = json!({"cname": "demo", "uid": "1"});
    for content_type in [
        "application/json",
        "application/json;charset=utf-8",
        "Application/JSON; charset=UTF-8",
        "application/vnd.x+json",
    ] {
        let mut request = request("POST", &path(APP, "acquire"));
        request.headers.push("content-type", content_type);
        request.body = serde_json::to_vec(&good).unwrap();
        assert_eq!(service.answer(&request).status, 200, "{content_type}");
    }
    let untyped = Request {
        body: serde_json::to_vec(&good).unwrap(),
        ..request("POST", &path(APP, "acquire"))
    };
    assert_eq!(service.answer(&untyped).status, 200);

    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let mut request = untyped.clone();
        request.headers.push("Content-Type", content_type);
        assert_error(&service.answer(&request), 400, 8, "Content-type");
    }
    for (text, part) in [
        ("", "not valid JSON"),
        ("{\"cname\": \"hunter2\"", "not valid JSON: line 1, column"),
        ("[]", "must be a JSON object"),
        ("\"x\"", "must be a JSON object"),
        (&"[".repeat(10_000), "not valid JSON"),
        (&format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)), "longer than 65536"),
    ] {
        for call in [
            "acquire",
            "resourceid/r/mode/individual/start",
            "resourceid/r/sid/s/mode/individual/stop",
        ] {
            let mut request = post(&path(APP, call), &json!({}));
            request.body = text.as_bytes().to_vec();
            let response = service.answer(&request);
            assert_error(&response, 400, 8, part);
            assert!(!String::from_utf8_lossy(&response.body).contains("hunter2"));
        }
    }
    let mut not_utf8 = post(&path(APP, "acquire"), &json!({}));
    not_utf8.body = b"{\"cname\":\"\xff\"}".to_vec();
    assert_error(&service.answer(&not_utf8), 400, 8, "not valid JSON");
}

#[test]
fn start_becomes_a_call() {
    let service = Service::new();
    let resource_id = service.resource_id();
    let pending = service.pending(&post(&start_path(&resource_id), &start_body()));
    assert_eq!(
        pending.call.key,
        RecorderKey {
            app_id: APP.into(),
            channel: "demo".into(),
            uid: "527841".into()
        }
    );
    let Command::Start(start) = &pending.call.command else {
        panic!("{pending:?}")
    };
    let Start { sid, ticket, spec } = &**start;
    assert!(
        sid.len() == 32 && sid.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
        "{sid}"
    );
    assert_eq!(
        ticket,
        &Ticket {
            nonce: ticket.nonce.clone(),
            issued_ms: START_MS,
            expires_hours: 72
        }
    );
    assert_eq!(spec.mode, Mode::Individual);
    assert_eq!(spec.max_idle_ms, 30_000);
    assert!(spec.playlist.strict_extinf);
    assert!(matches!(spec.source, Source::Static { .. }));
    assert_eq!(
        (spec.subscription.types, spec.subscription.version),
        (StreamTypes::Both, 1)
    );
    assert_eq!(
        (&spec.subscription.audio, &spec.subscription.video),
        (&Selection::All, &Selection::All)
    );
    let storage = &spec.storage;
    assert_eq!(storage.kind, StorageKind::S3Compatible);
    assert_eq!(
        (storage.endpoint.as_str(), storage.region.as_str()),
        ("http://127.0.0.1:9000", "us-east-1")
    );
    assert_eq!(
        (storage.bucket.as_str(), storage.prefix.as_str()),
        ("recordings", "a/b")
    );
    assert_eq!(
        (storage.access_key.as_str(), storage.secret_key.expose()),
        ("AK", "verysecret")
    );
    assert_eq!(storage.session_token, None);
    assert!(!format!("{pending:?}").contains("verysecret"));
    assert!(!format!("{pending:?}").contains("u:p"));
}

/// The storage or spec of a start with one field changed, as JSON.
fn spec_with(pointer: &str, value: Value) -> Value {
    let service = Service::new();
    let body = set(start_body(), pointer, Some(value));
    let pending = service.pending(&post(&start_path(&service.resource_id()), &body));
    let Command::Start(start) = &pending.call.command else {
        panic!("{pending:?}")
    };
    serde_json::to_value(&start.spec).unwrap()
}

#[test]
fn start_takes_every_documented_form() {
    const CONFIG: &str = "/clientRequest/recordingConfig";
    const STORAGE: &str = "/clientRequest/storageConfig";
    let s3 = |region: u64| json!({"vendor": 1, "region": region, "bucket": "b-1", "accessKey": "A", "secretKey": "S", "stsToken": "T", "stsExpiration": 3600});
    let table = [
        (format!("{CONFIG}/maxIdleTime"), json!(5), "/max_idle_ms", json!(5_000)),
        (
            format!("{CONFIG}/maxIdleTime"),
            json!(2_592_000),
            "/max_idle_ms",
            json!(2_592_000_000_u64),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!("{\"correctEXTINF\":false}"),
            "/playlist/strict_extinf",
            json!(false),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!("{\"correctEXTINF\":true}"),
            "/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!("{\"other\":1}"),
            "/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!(""),
            "/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/subscribeAudioUids"),
            json!(["7"]),
            "/subscription/audio",
            json!({"only": ["7"]}),
        ),
        (
            format!("{CONFIG}/subscribeUidGroup"),
            json!(5),
            "/mode",
            json!("individual"),
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            json!(0),
            "/mode",
            json!("individual"),
        ),
        (
            format!("{CONFIG}/streamMode"),
            json!("default"),
            "/mode",
            json!("individual"),
        ),
        (
            format!("{CONFIG}/transcodingConfig"),
            json!(null),
            "/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/recordingFileConfig".into(),
            json!({}),
            "/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/appsCollection".into(),
            json!({"combinationPolicy": "default"}),
            "/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/snapshotConfig".into(),
            json!(""),
            "/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/unknown".into(),
            json!({"x": 1}),
            "/mode",
            json!("individual"),
        ),
        (
            STORAGE.into(),
            s3(0),
            "/storage/endpoint",
            json!("https://s3.us-east-1.amazonaws.com"),
        ),
        (
            STORAGE.into(),
            s3(15),
            "/storage/endpoint",
            json!("https://s3.cn-north-1.amazonaws.com.cn"),
        ),
        (
            STORAGE.into(),
            s3(16),
            "/storage/endpoint",
            json!("https://s3.cn-northwest-1.amazonaws.com.cn"),
        ),
        (STORAGE.into(), s3(28), "/storage/region", json!("il-central-1")),
        (STORAGE.into(), s3(7), "/storage/kind", json!("s3")),
        (STORAGE.into(), s3(7), "/storage/session_token", json!("T")),
        (
            format!("{STORAGE}/fileNamePrefix"),
            json!([]),
            "/storage/prefix",
            json!(""),
        ),
        (
            format!("{STORAGE}/fileNamePrefix"),
            json!(["x".repeat(128)]),
            "/storage/prefix",
            json!("x".repeat(128)),
        ),
        (
            format!("{STORAGE}/extensionParams"),
            json!({"endpoint": "minio.local", "sse": "", "tag": ""}),
            "/storage/endpoint",
            json!("https://minio.local"),
        ),
        (
            format!("{STORAGE}/extensionParams"),
            json!({"endpoint": "h:9", "region": "garage"}),
            "/storage/region",
            json!("garage"),
        ),
        (
            format!("{STORAGE}/region"),
            json!(null),
            "/storage/region",
            json!("us-east-1"),
        ),
        (
            format!("{STORAGE}/stsToken"),
            json!(""),
            "/storage/session_token",
            json!(null),
        ),
    ];
    for (pointer, value, result, expected) in table {
        let spec = spec_with(&pointer, value);
        assert_eq!(spec.pointer(result).unwrap_or(&Value::Null), &expected, "{pointer}");
    }
}

#[test]
fn start_refuses_and_names_the_field() {
    const CONFIG: &str = "/clientRequest/recordingConfig";
    const STORAGE: &str = "/clientRequest/storageConfig";
    const EXTENSION: &str = "/clientRequest/storageConfig/extensionParams";
    let service = Service::new();
    let resource_id = service.resource_id();
    let prefix = "must hold elements of a-z A-Z 0-9 only";
    let table = [
        ("/clientRequest".to_owned(), None, "clientRequest is required"),
        (
            "/clientRequest".to_owned(),
            Some(json!(1)),
            "clientRequest must be an object",
        ),
        (
            "/clientRequest/token".to_owned(),
            Some(json!(1)),
            "clientRequest.token must be a string",
        ),
        (CONFIG.to_owned(), None, "clientRequest.recordingConfig is required"),
        (
            format!("{CONFIG}/subscribeUidGroup"),
            None,
            "recordingConfig.subscribeUidGroup is required in individual mode",
        ),
        (
            format!("{CONFIG}/subscribeUidGroup"),
            Some(json!(6)),
            "recordingConfig.subscribeUidGroup must be",
        ),
        (
            format!("{CONFIG}/channelType"),
            Some(json!(2)),
            "recordingConfig.channelType must be",
        ),
        (
            format!("{CONFIG}/maxIdleTime"),
            Some(json!(4)),
            "recordingConfig.maxIdleTime must be a whole number from 5 to 2592000",
        ),
        (
            format!("{CONFIG}/maxIdleTime"),
            Some(json!(2_592_001)),
            "recordingConfig.maxIdleTime must be",
        ),
        (
            format!("{CONFIG}/maxIdleTime"),
            Some(json!("30")),
            "recordingConfig.maxIdleTime must be",
        ),
        (
            format!("{CONFIG}/transcodingConfig"),
            Some(json!({})),
            "recordingConfig.transcodingConfig must not be set in individual mode",
        ),
        (
            format!("{CONFIG}/audioProfile"),
            Some(json!(0)),
            "recordingConfig.audioProfile must not be set in individual mode",
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            Some(json!(1)),
            "recordingConfig.decryptionMode must be 0",
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            Some(json!(9)),
            "recordingConfig.decryptionMode must be",
        ),
        (
            format!("{CONFIG}/videoStreamType"),
            Some(json!(1)),
            "recordingConfig.videoStreamType must be 0",
        ),
        (
            format!("{CONFIG}/streamMode"),
            Some(json!("standard")),
            "recordingConfig.streamMode must be \"default\"",
        ),
        (
            format!("{CONFIG}/streamTypes"),
            Some(json!(3)),
            "recordingConfig.streamTypes must be",
        ),
        (
            format!("{CONFIG}/subscribeAudioUids"),
            Some(json!(["x"])),
            "recordingConfig.subscribeAudioUids must hold",
        ),
        (
            format!("{CONFIG}/privateParams"),
            Some(json!({})),
            "recordingConfig.privateParams must be a string",
        ),
        (
            format!("{CONFIG}/privateParams"),
            Some(json!("{")),
            "recordingConfig.privateParams must be a string that holds",
        ),
        (
            format!("{CONFIG}/privateParams"),
            Some(json!("{\"correctEXTINF\":1}")),
            "true or false for correctEXTINF",
        ),
        (
            "/clientRequest/recordingFileConfig/avFileType".to_owned(),
            Some(json!(["hls", "mp4"])),
            "recordingFileConfig.avFileType must be [\"hls\"]",
        ),
        (
            "/clientRequest/recordingFileConfig/avFileType".to_owned(),
            Some(json!(["mp4"])),
            "recordingFileConfig.avFileType must be [\"hls\"]",
        ),
        (
            "/clientRequest/recordingFileConfig/avFileType".to_owned(),
            Some(json!([])),
            "recordingFileConfig.avFileType must be [\"hls\"]",
        ),
        (
            "/clientRequest/snapshotConfig".to_owned(),
            Some(json!({"captureInterval": 5})),
            "clientRequest.snapshotConfig is not offered",
        ),
        (
            "/clientRequest/extensionServiceConfig".to_owned(),
            Some(json!({})),
            "clientRequest.extensionServiceConfig is not offered",
        ),
        (
            "/clientRequest/transcodeOptions".to_owned(),
            Some(json!({})),
            "clientRequest.transcodeOptions is not offered",
        ),
        (
            "/clientRequest/appsCollection/combinationPolicy".to_owned(),
            Some(json!("postpone_transcoding")),
            "appsCollection.combinationPolicy must be",
        ),
        (STORAGE.to_owned(), None, "clientRequest.storageConfig is required"),
        (format!("{STORAGE}/vendor"), None, "storageConfig.vendor is required"),
        (
            format!("{STORAGE}/vendor"),
            Some(json!("1")),
            "storageConfig.vendor must be",
        ),
        (
            format!("{STORAGE}/vendor"),
            Some(json!(2)),
            "storageConfig.vendor must be 1 (Amazon S3) or 11 (S3-compatible)",
        ),
        (
            format!("{STORAGE}/vendor"),
            Some(json!(0)),
            "storageConfig.vendor must be 1",
        ),
        (
            format!("{STORAGE}/region"),
            Some(json!(1)),
            "storageConfig.region must be 0 with vendor 11",
        ),
        (format!("{STORAGE}/bucket"), None, "storageConfig.bucket is required"),
        (
            format!("{STORAGE}/bucket"),
            Some(json!("a/b")),
            "storageConfig.bucket must have 3 to 255",
        ),
        (
            format!("{STORAGE}/bucket"),
            Some(json!("...")),
            "storageConfig.bucket must have",
        ),
        (
            format!("{STORAGE}/accessKey"),
            Some(json!("")),
            "storageConfig.accessKey is required",
        ),
        (
            format!("{STORAGE}/accessKey"),
            Some(json!("a\r\nb")),
            "storageConfig.accessKey must have at most 256",
        ),
        (
            format!("{STORAGE}/secretKey"),
            None,
            "storageConfig.secretKey is required",
        ),
        (
            format!("{STORAGE}/secretKey"),
            Some(json!("hunter2 hunter2")),
            "storageConfig.secretKey must have at most 256",
        ),
        (
            format!("{STORAGE}/stsToken"),
            Some(json!("a b")),
            "storageConfig.stsToken must have",
        ),
        (
            format!("{STORAGE}/fileNamePrefix"),
            Some(json!("a")),
            "storageConfig.fileNamePrefix must be a list",
        ),
        (
            format!("{STORAGE}/fileNamePrefix"),
            Some(json!([""])),
            "storageConfig.fileNamePrefix must be a list",
        ),
        (format!("{STORAGE}/fileNamePrefix"), Some(json!(["a_b"])), prefix),
        (format!("{STORAGE}/fileNamePrefix"), Some(json!(["a/b"])), prefix),
        (format!("{STORAGE}/fileNamePrefix"), Some(json!(["é"])), prefix),
        (
            format!("{STORAGE}/fileNamePrefix"),
            Some(json!(["x".repeat(64), "y".repeat(64)])),
            prefix,
        ),
        (
            EXTENSION.to_owned(),
            None,
            "storageConfig.extensionParams is required with vendor 11",
        ),
        (
            format!("{EXTENSION}/endpoint"),
            Some(json!("")),
            "extensionParams.endpoint is required",
        ),
        (
            format!("{EXTENSION}/endpoint"),
            Some(json!("ftp://h")),
            "extensionParams.endpoint must be a host, host:port or URL",
        ),
        (
            format!("{EXTENSION}/endpoint"),
            Some(json!("https://h/bucket")),
            "extensionParams.endpoint must be",
        ),
        (
            format!("{EXTENSION}/region"),
            Some(json!("a b")),
            "extensionParams.region must be a region's name",
        ),
        (
            format!("{EXTENSION}/sse"),
            Some(json!("kms")),
            "extensionParams.sse is not offered",
        ),
        (
            format!("{EXTENSION}/tag"),
            Some(json!("x")),
            "extensionParams.tag is not offered",
        ),
    ];
    for (pointer, value, part) in table {
        let response = service.answer(&post(&start_path(&resource_id), &set(start_body(), &pointer, value)));
        assert_error(&response, 400, 2, part);
        let body = body(&response);
        assert_eq!(
            (&body["cname"], &body["uid"], &body["resourceId"]),
            (&json!("demo"), &json!("527841"), &json!(resource_id))
        );
        assert!(
            !body.to_string().contains("hunter2") && !body.to_string().contains("verysecret"),
            "{body}"
        );
    }
    let amazon = json!({"vendor": 1, "bucket": "bbb", "accessKey": "A", "secretKey": "S"});
    for (region, part) in [
        (None, "storageConfig.region is required"),
        (
            Some(json!(26)),
            "storageConfig.region must be one of Amazon S3's numbers",
        ),
        (Some(json!("us-east-1")), "storageConfig.region must be a whole number"),
    ] {
        let storage = set(amazon.clone(), "/region", region);
        let response = service.answer(&post(
            &start_path(&resource_id),
            &set(start_body(), STORAGE, Some(storage)),
        ));
        assert_error(&response, 400, 2, part);
    }
}

#[test]
fn modes_and_updates_that_are_not_offered_say_so() {
    let service = Service::new();
    let resource_id = service.resource_id();
    for (mode, part) in [
        ("mix", "mode mix is not offered by this server"),
        ("web", "mode web is not offered by this server"),
        ("Individual", "the mode in the URL must be individual"),
    ] {
        let start = path(APP, &format!("resourceid/{resource_id}/mode/{mode}/start"));
        assert_error(&service.answer(&post(&start, &start_body())), 400, 2, part);
        let query = path(APP, &format!("resourceid/{resource_id}/sid/{SID}/mode/{mode}/query"));
        assert_error(&service.answer(&request("GET", &query)), 400, 2, part);
    }
    for action in ["update", "updateLayout"] {
        let response = service.answer(&post(&running_path(&resource_id, action), &json!({})));
        assert_error(&response, 400, 2, &format!("{action} is not offered by this server"));
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
