//! The API from outside: plain requests in, plain responses out.

mod apps;
mod callbacks;
mod channel_secrets;
mod credentials;
mod door;
mod garbage;
mod node_tokens;
mod objects;
mod openapi;
mod tenants;

use serde_json::json;

use super::*;
use crate::access::KeyRing;
use crate::access::testing::{MapStore, entropy, key_ring, run};

const TOKEN: &str = "operator-token";
const APP: &str = "0123456789abcdef0123456789abcdef";

struct Server {
    store: MapStore,
    keys: KeyRing,
    targets: Targets,
    calls: std::cell::Cell<u8>,
}

impl Server {
    fn new() -> Self {
        Self {
            store: MapStore::default(),
            keys: key_ring(),
            targets: Targets::Public,
            calls: Default::default(),
        }
    }

    fn handle(&self, request: &Request) -> Handled {
        self.calls.set(self.calls.get().wrapping_add(1));
        let directory = Directory::new(&self.store, &self.keys);
        run(handle(
            request,
            &Secret::new(TOKEN),
            &directory,
            self.targets,
            1000,
            &entropy(self.calls.get()),
        ))
    }

    fn respond(&self, request: &Request) -> Response {
        match self.handle(request) {
            Handled::Respond(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let response = self.respond(&request(method, target, body));
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap_or(Value::Null),
        )
    }

    fn get(&self, target: &str) -> (u16, Value) {
        self.call("GET", target, &Value::Null)
    }

    /// A tenant `t`.
    fn with_tenant() -> Self {
        let server = Self::new();
        assert_eq!(server.call("POST", "tenants", &json!({"id": "t", "name": "T"})).0, 201);
        server
    }
}

fn request(method: &str, target: &str, body: &Value) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.into(),
        path: format!("/admin/v1/{path}"),
        query: query.into(),
        headers: [("authorization".to_owned(), format!("Bearer {TOKEN}"))]
            .into_iter()
            .collect(),
        body: if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        },
        ..Request::default()
    }
}

#[track_caller]
fn assert_error((status, body): (u16, Value), expected: u16, code: &str, field: Option<&str>) {
    let error = &body["error"];
    assert_eq!(
        (status, error["code"].as_str(), error["field"].as_str()),
        (expected, Some(code), field),
        "{body}"
    );
    assert!(
        error["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
        "{body}"
    );
}
