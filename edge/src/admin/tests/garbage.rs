//! Whatever the operator sends, nothing panics, and nothing is the server's fault.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tapedeck_requests::{Credentials, Generated, Generator};

use super::*;

const CASES: u32 = 3000;

#[test]
fn any_request_is_answered() {
    let server = Server::new();
    server.call("POST", "tenants", &json!({"id": "g1", "name": "G"}));
    server.call("POST", "apps", &json!({"tenant": "g1", "app_id": APP}));
    let generator = Generator::new("/admin/v1/");
    let strategy = prop_oneof![3 => generator.schema_aware().boxed(), 1 => generator.raw().boxed()];
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&strategy, |generated| match server.handle(&sent(generated)) {
        Handled::Respond(response) => {
            prop_assert!(response.status < 500, "{}", response.status);
            Ok(())
        }
        Handled::Ask(_) => Ok(()),
        Handled::Failed(error, _) => Err(TestCaseError::fail(error.to_string())),
    });
    run.unwrap();
}

fn sent(generated: Generated) -> Request {
    let authorization = match generated.credentials {
        Credentials::Right => Some(format!("Bearer {TOKEN}")),
        Credentials::None => None,
        Credentials::Text(text) => Some(text),
    };
    let (path, query) = generated.path.split_once('?').unwrap_or((&generated.path, ""));
    let headers = authorization.map(|value| ("Authorization".to_owned(), value));
    Request {
        method: generated.method,
        path: path
            .replace("{app_id}", APP)
            .replace("{sid}", "38f8e3cfdc474cd56fc1ceba380d7e1a"),
        query: query.to_owned(),
        headers: headers
            .into_iter()
            .chain([("Content-Type".to_owned(), generated.content_type)])
            .collect(),
        body: generated.body,
        ..Request::default()
    }
}
