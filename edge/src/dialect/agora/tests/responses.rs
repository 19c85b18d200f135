use super::*;
use crate::recording::Outcome;
use protocol::{EndCause, Fault, Problem, ProblemCode, RecordedFile, Refusal, RefusalCode, TrackKind};

fn snapshot() -> RecordingView {
    RecordingView {
        files: vec![file(TrackKind::Audio), file(TrackKind::Video)],
        ..super::snapshot()
    }
}

fn file(track: TrackKind) -> RecordedFile {
    RecordedFile {
        kind: protocol::FileKind::Playlist,
        name: format!(
            "a/b/{SID}_demo__uid_s_7__uid_e_{}.m3u8",
            if track == TrackKind::Audio { "audio" } else { "video" }
        ),
        track,
        uid: "7".into(),
        start_ms: START_MS + 2000,
        duration_ms: 30_000,
        slices: 2,
        bytes: 1000,
        uploaded_slices: 2,
        md5: None,
    }
}

fn ended(cause: EndCause) -> RecordingView {
    let status = if cause == EndCause::Failed {
        Status::Failed
    } else {
        Status::Ended
    };
    RecordingView {
        status,
        cause: Some(cause),
        ended_ms: Some(START_MS + 60_000),
        ..snapshot()
    }
}

fn problem(message: &str) -> Problem {
    Problem {
        fault: Fault::Destination,
        code: ProblemCode::UploadRefused,
        message: message.into(),
        at_ms: 9,
    }
}

fn render(call: &str, outcome: &Outcome) -> (u16, Value) {
    let service = Service::new();
    let resource_id = service.resource_id();
    let stop = |async_stop| json!({"cname": "demo", "uid": "527841", "clientRequest": {"async_stop": async_stop}});
    let request = match call {
        "start" => post(&start_path(&resource_id), &start_body()),
        "query" => request("GET", &running_path(&resource_id, "query")),
        "stop" => post(&running_path(&resource_id, "stop"), &stop(false)),
        _ => post(&running_path(&resource_id, "stop"), &stop(true)),
    };
    let response = service.pending(&request).render(outcome);
    let mut body = body(&response);
    let object = body.as_object_mut().unwrap();
    assert_eq!(object.remove("cname"), Some(json!("demo")));
    assert_eq!(object.remove("uid"), Some(json!("527841")));
    assert_eq!(object.remove("resourceId"), Some(json!(resource_id)));
    (response.status, body)
}

fn state(snapshot: RecordingView) -> Outcome {
    Outcome::State(Box::new(snapshot))
}

fn assert_reason(body: &Value, parts: &[&str]) {
    let reason = body["reason"].as_str().unwrap();
    assert!(
        parts.iter().all(|part| reason.contains(part)),
        "{reason:?} lacks one of {parts:?}"
    );
}

#[test]
fn start() {
    let refused = |fault, code| {
        Outcome::Refused(Refusal {
            fault,
            code,
            reason: "bucket x is missing".into(),
        })
    };
    let table = [
        (Outcome::Started { sid: SID.into() }, 200, json!(null), ""),
        (
            Outcome::AlreadyStarted { sid: SID.into() },
            201,
            json!(7),
            "already started",
        ),
        (
            Outcome::Conflict { sid: "other".into() },
            400,
            json!(53),
            "task conflict: another resource ID",
        ),
        (
            Outcome::TicketSpent,
            400,
            json!(433),
            "resource ID expired: a resource ID is good for one recording",
        ),
        (
            refused(Fault::Caller, RefusalCode::BadJob),
            400,
            json!(2),
            "bucket x is missing",
        ),
        (
            refused(Fault::Destination, RefusalCode::StorageUnusable),
            400,
            json!(2),
            "bucket x is missing",
        ),
        (
            refused(Fault::Ours, RefusalCode::NoCapacity),
            500,
            json!(502),
            "Failed to allocate worker: bucket",
        ),
        (
            refused(Fault::Ours, RefusalCode::Draining),
            500,
            json!(502),
            "Failed to allocate worker",
        ),
        (
            refused(Fault::Ours, RefusalCode::Internal),
            500,
            json!(500),
            "internal_error: bucket",
        ),
        (Outcome::Mismatch, 500, json!(500), "internal_error"),
    ];
    for (outcome, status, code, part) in table {
        let (got, body) = render("start", &outcome);
        assert_eq!((got, &body["code"]), (status, &code), "{outcome:?} {body}");
        assert!(body["reason"].as_str().unwrap_or_default().contains(part), "{body}");
        assert_eq!(body.get("sid").is_some(), status < 300, "{body}");
    }
    assert_eq!(
        render("start", &Outcome::Started { sid: SID.into() }).1,
        json!({"sid": SID})
    );
}

#[test]
fn query_of_a_running_recording() {
    for (status, number) in [
        (Status::Placing, 2),
        (Status::Started, 4),
        (Status::Recording, 5),
        (Status::Stopping, 6),
    ] {
        let (got, body) = render("query", &state(RecordingView { status, ..snapshot() }));
        assert_eq!((got, &body["serverResponse"]["status"]), (200, &json!(number)));
    }
    let name = |kind| format!("a/b/{SID}_demo__uid_s_7__uid_e_{kind}.m3u8");
    let entry = |kind| {
        json!({
            "fileName": name(kind), "filename": name(kind), "trackType": kind, "uid": "7", "mixedAllUser": false,
            "isPlayable": true, "sliceStartTime": START_MS + 2000,
        })
    };
    let expected = json!({
        "sid": SID,
        "serverResponse": {
            "fileListMode": "json",
            "fileList": [entry("audio"), entry("video")],
            "status": 5,
            "sliceStartTime": START_MS + 1500,
        },
    });
    assert_eq!(render("query", &state(snapshot())), (200, expected));

    let fresh = RecordingView {
        first_media_ms: None,
        files: vec![],
        ..snapshot()
    };
    let (_, body) = render("query", &state(fresh));
    assert_eq!(body["serverResponse"]["fileList"], json!([]));
    assert_eq!(body["serverResponse"]["sliceStartTime"], json!(START_MS));

    let unconfirmed = RecordedFile {
        uploaded_slices: 0,
        ..file(TrackKind::Audio)
    };
    let (_, body) = render(
        "query",
        &state(RecordingView {
            files: vec![unconfirmed],
            ..snapshot()
        }),
    );
    assert_eq!(body["serverResponse"]["fileList"][0]["isPlayable"], json!(false));

    let (_, body) = render(
        "query",
        &state(RecordingView {
            problems: vec![problem("the bucket refuses")],
            ..snapshot()
        }),
    );
    assert_eq!(
        body["serverResponse"]["problems"],
        json!([{"fault": "destination", "code": "upload_refused", "message": "the bucket refuses", "atMs": 9}])
    );
}

#[test]
fn query_of_an_ended_recording_says_why() {
    for (cause, status, part) in [
        (EndCause::Stopped, 8, "it was stopped"),
        (EndCause::Idle, 8, "nobody sent media in the channel for maxIdleTime"),
        (EndCause::NodeLost, 8, "its media node was lost"),
        (EndCause::LeaseLost, 8, "another media node"),
        (EndCause::Failed, 20, "the recorder failed"),
    ] {
        let (got, body) = render("query", &state(ended(cause)));
        assert_eq!((got, &body["code"], &body["sid"]), (404, &json!(404), &json!(SID)));
        assert_reason(
            &body,
            &[
                "failed to find worker: the recording ended at 2023-11-14 22:14:20 UTC: ",
                part,
            ],
        );
        assert_eq!(body["serverResponse"]["status"], json!(status));
        assert_eq!(body["serverResponse"]["fileList"].as_array().unwrap().len(), 2);
    }
    let problems = (0..5).map(|n| problem(&format!("problem {n}"))).collect();
    let (_, body) = render(
        "query",
        &state(RecordingView {
            problems,
            ..ended(EndCause::Failed)
        }),
    );
    assert_reason(&body, &["the recorder failed; problem 2; problem 3; problem 4"]);
}

#[test]
fn query_and_stop_of_what_is_not_there() {
    for call in ["query", "stop"] {
        let not_found = Outcome::NotFound {
            reason: "its resourceExpiredHour is over".into(),
        };
        let (status, body) = render(call, &not_found);
        assert_eq!((status, &body["code"]), (404, &json!(404)));
        assert_reason(&body, &["failed to find worker: its resourceExpiredHour is over"]);
        let (status, body) = render(call, &Outcome::Mismatch);
        assert_eq!((status, &body["code"]), (400, &json!(1003)));
        let (status, body) = render(call, &Outcome::TicketSpent);
        assert_eq!((status, &body["code"]), (500, &json!(500)));
    }
}

#[test]
fn stop_of_a_running_recording() {
    let (status, body) = render("stop", &state(ended(EndCause::Stopped)));
    assert_eq!(status, 200);
    let response = &body["serverResponse"];
    assert_eq!(response["uploadingStatus"], "uploaded");
    assert_eq!(response["fileListMode"], "json");
    assert_eq!(response["fileList"].as_array().unwrap().len(), 2);
    assert!(body.get("code").is_none() && response.get("status").is_none(), "{body}");

    let partly = RecordedFile {
        uploaded_slices: 1,
        ..file(TrackKind::Video)
    };
    let given_up = RecordingView {
        files: vec![partly],
        problems: vec![problem("AccessDenied")],
        ..ended(EndCause::Stopped)
    };
    let (status, body) = render("stop", &state(given_up));
    assert_eq!((status, &body["code"]), (206, &json!(50)));
    assert_reason(
        &body,
        &["upload timeout: the recording is over, and not all of it reached the store; AccessDenied"],
    );
    assert_eq!(body["serverResponse"]["uploadingStatus"], "unknown");
}

#[test]
fn stop_of_a_recording_without_media() {
    for (cause, part) in [
        (
            EndCause::Stopped,
            "no recorded data: nothing came that could be recorded of the users that it subscribes to",
        ),
        (
            EndCause::Idle,
            "no recorded data: nothing came that could be recorded for maxIdleTime",
        ),
        (EndCause::Failed, "no recorded data: the recorder failed"),
    ] {
        let empty = RecordingView {
            files: vec![],
            problems: vec![problem("the camera refuses")],
            ..ended(cause)
        };
        let (status, body) = render("stop", &state(empty));
        assert_eq!((status, &body["code"]), (206, &json!(435)));
        assert_reason(&body, &[part, "; the camera refuses"]);
        assert_eq!(body["serverResponse"]["fileList"], json!([]));
    }
}

#[test]
fn stop_whose_uploads_go_on() {
    let going_on = Outcome::Stopping(Box::new(RecordingView {
        status: Status::Stopping,
        pending_uploads: 3,
        backed_up: None,
        ..snapshot()
    }));
    let (status, body) = render("stop", &going_on);
    assert_eq!((status, &body["code"]), (206, &json!(50)));
    assert_reason(
        &body,
        &["upload timeout: 3 files are waiting for the store; uploads continue"],
    );
    assert_eq!(body["serverResponse"]["uploadingStatus"], "unknown");

    let (status, body) = render("async stop", &going_on);
    assert_eq!((status, body.get("code")), (200, None));
    assert_eq!(body["serverResponse"]["uploadingStatus"], "unknown");
}

#[test]
fn stop_of_an_ended_recording() {
    for call in ["stop", "async stop"] {
        let (status, body) = render(call, &Outcome::AlreadyEnded(Box::new(ended(EndCause::Idle))));
        assert_eq!((status, &body["code"], &body["sid"]), (400, &json!(49), &json!(SID)));
        assert_reason(
            &body,
            &["invalid operation: the recording ended at 2023-11-14 22:14:20 UTC: nobody sent media"],
        );
        assert_eq!(body["serverResponse"]["uploadingStatus"], "uploaded");
        assert_eq!(body["serverResponse"]["fileList"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn an_unreachable_recorder_may_be_asked_again() {
    let service = Service::new();
    let resource_id = service.resource_id();
    let response = service
        .pending(&request("GET", &running_path(&resource_id, "query")))
        .unreachable();
    let body = body(&response);
    assert_eq!(
        (response.status, &body["code"], &body["sid"]),
        (206, &json!(65), &json!(SID))
    );
}

#[test]
fn stop_whose_slices_are_in_the_backup_store() {
    let backed_up = |complete| {
        Outcome::Stopping(Box::new(RecordingView {
            status: Status::Stopping,
            phase: Some(protocol::Phase::Draining),
            pending_uploads: 3,
            backed_up: Some(protocol::BackedUp { files: 2, complete }),
            ..snapshot()
        }))
    };
    let (status, body) = render("stop", &backed_up(true));
    assert_eq!((status, body.get("code")), (200, None));
    let response = &body["serverResponse"];
    assert_eq!(
        (&response["uploadingStatus"], &response["backedUpFiles"]),
        (&json!("backuped"), &json!(2))
    );
    let (status, body) = render("stop", &backed_up(false));
    assert_eq!((status, &body["code"]), (206, &json!(50)));
    assert_eq!(body["serverResponse"]["uploadingStatus"], "unknown");
}
