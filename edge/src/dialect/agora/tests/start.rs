use super::*;
use crate::recording::{Command, Preference, Start, Ticket};
use protocol::{Mode, RecorderKey, Selection, StorageKind, StreamTypes};

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
            expires_hours: 72,
            preference: Preference::default(),
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
        (
            format!("{CONFIG}/channelType"),
            json!(0),
            "/channel_type",
            json!("communication"),
        ),
        (
            format!("{CONFIG}/channelType"),
            json!(1),
            "/channel_type",
            json!("live"),
        ),
        (
            format!("{CONFIG}/channelType"),
            json!(null),
            "/channel_type",
            json!("communication"),
        ),
        (format!("{CONFIG}/maxIdleTime"), json!(5), "/max_idle_ms", json!(5_000)),
        (
            format!("{CONFIG}/maxIdleTime"),
            json!(u32::MAX),
            "/max_idle_ms",
            json!(4_294_967_295_000_u64),
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
        (format!("{CONFIG}/decryptionMode"), json!(0), "/decryption", json!(null)),
        (
            format!("{CONFIG}/videoStreamType"),
            json!(1),
            "/subscription/quality",
            json!("low"),
        ),
        (
            format!("{CONFIG}/videoStreamType"),
            json!(0),
            "/subscription/quality",
            json!("high"),
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
            "recordingConfig.maxIdleTime must be a whole number from 5 to 4294967295",
        ),
        (
            format!("{CONFIG}/maxIdleTime"),
            Some(json!(4_294_967_296_u64)),
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
            "recordingConfig.secret is required",
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            Some(json!(9)),
            "recordingConfig.decryptionMode must be",
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            Some(json!(4)),
            "recordingConfig.decryptionMode must be 0 to 3",
        ),
        (
            format!("{CONFIG}/videoStreamType"),
            Some(json!(2)),
            "recordingConfig.videoStreamType must be a whole number from 0 to 1",
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
            "clientRequest.snapshotConfig.fileType is required",
        ),
        (
            "/clientRequest/extensionServiceConfig".to_owned(),
            Some(json!({})),
            "clientRequest.extensionServiceConfig.extensionServices is required",
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
fn the_app_decides_about_extinf_where_the_start_does_not() {
    let service = Service::new();
    let acquire = post(&path(SISTER_APP, "acquire"), &json!({"cname": "demo", "uid": "527841"}));
    let resource_id = body(&service.answer(&acquire))["resourceId"]
        .as_str()
        .unwrap()
        .to_owned();
    let start = path(SISTER_APP, &format!("resourceid/{resource_id}/mode/individual/start"));
    for (params, strict) in [("", false), ("{}", false), ("{\"correctEXTINF\":true}", true)] {
        let body = set(
            start_body(),
            "/clientRequest/recordingConfig/privateParams",
            Some(json!(params)),
        );
        let pending = service.pending(&post(&start, &body));
        let Command::Start(start) = &pending.call.command else {
            panic!("{pending:?}")
        };
        assert_eq!(start.spec.playlist.strict_extinf, strict, "{params}");
    }
}
