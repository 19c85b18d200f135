//! Whatever comes in, the caller is told that it is the caller's fault, or a call is made; nothing panics.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tapedeck_requests::{CHANNEL, Credentials, Generated, Generator, UID};

use super::*;

const SCHEMA_AWARE: u32 = 4000;
const RAW: u32 = 3000;

fn assert_callers_fault(handled: Step) -> Result<(), TestCaseError> {
    match handled {
        Step::Call(_) => {}
        Step::Respond(response) if response.status < 300 => {}
        Step::Respond(response) => {
            prop_assert!((400..500).contains(&response.status), "{}", response.status);
            let body = without_envelope(body(&response));
            let text = body.get("reason").or(body.get("message")).and_then(Value::as_str);
            prop_assert!(text.is_some_and(|text| !text.is_empty()), "{body}");
        }
        Step::Failed(error, _) => return Err(TestCaseError::fail(error.to_string())),
        other => {
            return Err(TestCaseError::fail(format!("{other:?}")));
        }
    }
    Ok(())
}

/// The request as it comes in, for an app with a fresh resource ID.
fn sent(service: &Service, app: &str, generated: Generated) -> Request {
    let acquired = service.answer(&post(&path(app, "acquire"), &json!({"cname": CHANNEL, "uid": UID})));
    let acquired = without_envelope(body(&acquired));
    let target = generated
        .path
        .replace("{appid}", app)
        .replace("{resourceid}", acquired["resourceId"].as_str().unwrap())
        .replace("{sid}", SID);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = match generated.credentials {
        Credentials::Right => request(&generated.method, path),
        Credentials::None | Credentials::Text(_) => Request {
            method: generated.method,
            path: path.to_owned(),
            ..Request::default()
        },
    };
    if let Credentials::Text(text) = generated.credentials {
        request.headers.push("Authorization", text);
    }
    request.headers.push("Content-Type", generated.content_type);
    request.query = query.to_owned();
    request.body = generated.body;
    request
}

fn run_generated(cases: u32, requests: impl Strategy<Value = Generated>) {
    let service = Service::new();
    let apps = select(vec![APP, CERTIFIED_APP, ANYRTC_APP]);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&(apps, requests), |(app, generated)| {
        assert_callers_fault(service.send(&sent(&service, app, generated)))
    });
    run.unwrap();
}

#[test]
fn requests_with_any_values_in_any_fields() {
    run_generated(SCHEMA_AWARE, Generator::new("/v1/apps/").schema_aware());
}

#[test]
fn any_path_and_any_body() {
    run_generated(RAW, Generator::new("/v1/apps/").raw());
}
