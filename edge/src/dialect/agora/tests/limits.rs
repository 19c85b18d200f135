//! Limits: what a request takes of them, and the answer when there is none left.

use super::*;
use crate::access::Method;
use crate::app::{Denial, Room, Verdict};
use crate::dialect::Admission;
use crate::dialect::agora::admission::with_limits;
use crate::recording::Outcome;

fn admission(service: &Service, request: &Request) -> Admission {
    match service.receive(request) {
        Step::Admit(admission) => *admission,
        other => panic!("{other:?}"),
    }
}

fn denied(admission: Admission, denial: Denial) -> Response {
    let verdict = verdict(Some(denial));
    match admission.decide(Some(&verdict)) {
        Step::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

fn verdict(denial: Option<Denial>) -> Verdict {
    Verdict {
        at_ms: START_MS,
        limit: 10,
        remaining: 4,
        denial,
    }
}

fn acquire(app_id: &str) -> Request {
    post(&path(app_id, "acquire"), &json!({"cname": "demo", "uid": "527841"}))
}

#[test]
fn every_request_that_the_gateway_lets_through_counts_for_its_method() {
    let service = Service::new();
    let rid = service.resource_id();
    let valid = post(&start_path(&rid), &start_body());
    for (request, method) in [
        (acquire(APP), Method::Acquire),
        (post(&path(APP, "acquire"), &json!([])), Method::Acquire),
        (acquire(DISABLED_APP), Method::Acquire),
        (valid.clone(), Method::Start),
        (post(&start_path("nonsense"), &json!({})), Method::Start),
        (request("GET", &running_path(&rid, "query")), Method::Query),
        (post(&running_path(&rid, "stop"), &json!({})), Method::Stop),
        (post(&running_path(&rid, "update"), &json!({})), Method::Update),
        (
            post(&running_path(&rid, "updateLayout"), &json!({})),
            Method::UpdateLayout,
        ),
    ] {
        let admission = admission(&service, &request);
        assert_eq!(admission.admit.method, method);
        assert!([APP, DISABLED_APP].contains(&&*admission.app_id));
    }
    let wrong = Request {
        headers: Default::default(),
        ..acquire(APP)
    };
    for request in [wrong, acquire(FOREIGN_APP), request("PUT", &path(APP, "acquire"))] {
        assert!(matches!(service.receive(&request), Step::Respond(_)));
    }
}

#[test]
fn valid_acquires_ask_for_room_and_valid_starts_take_it() {
    let service = Service::new();
    assert_eq!(admission(&service, &acquire(APP)).admit.room, Room::Some);
    assert_eq!(
        admission(&service, &post(&path(APP, "acquire"), &json!({}))).admit.room,
        Room::None
    );
    let rid = service.resource_id();
    assert_eq!(
        admission(&service, &post(&start_path(&rid), &json!({}))).admit.room,
        Room::None
    );
    let admission = admission(&service, &post(&start_path(&rid), &start_body()));
    let Room::Taken(place) = admission.admit.room.clone() else {
        panic!("{:?}", admission.admit)
    };
    let Step::Call(pending) = admission.decide(Some(&verdict(None))) else {
        panic!("a start")
    };
    assert_eq!(place.key, pending.call.key);
    let own = Outcome::Started { sid: place.sid.clone() };
    assert_eq!(pending.unused_place(&own), None);
    for other in [
        Outcome::Started { sid: "other".into() },
        Outcome::AlreadyStarted { sid: "other".into() },
        Outcome::TicketSpent,
    ] {
        assert_eq!(pending.unused_place(&other), Some(&*place.sid));
    }
}

#[test]
fn one_request_too_many_is_told_so_by_the_gateway() {
    let service = Service::new();
    let text = json!({"message": "API rate limit exceeded"});
    for request in [acquire(APP), post(&path(APP, "acquire"), &json!([]))] {
        let response = denied(admission(&service, &request), Denial::TooManyRequests);
        assert_eq!((response.status, body(&response)), (429, text.clone()));
    }
    let response = denied(admission(&service, &acquire(ANYRTC_APP)), Denial::TooManyRequests);
    assert_eq!(
        (response.status, body(&response)),
        (429, json!({"Code": 429, "Body": text}))
    );
}

#[test]
fn one_recording_too_many_is_refused_with_what_is_known() {
    let service = Service::new();
    let full = Denial::NoRoom { recordings: 50 };
    let response = denied(admission(&service, &acquire(APP)), full);
    assert_error(&response, 400, 406, "vendor_over_load: 50 recordings are running");
    let answer = body(&response);
    assert_eq!((&answer["cname"], &answer["uid"]), (&json!("demo"), &json!("527841")));
    assert!(answer.get("resourceId").is_none());

    let rid = service.resource_id();
    let response = denied(admission(&service, &post(&start_path(&rid), &start_body())), full);
    assert_error(&response, 400, 406, "may have 50 at a time");
    assert_eq!(body(&response)["resourceId"], rid);
}

#[test]
fn answers_tell_the_limit() {
    let headers = |denial| {
        let response = with_limits(Response::empty(200), Some(&verdict(denial)));
        let get = |name| response.headers.get(name).map(str::to_owned);
        (get("RateLimit-Limit"), get("RateLimit-Remaining"), get("Retry-After"))
    };
    let response = with_limits(Response::empty(200), Some(&verdict(None)));
    assert_eq!(response.headers.get("Date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(headers(None), (text("10"), text("4"), None));
    assert_eq!(
        headers(Some(Denial::TooManyRequests)),
        (text("10"), text("4"), text("1"))
    );
}
