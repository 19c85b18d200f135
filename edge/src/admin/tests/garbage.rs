//! Whatever the operator sends, nothing panics, and nothing is the server's fault.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const CASES: u32 = 3000;
const FIELDS: [&str; 14] = [
    "id",
    "name",
    "tenant",
    "customer_id",
    "app_id",
    "dialect",
    "flavour",
    "source",
    "certificate",
    "recorder",
    "disabled",
    "type",
    "streams",
    "unknown",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        select(
            &[
                "t",
                "agora",
                "anyrtc",
                "builtin",
                "static",
                "mediamtx",
                APP,
                "rtsp://h/1"
            ][..]
        )
        .prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 6, |inner| {
        let name = prop_oneof![select(&FIELDS[..]).prop_map(str::to_owned), ".{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

#[test]
fn any_request_is_answered() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let app = format!("apps/{APP}");
    let recordings = format!("apps/{APP}/recordings?limit=3");
    let paths = [
        "tenants",
        "tenants/t",
        "tenants/t/credentials",
        "apps",
        &app,
        &recordings,
        "nodes",
    ]
    .map(str::to_owned);
    let strategy = (
        select(vec!["GET", "POST", "PATCH", "PUT"]),
        prop_oneof![4 => select(paths.to_vec()), 1 => "[ -~]{0,60}", 1 => ".{0,30}"],
        prop_oneof![
            4 => value().prop_map(|value| value.to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ],
    );
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&strategy, |(method, target, body)| {
        let request = Request {
            body,
            ..request(method, &target, &Value::Null)
        };
        match server.handle(&request) {
            Handled::Respond(response) => prop_assert!(response.status < 500, "{}", response.status),
            Handled::Ask(_) => {}
            Handled::Failed(error, _) => return Err(TestCaseError::fail(error.to_string())),
        }
        Ok(())
    });
    run.unwrap();
}
