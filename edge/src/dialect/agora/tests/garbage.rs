//! Whatever comes in, the caller is told that it is the caller's fault, or a call is made; nothing panics.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use super::*;

const SCHEMA_AWARE: u32 = 4000;
const RAW: u32 = 3000;

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3..70_i32).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn assert_callers_fault(handled: Handled) -> Result<(), TestCaseError> {
    match handled {
        Handled::Call(_) => {}
        Handled::Respond(response) if response.status < 300 => {}
        Handled::Respond(response) => {
            prop_assert!((400..500).contains(&response.status), "{}", response.status);
            let body = without_envelope(body(&response));
            let text = body.get("reason").or(body.get("message")).and_then(Value::as_str);
            prop_assert!(text.is_some_and(|text| !text.is_empty()), "{body}");
        }
        Handled::Failed(error, _) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}

/// Every field that the documented rules speak of, with every value that they give it.
fn documented_fields() -> Vec<(String, Value)> {
    let rules: Value = serde_json::from_str(rules::RULES).unwrap();
    let rows = rules["rules"].as_array().unwrap();
    let fields = rows.iter().filter_map(|row| row["set"].as_object());
    fields
        .flatten()
        .map(|(pointer, value)| (pointer.clone(), value.clone()))
        .collect()
}

/// Sets a field unless something that is no object stands in its way.
fn put(body: Value, pointer: &str, value: Option<Value>) -> Value {
    let ways = pointer.match_indices('/').skip(1).map(|(at, _)| &pointer[..at]);
    let is_free = ways
        .into_iter()
        .all(|way| body.pointer(way).is_none_or(Value::is_object));
    if is_free { set(body, pointer, value) } else { body }
}

#[test]
fn requests_with_any_values_in_any_fields() {
    let service = Service::new();
    let rules: Value = serde_json::from_str(rules::RULES).unwrap();
    let fields = documented_fields();
    let calls = [
        ("acquire", "acquire"),
        ("start", "resourceid/RID/mode/individual/start"),
        ("start", "resourceid/RID/mode/mix/start"),
        ("stop", "resourceid/RID/sid/SID/mode/individual/stop"),
        ("update", "resourceid/RID/sid/SID/mode/individual/update"),
        ("updateLayout", "resourceid/RID/sid/SID/mode/mix/updateLayout"),
    ];
    let change = (
        any::<Index>(),
        prop_oneof![Just(None), json_value().prop_map(|value| Some(Some(value)))],
        any::<bool>(),
    );
    let strategy = (
        select(calls.to_vec()),
        select(vec![APP, CERTIFIED_APP, ANYRTC_APP]),
        prop::collection::vec(change, 0..5),
    );
    let mut runner = TestRunner::new(Config {
        cases: SCHEMA_AWARE,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&strategy, |((call, tail), app, changes)| {
        let acquired = body(&service.answer(&post(&path(app, "acquire"), &rules["bodies"]["acquire"])));
        let acquired = without_envelope(acquired);
        let tail = tail
            .replace("RID", acquired["resourceId"].as_str().unwrap())
            .replace("SID", SID);
        let mut request = rules["bodies"][call].clone();
        for (field, any_value, drop) in changes {
            let (pointer, documented) = field.get(&fields);
            let value = any_value.unwrap_or_else(|| Some(documented.clone())).filter(|_| !drop);
            request = put(request, pointer, value);
        }
        assert_callers_fault(service.send(&post(&path(app, &tail), &request)))
    });
    run.unwrap();
}

#[test]
fn any_path_and_any_body() {
    let service = Service::new();
    let strategy = (
        "(0123456789abcdef0123456789abcdef|.{0,40})",
        "(acquire|resourceid/[A-Za-z0-9_-]{0,300}/(sid/.{0,40}/)?mode/.{0,12}/(start|stop|query|update)|.{0,60})",
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            json_value().prop_map(|value| value.to_string().into_bytes()),
        ],
        "(GET|POST|.{0,6})",
        "(Basic YWxpY2U6cHc=|.{0,40})",
    );
    let mut runner = TestRunner::new(Config {
        cases: RAW,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&strategy, |(app, tail, bytes, method, authorization)| {
        let headers = [("Authorization".to_owned(), authorization)].into_iter().collect();
        let request = Request {
            method,
            path: path(&app, &tail),
            query: String::new(),
            headers,
            body: bytes,
        };
        assert_callers_fault(service.send(&request))
    });
    run.unwrap();
}
