//! Every code of the documents' tables can be met, with its HTTP status. Those of rate limits and quotas are tested with
//! the limiter.

use super::*;
use crate::recording::{Outcome, Unfit};
use protocol::{EndCause, Fault, Refusal, RefusalCode};

/// HTTP status, and the code or the gateway's message.
fn told(response: &Response) -> (u16, Value) {
    let body = body(response);
    let told = body.get("code").or(body.get("message")).cloned();
    (response.status, told.unwrap_or_default())
}

fn empty(status: Status) -> Box<RecordingView> {
    Box::new(RecordingView {
        status,
        cause: Some(EndCause::Stopped),
        ..snapshot()
    })
}

fn refused(fault: Fault, code: RefusalCode) -> Outcome {
    Outcome::Refused(Refusal {
        fault,
        code,
        reason: "why".into(),
    })
}

#[test]
fn codes_of_outcomes() {
    let service = Service::new();
    let resource_id = service.resource_id();
    let names = json!({"cname": "demo", "uid": "527841"});
    let all = json!({"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["#allstream#"]}}});
    let with = |request: Value| set(names.clone(), "/clientRequest", Some(request));
    let mix = path(
        APP,
        &format!("resourceid/{resource_id}/sid/{SID}/mode/mix/updateLayout"),
    );
    let requests = [
        ("start", post(&start_path(&resource_id), &start_body())),
        ("query", request("GET", &running_path(&resource_id, "query"))),
        ("stop", post(&running_path(&resource_id, "stop"), &names)),
        ("update", post(&running_path(&resource_id, "update"), &with(all))),
        ("updateLayout", post(&mix, &with(json!({})))),
    ];
    let ending = || Outcome::AlreadyEnded(empty(Status::Stopping));
    let ended = || Outcome::AlreadyEnded(empty(Status::Ended));
    let not_found = || Outcome::NotFound { reason: "why".into() };
    let sid = || SID.to_owned();
    let table = [
        (
            "start",
            refused(Fault::Destination, RefusalCode::StorageUnusable),
            400,
            2,
        ),
        (
            "start",
            refused(Fault::Destination, RefusalCode::StorageUnavailable),
            206,
            65,
        ),
        ("start", Outcome::AlreadyStarted { sid: sid() }, 201, 7),
        ("start", Outcome::Conflict { sid: sid() }, 400, 53),
        ("start", Outcome::TicketSpent, 400, 433),
        ("start", refused(Fault::Ours, RefusalCode::Internal), 500, 500),
        ("start", refused(Fault::Ours, RefusalCode::NoCapacity), 500, 502),
        ("query", not_found(), 404, 404),
        ("query", Outcome::State(empty(Status::Ended)), 404, 404),
        ("query", Outcome::Mismatch, 400, 1003),
        ("stop", ending(), 400, 49),
        ("stop", ended(), 400, 49),
        ("stop", Outcome::Stopping(empty(Status::Stopping)), 206, 50),
        ("stop", Outcome::State(empty(Status::Ended)), 206, 435),
        ("stop", not_found(), 404, 404),
        ("stop", Outcome::Mismatch, 400, 1003),
        ("update", Outcome::Unfit(Unfit::Empty), 400, 2),
        ("update", ending(), 404, 501),
        ("update", ended(), 404, 404),
        ("updateLayout", Outcome::Unfit(Unfit::NotMixed), 400, 1028),
        ("updateLayout", ending(), 404, 501),
        ("updateLayout", ended(), 404, 404),
        ("updateLayout", Outcome::Mismatch, 400, 1003),
    ];
    for (call, outcome, status, code) in table {
        let (_, request) = requests.iter().find(|(name, _)| *name == call).unwrap();
        let response = service.pending(request).render(&outcome);
        assert_eq!(told(&response), (status, json!(code)), "{call} {outcome:?}");
        assert_eq!(body(&response)["resourceId"], json!(resource_id));
    }
    for (call, request) in &requests {
        assert_eq!(
            told(&service.pending(request).unreachable()),
            (206, json!(65)),
            "{call}"
        );
    }
}

#[test]
fn codes_of_requests() {
    let mut service = Service::new();
    let resource_id = service.resource_id();
    let names = json!({"cname": "demo", "uid": "527841"});
    let acquire = path(APP, "acquire");
    let cname = |cname: &str| set(names.clone(), "/cname", Some(json!(cname)));
    let start = |call: &str| path(APP, &format!("resourceid/{call}/mode/individual/start"));
    let sister = path(SISTER_APP, &format!("resourceid/{resource_id}/mode/individual/start"));
    let bad_sid = path(APP, &format!("resourceid/{resource_id}/sid/x/mode/individual/query"));
    let layout = path(
        APP,
        &format!("resourceid/{resource_id}/sid/{SID}/mode/mix/updateLayout"),
    );
    let wrong_layout = set(names.clone(), "/clientRequest/mixedVideoLayout", Some(json!(4)));
    let anonymous = Request {
        headers: Default::default(),
        ..post(&acquire, &names)
    };
    let mut wrong_secret = anonymous.clone();
    wrong_secret
        .headers
        .push("Authorization", format!("Basic {}", STANDARD.encode("alice:x")));
    let unknown = path(&"0".repeat(32), "acquire");
    let table = [
        (post(&acquire, &json!({"cname": "demo"})), 400, json!(2)),
        (post(&acquire, &json!([])), 400, json!(8)),
        (post(&path(DISABLED_APP, "acquire"), &names), 400, json!(62)),
        (
            post(&path(DISABLED_APP, "resourceid/r/mode/mix/start"), &start_body()),
            400,
            json!(405),
        ),
        (post(&acquire, &cname("a/b")), 400, json!(1013)),
        (post(&start("x"), &start_body()), 400, json!(1001)),
        (post(&start(&resource_id), &cname("other")), 400, json!(432)),
        (post(&sister, &start_body()), 400, json!(432)),
        (request("GET", &bad_sid), 400, json!(1003)),
        (post(&layout, &wrong_layout), 400, json!(1028)),
        (post(&unknown, &names), 400, json!("invalid appid")),
        (
            request("GET", &acquire),
            404,
            json!("no Route matched with those values"),
        ),
        (anonymous, 401, json!("Unauthorized")),
        (wrong_secret, 401, json!("Invalid authentication credentials")),
        (
            post(&path(FOREIGN_APP, "acquire"), &names),
            401,
            json!("Invalid authentication credentials"),
        ),
    ];
    for (request, status, code) in table {
        let response = service.answer(&request);
        assert_eq!(told(&response), (status, code), "{request:?} {}", body(&response));
    }
    service.now_ms = START_MS + 300_001;
    let late = service.answer(&post(&start(&resource_id), &start_body()));
    assert_eq!(told(&late), (400, json!(433)));
}
