//! anyRTC's flavour: what differs from Agora's.

use super::*;
use crate::recording::{Command, Outcome};

fn envelope(response: &Response) -> Value {
    let envelope = body(response);
    assert_eq!(envelope["Code"], json!(response.status), "{envelope}");
    assert_eq!(envelope.as_object().unwrap().len(), 2, "{envelope}");
    envelope["Body"].clone()
}

fn acquire(service: &Service, uid: &str) -> String {
    let response = service.answer(&post(
        &path(ANYRTC_APP, "acquire"),
        &json!({"cname": "demo", "uid": uid}),
    ));
    assert_eq!(response.status, 200);
    let body = envelope(&response);
    assert_eq!((&body["cname"], &body["uid"]), (&json!("demo"), &json!(uid)));
    body["resourceId"].as_str().unwrap().to_owned()
}

fn start(service: &Service, uid: &str, change: impl FnOnce(Value) -> Value) -> Step {
    let call = format!("resourceid/{}/mode/individual/start", acquire(service, uid));
    let request = change(set(start_body(), "/uid", Some(json!(uid))));
    service.send(&post(&path(ANYRTC_APP, &call), &request))
}

#[test]
fn uids_are_texts() {
    let service = Service::new();
    for uid in ["527841", "anna-1", "安娜", "0"] {
        let uids = |body| {
            set(
                body,
                "/clientRequest/recordingConfig/subscribeAudioUids",
                Some(json!(["bob", "#allstream#"])),
            )
        };
        let Step::Call(pending) = start(&service, uid, uids) else {
            panic!("{uid}")
        };
        assert_eq!(pending.call.key.uid, uid);
    }
    let long = json!({"cname": "demo", "uid": "x".repeat(49)});
    let response = service.answer(&post(&path(ANYRTC_APP, "acquire"), &long));
    assert_eq!(response.status, 400);
    let body = envelope(&response);
    assert_eq!(body["code"], json!(2));
    assert!(
        body["reason"]
            .as_str()
            .unwrap()
            .contains("uid must be a string that holds 1 to 48 characters"),
        "{body}"
    );
}

#[test]
fn every_answer_of_the_service_stands_in_the_envelope() {
    let service = Service::new();
    let Step::Call(pending) = start(&service, "anna", |body| body) else {
        panic!()
    };
    assert!(matches!(pending.call.command, Command::Start(_)));
    let started = pending.render(&Outcome::Started { sid: SID.into() });
    assert_eq!((started.status, &envelope(&started)["sid"]), (200, &json!(SID)));
    let conflict = pending.render(&Outcome::Conflict { sid: SID.into() });
    assert_eq!((conflict.status, &envelope(&conflict)["code"]), (400, &json!(53)));
    envelope(&pending.unreachable());

    // The gateway does not know the app, so it has no flavour.
    let stranger = Request {
        headers: Default::default(),
        ..post(&path(ANYRTC_APP, "acquire"), &json!({}))
    };
    assert_eq!(body(&service.answer(&stranger)), json!({"message": "Unauthorized"}));
}

#[test]
fn vendor_and_region_may_be_left_out_for_zero() {
    let service = Service::new();
    let storage = |storage: Value| move |body| set(body, "/clientRequest/storageConfig", Some(storage));
    let s3 = json!({"vendor": 1, "bucket": "bucket", "accessKey": "A", "secretKey": "S"});
    let Step::Call(pending) = start(&service, "anna", storage(s3)) else {
        panic!()
    };
    let Command::Start(start_command) = &pending.call.command else {
        panic!()
    };
    assert_eq!(start_command.spec.storage.region, "us-east-1");
    let qiniu = json!({"bucket": "bucket", "accessKey": "A", "secretKey": "S"});
    let Step::Call(pending) = start(&service, "anna", storage(qiniu)) else {
        panic!()
    };
    let Command::Start(start_command) = &pending.call.command else {
        panic!()
    };
    assert_eq!(start_command.spec.storage.endpoint, "https://s3.cn-east-1.qiniucs.com");
    let private = json!({"vendor": 100, "bucket": "http://host:1/upload"});
    let Step::Respond(response) = start(&service, "anna", storage(private)) else {
        panic!()
    };
    let reason = envelope(&response)["reason"].clone();
    assert!(reason.as_str().unwrap().contains("vendor must not be 100"), "{reason}");
}

#[test]
fn snapshots_exclude_media_files() {
    let service = Service::new();
    let snapshots = |body| {
        set(
            body,
            "/clientRequest/snapshotConfig",
            Some(json!({"fileType": ["jpg"]})),
        )
    };
    let Step::Respond(response) = start(&service, "anna", snapshots) else {
        panic!()
    };
    let reason = envelope(&response)["reason"].clone();
    assert!(
        reason
            .as_str()
            .unwrap()
            .contains("must not be set together with recordingFileConfig"),
        "{reason}"
    );
}
