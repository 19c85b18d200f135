//! Recordings that go to Alibaba Cloud's video-on-demand service.

use super::*;
use crate::recording::{Command, Outcome};
use protocol::{EndCause, Fault, Problem, ProblemCode, Storage, StorageKind, Vod, VodVideo};

const SERVICE: &str = "/clientRequest/extensionServiceConfig/extensionServices/0";

/// The documents' own example, with what each field may be.
fn vod_body() -> Value {
    let config = json!({
        "errorHandlePolicy": "error_abort",
        "extensionServices": [{
            "serviceName": "aliyun_vod_service",
            "errorHandlePolicy": "error_abort",
            "serviceParam": {
                "secretKey": "hunter2", "accessKey": "LTAI", "regionId": "cn-shanghai",
                "apiData": { "videoData": { "title": "My Video", "description": "This is my first video" } },
            },
        }],
    });
    let body = set(start_body(), "/clientRequest/extensionServiceConfig", Some(config));
    set(body, "/clientRequest/storageConfig", None)
}

/// Like [`set`], through lists too.
fn change(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

fn storage(targets: Targets, body: &Value) -> Result<Storage, String> {
    let mut service = Service::new();
    service.targets = targets;
    let start = path(APP, &format!("resourceid/{}/mode/mix/start", service.resource_id()));
    match service.send(&post(&start, body)) {
        Step::Call(pending) => {
            assert!(!format!("{pending:?}").contains("hunter2"));
            match &pending.call.command {
                Command::Start(start) => Ok(start.spec.storage.clone()),
                other => panic!("{other:?}"),
            }
        }
        Step::Respond(response) => Err(super::body(&response)["reason"].to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_service_stands_in_the_buckets_place() {
    let found = storage(Targets::Public, &vod_body()).unwrap();
    assert_eq!(
        (found.kind, found.endpoint.as_str(), found.region.as_str()),
        (
            StorageKind::AliyunVod,
            "https://vod.cn-shanghai.aliyuncs.com",
            "cn-shanghai"
        )
    );
    assert_eq!(
        (found.access_key.as_str(), found.secret_key.expose()),
        ("LTAI", "hunter2")
    );
    let told = [("Description", "This is my first video"), ("Title", "My Video")];
    assert_eq!(
        found.video,
        told.map(|(name, value)| (name.into(), value.into())).into()
    );
}

#[test]
fn every_field_of_the_video_arrives() {
    let data = json!({
        "title": "t", "description": "d", "coverUrl": "http://xxxxx", "cateId": "-1", "tags": "a,b",
        "templateGroupId": "g", "userData": "{\"Extend\":{}}", "storageLocation": "outin-x.oss-cn-shanghai.aliyuncs.com",
        "workflowId": "w",
    });
    let body = change(vod_body(), &format!("{SERVICE}/serviceParam/apiData/videoData"), data);
    let video = serde_json::to_value(storage(Targets::Public, &body).unwrap().video).unwrap();
    assert_eq!(
        video,
        json!({
            "Title": "t", "Description": "d", "CoverURL": "http://xxxxx", "CateId": "-1", "Tags": "a,b",
            "TemplateGroupId": "g", "UserData": "{\"Extend\":{}}",
            "StorageLocation": "outin-x.oss-cn-shanghai.aliyuncs.com", "WorkflowId": "w",
        })
    );
}

#[test]
fn regions_have_endpoints() {
    for (region, endpoint) in [
        ("cn-hangzhou", "https://vod.cn-shanghai.aliyuncs.com"),
        ("cn-beijing", "https://vod.cn-beijing.aliyuncs.com"),
        ("me-central-1", "https://vod.me-central-1.aliyuncs.com"),
        ("cn-qingdao", "https://vod.aliyuncs.com"),
        ("ap-southeast-2", "https://vod.aliyuncs.com"),
    ] {
        let body = change(vod_body(), &format!("{SERVICE}/serviceParam/regionId"), json!(region));
        assert_eq!(storage(Targets::Public, &body).unwrap().endpoint, endpoint, "{region}");
    }
    let endpoint = format!("{SERVICE}/serviceParam/endpoint");
    let own = change(vod_body(), &endpoint, json!("http://10.0.0.7:8080"));
    assert_eq!(storage(Targets::Any, &own).unwrap().endpoint, "http://10.0.0.7:8080");
    let refused = storage(Targets::Public, &own).unwrap_err();
    assert!(refused.contains("serviceParam.endpoint"), "{refused}");
}

#[test]
fn what_the_service_would_refuse_is_refused_at_once() {
    let data = |name: &str| format!("{SERVICE}/serviceParam/apiData/videoData/{name}");
    let services = json!([{}, {}].map(|_| vod_body().pointer(SERVICE).cloned()));
    for (pointer, value, field) in [
        (
            data("title"),
            json!("x".repeat(129)),
            "videoData.title must have at most 128",
        ),
        (data("description"), json!("x".repeat(1025)), "videoData.description"),
        (
            data("cateId"),
            json!("abc"),
            "videoData.cateId must hold a whole number",
        ),
        (
            data("tags"),
            json!("a,".repeat(17)),
            "videoData.tags must be at most 16 tags",
        ),
        (
            data("tags"),
            json!("x".repeat(33)),
            "videoData.tags must be at most 16 tags",
        ),
        (
            data("userData"),
            json!("not JSON"),
            "videoData.userData must hold a JSON object",
        ),
        (
            format!("{SERVICE}/serviceParam/regionId"),
            json!("cn-nowhere"),
            "serviceParam.regionId must be one of",
        ),
        (
            format!("{SERVICE}/serviceParam/secretKey"),
            json!("a b"),
            "serviceParam.secretKey must have",
        ),
        (
            "/clientRequest/extensionServiceConfig/extensionServices".to_owned(),
            services,
            "extensionServices[1].serviceName must not be there twice",
        ),
    ] {
        let reason = storage(Targets::Public, &change(vod_body(), &pointer, value)).unwrap_err();
        assert!(reason.contains(field), "{reason} lacks {field}");
    }
}

pub(super) fn snapshot() -> RecordingView {
    RecordingView {
        mode: Mode::Mix,
        status: Status::Recording,
        phase: Some(Phase::Recording),
        first_media_ms: Some(START_MS + 1_000),
        pending_uploads: 2,
        vod: Some(Vod {
            videos: vec![VodVideo {
                name: format!("{SID}_demo.m3u8"),
                video_id: "3af7751d658a4381bbed893381708c92".to_owned(),
            }],
            complete: false,
        }),
        ..super::snapshot()
    }
}

fn told(call: &str, snapshot: RecordingView) -> Value {
    let service = Service::new();
    let running = running_path(&service.resource_id(), call);
    let request = match call {
        "query" => request("GET", &running),
        _ => post(
            &running,
            &json!({"cname": "demo", "uid": "527841", "clientRequest": {}}),
        ),
    };
    let response = service.pending(&request).render(&Outcome::State(Box::new(snapshot)));
    body(&response)["serverResponse"].clone()
}

#[test]
fn query_tells_the_services_state() {
    let mut response = told("query", snapshot());
    let object = response.as_object_mut().unwrap();
    // Not in the documents' example, but what a client asks first.
    assert_eq!(object.remove("status"), Some(json!(5)));
    assert_eq!(object.remove("sliceStartTime"), Some(json!(START_MS + 1_000)));
    assert_eq!(
        response,
        json!({
            "extensionServiceState": [{
                "payload": {
                    "state": "inProgress",
                    "videoInfo": [{
                        "fileName": format!("{SID}_demo.m3u8"),
                        "videoId": "3af7751d658a4381bbed893381708c92",
                    }],
                },
                "serviceName": "aliyun_vod_service",
            }],
            "subServiceStatus": { "recordingService": "serviceInProgress" },
        })
    );
}

#[test]
fn stop_tells_the_files_too() {
    let ended = RecordingView {
        status: Status::Ended,
        cause: Some(EndCause::Stopped),
        ended_ms: Some(START_MS + 9_000),
        pending_uploads: 0,
        files: vec![protocol::RecordedFile {
            name: format!("{SID}_demo.m3u8"),
            track: protocol::TrackKind::Both,
            kind: protocol::FileKind::Playlist,
            uid: "0".to_owned(),
            start_ms: START_MS,
            duration_ms: 5_000,
            slices: 1,
            bytes: 9,
            uploaded_slices: 1,
            md5: None,
        }],
        ..snapshot()
    };
    let response = told("stop", ended);
    assert_eq!(response["uploadingStatus"], "uploaded", "{response}");
    assert_eq!(response["fileList"], format!("{SID}_demo.m3u8"));
    assert_eq!(response["extensionServiceState"][0]["payload"]["state"], "idle");
    assert_eq!(response["subServiceStatus"]["recordingService"], "serviceCompleted");
}

#[test]
fn the_recording_service_has_the_documented_states() {
    let problem = |code: ProblemCode| Problem {
        fault: Fault::Destination,
        code,
        message: "no".to_owned(),
        at_ms: 1,
    };
    let idle = |snapshot: RecordingView| RecordingView {
        first_media_ms: None,
        pending_uploads: 0,
        ..snapshot
    };
    let failed = RecordingView {
        status: Status::Stopping,
        cause: Some(EndCause::Failed),
        ..snapshot()
    };
    let table = [
        (
            idle(RecordingView {
                status: Status::Placing,
                phase: None,
                ..snapshot()
            }),
            "idle",
            "serviceIdle",
        ),
        (
            idle(RecordingView {
                status: Status::Started,
                phase: Some(Phase::Starting),
                ..snapshot()
            }),
            "idle",
            "serviceStarted",
        ),
        (
            idle(RecordingView {
                status: Status::Started,
                ..snapshot()
            }),
            "idle",
            "serviceReady",
        ),
        (
            RecordingView {
                idle_since_ms: Some(START_MS),
                pending_uploads: 0,
                ..snapshot()
            },
            "idle",
            "serviceInProgress",
        ),
        (
            RecordingView {
                status: Status::Stopping,
                ..snapshot()
            },
            "inProgress",
            "serviceInProgress",
        ),
        (
            RecordingView {
                status: Status::Failed,
                ..snapshot()
            },
            "inProgress",
            "servicePartialCompleted",
        ),
        (
            RecordingView {
                problems: vec![problem(ProblemCode::UploadRefused)],
                ..failed.clone()
            },
            "inProgress",
            "serviceAbnormal",
        ),
        (
            RecordingView {
                problems: vec![problem(ProblemCode::VodRefused)],
                ..failed
            },
            "inProgress",
            "serviceValidationFailed",
        ),
    ];
    for (snapshot, state, service) in table {
        let response = told("query", snapshot);
        assert_eq!(
            (
                &response["extensionServiceState"][0]["payload"]["state"],
                &response["subServiceStatus"]["recordingService"]
            ),
            (&json!(state), &json!(service)),
            "{response}"
        );
    }
}
