//! Each row of the vendor's page about `set-record-callback`.

use super::*;

const URL: &str = "http://demo.polyv.net/wfy/postDemo.php";

fn callback(bench: &Bench) -> Option<String> {
    bench.app().callback.map(|callback| callback.url.expose().to_owned())
}

#[test]
fn success_is_answered_in_the_documented_form() {
    let bench = Bench::new();
    let response = bench.answer(&signed("POST", &set_callback(), &[("url", URL)]));
    let expected = json!({ "code": 200, "status": "success", "message": "", "data": "" });
    assert_eq!((response.status, body(&response)), (200, expected));
    assert_eq!(callback(&bench).as_deref(), Some(URL));
    let set = bench.app().callback.unwrap();
    assert_eq!(
        set.secret.expose(),
        SECRET,
        "events are signed by the secret of the call"
    );
}

#[test]
fn an_address_that_is_not_given_switches_the_callback_off() {
    for off in [&[][..], &[("url", "")]] {
        let bench = Bench::new();
        data(&bench.answer(&signed("POST", &set_callback(), &[("url", URL)])));
        assert!(callback(&bench).is_some());
        data(&bench.answer(&signed("POST", &set_callback(), off)));
        assert_eq!(callback(&bench), None);
    }
}

#[test]
fn each_documented_error() {
    let bench = Bench::new();
    let change = |from: &str, to: &str| {
        let request = signed("POST", &set_callback(), &[("url", URL)]);
        Request {
            query: request.query.replace(from, to),
            ..request
        }
    };
    let foreign = "f".repeat(32);
    let now = NOW.to_string();
    for (request, code, message) in [
        // The app that is missing, unknown, and another vendor's.
        (change(&format!("appId={APP}&"), ""), 400, "appId is required."),
        (change(APP, ""), 400, "appId is required."),
        (change(APP, "egyszbtsd58"), 400, "application not found."),
        (change(APP, &foreign), 400, "application not found."),
        // The time that is missing, no time of 13 digits, and too long ago.
        (change(&format!("timestamp={now}&"), ""), 400, "invalid timestamp."),
        (change(&now, "1629334739"), 400, "invalid timestamp."),
        (change(&now, "abcdefghijklm"), 400, "invalid timestamp."),
        (change(&now, "1529334739239"), 400, "invalid timestamp."),
        // The signature that is missing, and of something else.
        (change("sign=", "sign_="), 403, "invalid signature."),
        (change("postDemo", "postDemx"), 403, "invalid signature."),
        // The account that is another one.
        (
            signed("POST", "/live/v2/user/other/set-record-callback", &[("url", URL)]),
            400,
            "userId is error.",
        ),
        (
            signed("POST", &set_callback(), &[("url", URL), ("userId", "other")]),
            400,
            "userId is error.",
        ),
        // The address without its scheme, and others that are none.
        (
            signed("POST", &set_callback(), &[("url", "demo.polyv.net/wfy/postDemo.php")]),
            400,
            "url format error.",
        ),
        (
            signed("POST", &set_callback(), &[("url", "ftp://h/")]),
            400,
            "url format error.",
        ),
        (
            signed("POST", &set_callback(), &[("url", "http://")]),
            400,
            "url format error.",
        ),
    ] {
        assert_refused(&bench.answer(&request), code, message);
    }
    assert_eq!(callback(&bench), None);
}

#[test]
fn the_checks_are_made_in_the_documented_order() {
    let bench = Bench::new();
    let mut query = String::new();
    for (more, code, message) in [
        ("", 400, "appId is required."),
        ("appId=nobody", 400, "application not found."),
    ] {
        query.push_str(more);
        let request = Request {
            query: query.clone(),
            ..signed("POST", "/live/v2/user/other/set-record-callback", &[])
        };
        assert_refused(&bench.answer(&request), code, message);
    }
    let wrong = |query: String| Request {
        query,
        ..signed("POST", "/live/v2/user/other/set-record-callback", &[])
    };
    let all_wrong = wrong(format!("appId={APP}&timestamp=1&sign=x&url=x"));
    assert_refused(&bench.answer(&all_wrong), 400, "invalid timestamp.");
    let rest_wrong = wrong(format!("appId={APP}&timestamp={NOW}&sign=x&url=x"));
    assert_refused(&bench.answer(&rest_wrong), 403, "invalid signature.");
    let last_wrong = signed("POST", "/live/v2/user/other/set-record-callback", &[("url", "x")]);
    assert_refused(&bench.answer(&last_wrong), 400, "userId is error.");
}

#[test]
fn a_time_is_good_for_three_minutes_either_way() {
    let mut bench = Bench::new();
    for (now_ms, is_good) in [
        (NOW + 180_000, true),
        (NOW + 180_001, false),
        (NOW - 180_000, true),
        (NOW - 180_001, false),
    ] {
        bench.now_ms = now_ms;
        let response = bench.answer(&signed("POST", &set_callback(), &[]));
        assert_eq!(response.status == 200, is_good, "{now_ms}");
    }
}

#[test]
fn only_post_is_taken() {
    let bench = Bench::new();
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(bench.answer(&signed(method, &set_callback(), &[])), no_route());
    }
}

#[test]
fn every_secret_of_the_account_is_good_while_they_are_exchanged() {
    let bench = Bench::new();
    let now = NOW.to_string();
    let text = format!("anotherappId{APP}timestamp{now}another");
    let request = Request {
        query: format!(
            "appId={APP}&timestamp={now}&sign={}",
            hex(&Md5::digest(text)).to_uppercase()
        ),
        ..signed("POST", &set_callback(), &[])
    };
    data(&bench.answer(&request));
}

#[test]
fn a_disabled_app_is_not_found() {
    let bench = Bench::new();
    let app = App {
        disabled: true,
        ..bench.app()
    };
    run(bench.directory().put_app(&app, &entropy(5).nonce)).unwrap();
    let response = bench.answer(&signed("POST", &set_callback(), &[]));
    assert_refused(&response, 400, "application not found.");
}

#[test]
fn what_is_ours_is_told_as_ours() {
    let mut bench = Bench::new();
    bench.store.broken = true;
    match bench.send(&signed("POST", &set_callback(), &[])) {
        Step::Failed(_, response) => assert_refused(&response, 500, "internal server error."),
        other => panic!("{other:?}"),
    }
}

#[test]
fn private_addresses_are_refused_where_they_are_not_allowed() {
    let mut bench = Bench::new();
    bench.targets = Targets::Public;
    let response = bench.answer(&signed("POST", &set_callback(), &[("url", "http://127.0.0.1/cb")]));
    assert_refused(&response, 400, "url format error.");
}

#[test]
fn too_many_requests_are_told() {
    let bench = Bench::new();
    let request = signed("POST", &set_callback(), &[("url", URL)]);
    let server = Server {
        directory: &bench.directory(),
        public_url: None,
        targets: Targets::Any,
        now_ms: NOW,
        entropy: &entropy(3),
    };
    let Step::Admit(admission) = run(route(&request).unwrap().handle(&server)) else {
        panic!("nothing is counted");
    };
    let verdict = Verdict {
        at_ms: NOW,
        limit: 10,
        remaining: 0,
        denial: Some(Denial::TooManyRequests),
    };
    assert_refused(&responded(admission.decide(Some(&verdict))), 429, "too many requests.");
    assert_eq!(callback(&bench), None);
}
