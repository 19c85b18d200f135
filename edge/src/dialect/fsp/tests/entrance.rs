//! Who gets an access token, and what it lets them do.

use serde_json::json;

use super::*;

const LIST: &str = "/v1/record/task/list";

fn code_of(bench: &Bench, request: &Request) -> u64 {
    body(&bench.send(request))["code"].as_u64().unwrap()
}

#[test]
fn a_developers_token_gets_an_access_token() {
    let bench = Bench::new();
    let token = vendor_token(DEV, SECRET);
    let reply = body(&bench.send(&token_request(&format!("{DEV}.{token}"))));
    assert_eq!(
        (&reply["code"], &reply["msg"], &reply["result"]["timeout"]),
        (&json!(0), &json!("OK"), &json!(7200))
    );
    let access_token = reply["result"]["access_token"].as_str().unwrap();
    assert!(access_token.len() == 32 && access_token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let mut in_query = token_request("");
    let encoded = token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    in_query.query = format!("dev_id={DEV}&token={encoded}");
    assert_eq!(code_of(&bench, &in_query), 0);
}

#[test]
fn nobody_else_does() {
    let mut bench = Bench::new();
    let good = vendor_token(DEV, SECRET);
    for (authorization, code) in [
        (String::new(), 606_000_002),
        (DEV.to_owned(), 606_000_002),
        (format!("{DEV}."), 606_000_000),
        (format!("{OTHER_DEV}.{good}"), 606_000_000),
        (format!("nobody.{good}"), 606_000_000),
        (format!("{DEV}.{}", vendor_token(DEV, "fedcba9876543210")), 606_000_000),
        (format!("{DEV}.001AAAA"), 606_000_000),
    ] {
        assert_eq!(code_of(&bench, &token_request(&authorization)), code, "{authorization}");
    }
    for _ in 0..9 {
        bench.sign_in(DEV);
    }
    let often = token_request(&format!("{DEV}.{good}"));
    assert_eq!(code_of(&bench, &often), 606_000_006);
    bench.break_store();
    assert_eq!(code_of(&bench, &often), 606_000_005);
}

#[test]
fn a_new_access_token_ends_the_one_before_and_each_ends_with_its_time() {
    let mut bench = Bench::new();
    let first = bench.get(LIST, "");
    assert_eq!(code_of(&bench, &first), 0);
    bench.token = bench.sign_in(DEV);
    assert_eq!(code_of(&bench, &first), 606_000_001);
    let second = bench.get(LIST, "");
    assert_eq!(code_of(&bench, &second), 0);
    bench.now_ms += 7_200_000;
    let over = body(&bench.send(&second));
    assert_eq!(
        (&over["code"], &over["msg"]),
        (&json!(606_000_001), &json!("access_token timeout"))
    );
}

#[test]
fn a_call_shows_a_token_of_the_apps_developer() {
    let bench = Bench::new();
    let mut bare = bench.get(LIST, "");
    bare.headers = Default::default();
    assert_eq!(code_of(&bench, &bare), 6_050_030_006);
    let mut foreign = bench.get(LIST, "");
    foreign.query = format!("app_id={FOREIGN_APP}");
    assert_eq!(code_of(&bench, &foreign), 6_050_030_007);
    foreign.query = "app_id=none".into();
    assert_eq!(code_of(&bench, &foreign), 6_050_030_007);
    let mut nine = bench.get(LIST, "page=0");
    nine.query = format!("app_id={NINE_APP}&page=0");
    assert_eq!(code_of(&bench, &nine), 605_030_003);
}

#[test]
fn browsers_may_call_from_any_page() {
    let bench = Bench::new();
    for path in ["/access/token", "/server/address", "/v1/record/init", LIST] {
        let asks = Request {
            method: "OPTIONS".into(),
            path: path.into(),
            ..Request::default()
        };
        let answer = bench.send(&asks);
        assert_eq!(answer.status, 204);
        assert_eq!(answer.headers.get("access-control-allow-origin"), Some("*"));
        assert_eq!(
            answer.headers.get("access-control-allow-methods"),
            Some("GET, POST, OPTIONS")
        );
        let headers = answer.headers.get("access-control-allow-headers");
        assert_eq!(headers, Some("Authorization, Content-Type"));
    }
}

#[test]
fn clients_are_told_where_the_api_is() {
    let bench = Bench::new();
    let ask = |query: &str| {
        let request = Request {
            method: "GET".into(),
            origin: "https://edge.example".into(),
            path: "/server/address".into(),
            query: query.into(),
            ..Request::default()
        };
        body(&bench.send(&request))
    };
    let reply = ask("appType=10&app_id=x");
    assert_eq!(
        (&reply["code"], &reply["message"], &reply["result"]),
        (&json!(0), &json!("OK"), &json!("https://edge.example"))
    );
    assert_eq!(ask("appType=8")["result"], "wss://edge.example/v1/record/events");
    for query in ["", "appType=9"] {
        assert_eq!(ask(query)["code"], 606_000_003, "{query}");
    }
}
