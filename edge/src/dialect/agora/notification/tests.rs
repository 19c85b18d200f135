use std::collections::BTreeSet;

use super::*;
use crate::access::Callback;
use crate::dialect::samples::samples;
use crate::dialect::vendor::Vendor as _;
use protocol::{EndCause, FileKind, Mode, RecordedFile, RecorderKey, TrackKind};

fn subject() -> Subject {
    Subject {
        key: RecorderKey {
            app_id: "a".into(),
            channel: "room".into(),
            uid: "527841".into(),
        },
        sid: "s".repeat(32),
        mode: Mode::Individual,
        pictures_only: false,
    }
}

/// The examples of the events that a callback wants, with their types.
fn examples(events: Option<&[u32]>) -> Vec<(u32, Subject, Notice)> {
    let callback = Callback {
        url: Secret::new("https://h/"),
        secret: Secret::new("k"),
        events: events.map(<[u32]>::to_vec),
    };
    let wanted = samples("a", |event| Flavour::Agora.wants(event, &callback), 1_000);
    let typed = wanted
        .into_iter()
        .map(|(subject, notice)| (event_type(&notice.event), subject, notice));
    typed.collect()
}

fn body(event: Event, flavour: Flavour) -> Value {
    let notice = Notice {
        number: 4,
        at_ms: 1_000,
        event,
    };
    let notification = notification(&subject(), &notice, flavour, &Secret::new("k"), 2_000);
    serde_json::from_slice(notification.body.as_deref().unwrap()).unwrap()
}

#[test]
fn the_body_has_the_documented_fields() {
    let sid = "s".repeat(32);
    assert_eq!(
        body(Event::RecorderStarted, Flavour::Agora),
        json!({
            "noticeId": format!("{sid}:4"),
            "productId": 3,
            "eventType": 40,
            "notifyMs": 2_000,
            "sid": sid,
            "payload": {
                "cname": "room",
                "uid": "527841",
                "sid": sid,
                "sequence": 4,
                "sendts": 1_000,
                "serviceType": 1,
                "serviceScene": "rtc_record",
                "details": { "msgName": "recorder_started", "status": 0 },
            },
        })
    );
}

#[test]
fn anyrtcs_details_are_a_text() {
    let body = body(Event::RecorderStarted, Flavour::Anyrtc);
    let details = body["payload"]["details"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(details).unwrap(),
        json!({ "eventType": 40, "msgName": "recorder_started", "status": 0 })
    );
    assert_eq!(body["payload"].get("serviceScene"), None);
}

#[test]
fn a_repeat_differs_in_its_time_only() {
    let notice = Notice {
        number: 0,
        at_ms: 1,
        event: Event::UploaderStarted,
    };
    let at = |now_ms| {
        let notification = notification(&subject(), &notice, Flavour::Agora, &Secret::new("k"), now_ms);
        let mut body: Value = serde_json::from_slice(notification.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["notifyMs"], now_ms);
        body["notifyMs"] = Value::Null;
        body
    };
    assert_eq!(at(5), at(6));
}

#[test]
fn every_documented_type_that_can_occur_has_its_own_example() {
    let types: Vec<_> = examples(None).iter().map(|sample| sample.0).collect();
    assert_eq!(
        types,
        [1, 2, 3, 4, 11, 12, 30, 31, 32, 33, 40, 41, 42, 43, 44, 45, 60, 61]
    );
    let some: Vec<_> = examples(Some(&[31, 40, 999])).iter().map(|sample| sample.0).collect();
    assert_eq!(some, [31, 40]);
    let ids: BTreeSet<_> = examples(None)
        .iter()
        .map(|(_, subject, notice)| notice_id(&subject.sid, notice.number))
        .collect();
    assert_eq!(ids.len(), types.len());
}

/// One row for each type: serviceType and the details of the example.
#[test]
fn the_details_are_as_documented() {
    let file = "00000000000000000000000000000000_test_webhook__uid_s_7__uid_e_audio.m3u8";
    let entry = json!({
        "fileName": file, "filename": file, "trackType": "audio", "uid": "7", "mixedAllUser": false,
        "isPlayable": true, "sliceStartTime": 1_000,
    });
    let slice = json!({
        "msgName": "recorder_slice_start", "startUtcMs": 1_000, "discontinueUtcMs": 1_000, "mixedAllUser": false,
        "streamUid": "7", "trackType": "audio",
    });
    let stream = |name| json!({ "msgName": name, "streamUid": "7", "state": 0, "UtcMs": 1_000, "utcMs": 1_000 });
    let expected = [
        json!({
            "msgName": "cloud_recording_error", "module": 1, "errorLevel": 4, "errorCode": 32, "stat": 1,
            "errorMsg": "this is a test", "problem": "upload_refused", "fault": "destination",
        }),
        json!({
            "msgName": "cloud_recording_warning", "module": 1, "warnCode": 31, "warnMsg": "this is a test",
            "problem": "upload_failing", "fault": "destination",
        }),
        json!({ "msgName": "cloud_recording_status_update", "status": 5, "recordingMode": 1, "fileList": file }),
        json!({ "msgName": "cloud_recording_file_infos", "fileList": file }),
        json!({ "msgName": "session_exit", "exitStatus": 0 }),
        json!({ "msgName": "session_failover", "newUid": 12_121_212 }),
        json!({ "msgName": "uploader_started", "status": 0 }),
        json!({ "msgName": "uploaded", "status": 0, "fileList": [entry] }),
        json!({ "msgName": "backuped", "status": 0, "fileList": [entry] }),
        json!({ "msgName": "uploading_progress", "progress": 5_000 }),
        json!({ "msgName": "recorder_started", "status": 0 }),
        json!({ "msgName": "recorder_leave", "leaveCode": 16 }),
        slice,
        stream("recorder_audio_stream_state_changed"),
        stream("recorder_video_stream_state_changed"),
        json!({
            "msgName": "recorder_snapshot_file",
            "fileName": "00000000000000000000000000000000_test_webhook__uid_s_7__uid_e_video_20260101000000000.jpg",
        }),
        json!({ "msgName": "vod_started", "aliVodInfo": { "videoId": "test" } }),
        json!({ "msgName": "vod_triggered" }),
    ];
    let services = [0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 4, 4];
    let samples = examples(None);
    assert_eq!((samples.len(), expected.len()), (services.len(), services.len()));
    for (((event_type, subject, notice), details), service) in samples.iter().zip(expected).zip(services) {
        let notification = notification(subject, notice, Flavour::Agora, &Secret::new("k"), 1_000);
        let body: Value = serde_json::from_slice(notification.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["eventType"], *event_type);
        assert_eq!(body["payload"]["serviceType"], service, "{event_type}");
        assert_eq!(body["payload"]["details"], details, "{event_type}");
    }
}

#[test]
fn mixed_recordings_and_bad_ends() {
    let mut subject = subject();
    subject.mode = Mode::Mix;
    let details = |event: Event| {
        let notice = Notice {
            number: 0,
            at_ms: 0,
            event,
        };
        let notification = notification(&subject, &notice, Flavour::Agora, &Secret::new("k"), 0);
        serde_json::from_slice::<Value>(notification.body.as_deref().unwrap()).unwrap()["payload"]["details"].clone()
    };
    let file = |name: &str, kind| RecordedFile {
        name: name.into(),
        track: TrackKind::Both,
        kind,
        uid: "0".into(),
        start_ms: 5,
        duration_ms: 1,
        slices: 1,
        bytes: 1,
        uploaded_slices: 1,
        md5: None,
    };
    let files = vec![file("a.m3u8", FileKind::Playlist), file("a_0.mp4", FileKind::Mp4)];
    let list = &details(Event::Uploaded { files })["fileList"];
    assert_eq!(
        (&list[0]["fileName"], &list[1]["fileName"], &list[1]["mixedAllUser"]),
        (&json!("a_0.mp4"), &json!("a.m3u8"), &json!(true))
    );
    for (cause, complete, status) in [
        (EndCause::Stopped, true, 0),
        (EndCause::Idle, true, 0),
        (EndCause::Stopped, false, 1),
        (EndCause::Failed, true, 1),
        (EndCause::NodeLost, false, 1),
    ] {
        assert_eq!(details(Event::Exited { cause, complete })["exitStatus"], status);
    }
    for (cause, code) in [(EndCause::Idle, 4), (EndCause::Failed, 0), (EndCause::LeaseLost, 2)] {
        assert_eq!(details(Event::RecorderLeft { cause })["leaveCode"], code);
    }
    let expired = details(Event::TokenExpired);
    assert_eq!((&expired["module"], &expired["errorCode"]), (&json!(0), &json!(109)));
}
