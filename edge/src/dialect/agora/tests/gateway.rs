use super::*;
use crate::access::App;

#[track_caller]
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
            "invalid appid",
        );
    }
}

#[test]
fn a_directory_that_fails_is_ours() {
    let mut service = Service::new();
    service.break_store();
    match service.send(&request("POST", &path(APP, "acquire"))) {
        Step::Failed(_, response) => assert_gateway(&response, 500, "An unexpected error occurred"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disabled_app_starts_nothing_new() {
    let service = Service::new();
    let body = json!({"cname": "demo", "uid": "1"});
    let response = service.answer(&post(&path(DISABLED_APP, "acquire"), &body));
    assert_error(&response, 400, 62, "service not enabled");
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
fn an_app_that_speaks_another_vendors_dialect_is_none_of_this_api() {
    let service = Service::new();
    let app = run(service.directory().app(APP)).unwrap().unwrap();
    let other = App {
        dialect: "morse".into(),
        ..app
    };
    run(service.directory().put_app(&other, &entropy(5).nonce)).unwrap();
    let acquire = post(&path(APP, "acquire"), &json!({"cname": "demo", "uid": "527841"}));
    assert_gateway(&service.answer(&acquire), 400, "invalid appid");
}
