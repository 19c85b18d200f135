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
    let Start {
        sid,
        ticket,
        spec,
        max_idle_ms,
        ..
    } = &**start;
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
    assert_eq!(*max_idle_ms, 30_000);
    assert!(spec.files.strict_extinf);
    assert_eq!(
        spec.files.tags.as_ref().map(|tags| tags.prefix.as_str()),
        Some("#EXT-X-AGORA-")
    );
    assert_eq!(
        (&*spec.files.names.before_uid, &*spec.files.names.before_track),
        ("__uid_s_", "__uid_e_")
    );
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
    assert_eq!(storage.kind, StorageKind::S3);
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

/// The command of a start with one field changed, as JSON.
fn start_with(pointer: &str, value: Value) -> Value {
    let service = Service::new();
    let body = set(start_body(), pointer, Some(value));
    let pending = service.pending(&post(&start_path(&service.resource_id()), &body));
    let Command::Start(start) = &pending.call.command else {
        panic!("{pending:?}")
    };
    serde_json::to_value(start).unwrap()
}

#[test]
fn start_takes_every_documented_form() {
    const CONFIG: &str = "/clientRequest/recordingConfig";
    let table = [
        (
            format!("{CONFIG}/channelType"),
            json!(0),
            "/spec/channel_type",
            json!("communication"),
        ),
        (
            format!("{CONFIG}/channelType"),
            json!(1),
            "/spec/channel_type",
            json!("live"),
        ),
        (
            format!("{CONFIG}/channelType"),
            json!(null),
            "/spec/channel_type",
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
            "/spec/playlist/strict_extinf",
            json!(false),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!("{\"correctEXTINF\":true}"),
            "/spec/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!("{\"other\":1}"),
            "/spec/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/privateParams"),
            json!(""),
            "/spec/playlist/strict_extinf",
            json!(true),
        ),
        (
            format!("{CONFIG}/subscribeAudioUids"),
            json!(["7"]),
            "/spec/subscription/audio",
            json!({"only": ["7"]}),
        ),
        (
            format!("{CONFIG}/subscribeUidGroup"),
            json!(5),
            "/spec/mode",
            json!("individual"),
        ),
        (
            format!("{CONFIG}/decryptionMode"),
            json!(0),
            "/spec/decryption",
            json!(null),
        ),
        (
            format!("{CONFIG}/videoStreamType"),
            json!(1),
            "/spec/subscription/quality",
            json!("low"),
        ),
        (
            format!("{CONFIG}/videoStreamType"),
            json!(0),
            "/spec/subscription/quality",
            json!("high"),
        ),
        (
            format!("{CONFIG}/streamMode"),
            json!("default"),
            "/spec/mode",
            json!("individual"),
        ),
        (
            format!("{CONFIG}/transcodingConfig"),
            json!(null),
            "/spec/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/recordingFileConfig".into(),
            json!({}),
            "/spec/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/appsCollection".into(),
            json!({"combinationPolicy": "default"}),
            "/spec/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/snapshotConfig".into(),
            json!(""),
            "/spec/mode",
            json!("individual"),
        ),
        (
            "/clientRequest/unknown".into(),
            json!({"x": 1}),
            "/spec/mode",
            json!("individual"),
        ),
    ];
    for (pointer, value, result, expected) in table {
        let start = start_with(&pointer, value);
        assert_eq!(start.pointer(result).unwrap_or(&Value::Null), &expected, "{pointer}");
    }
}

#[test]
fn start_refuses_and_names_the_field() {
    const CONFIG: &str = "/clientRequest/recordingConfig";
    let service = Service::new();
    let resource_id = service.resource_id();
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
            Some(json!(["hls", "hls"])),
            "recordingFileConfig.avFileType must be [\"hls\"]",
        ),
        (
            "/clientRequest/recordingFileConfig/multivariantPlaylists".to_owned(),
            Some(json!(1)),
            "recordingFileConfig.multivariantPlaylists must be true or false",
        ),
        (
            "/clientRequest/recordingFileConfig/maxFileDuration".to_owned(),
            Some(json!(600)),
            "recordingFileConfig.maxFileDuration needs",
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
}

#[test]
fn the_app_decides_about_playlists_where_the_start_does_not() {
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
        assert_eq!(start.spec.files.strict_extinf, strict, "{params}");
    }
    for (config, multivariant) in [
        (None, true),
        (Some(json!({})), true),
        (Some(json!({"multivariantPlaylists": false})), false),
    ] {
        let body = set(start_body(), "/clientRequest/recordingFileConfig", config);
        let pending = service.pending(&post(&start, &body));
        let Command::Start(start) = &pending.call.command else {
            panic!("{pending:?}")
        };
        assert_eq!(start.spec.outputs.multivariant, multivariant, "{body}");
    }
}
