//! What the API's document says of this dialect is true.

use super::*;
use crate::dialect::uprtc::route::{OfRecord, Route, route};

const DOCUMENT: &str = include_str!("../../../../assets/openapi.json");
/// Each has an operation in the document: 2 that create, 20 of a room, 8 of records and 5 of servers.
const CALLS: usize = 35;

/// The calls: method, path with the examples of its parameters, and what the document says.
fn calls() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let example = |parameter: &Value| {
        let named = parameter["$ref"]
            .as_str()
            .map(|name| document.pointer(&name[1..]).unwrap());
        let parameter = named.unwrap_or(parameter);
        let text = match &parameter["example"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (format!("{{{}}}", parameter["name"].as_str().unwrap()), text)
    };
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/uprtc/api/v2") else {
            continue;
        };
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten().map(example);
            let path = parameters.fold(rest.to_owned(), |path, (name, text)| path.replace(&name, &text));
            calls.push((method.to_uppercase(), path, operation.clone()));
        }
    }
    calls
}

#[test]
fn every_call_is_documented_and_every_documented_call_is_one() {
    let bench = Bench::new();
    let mut found = Vec::new();
    for (method, path, _) in calls() {
        let routed = route(&bench.request(&method, &path, None)).unwrap();
        assert_ne!(routed, Route::Nothing, "{method} {path}");
        assert!(!found.contains(&routed), "{method} {path}");
        found.push(routed);
    }
    assert_eq!(found.len(), CALLS);
}

#[test]
fn its_examples_are_read() {
    let bench = Bench::new();
    for (method, path, operation) in calls() {
        let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
        for (name, example) in examples.into_iter().flatten() {
            let code = bench.code(&method, &path, Some(example["value"].clone()));
            // What they name is not there.
            assert!(code != 10_002 && code != 10_003, "{method} {path} {name}: {code}");
        }
        if route(&bench.request(&method, &path, None)) == Some(Route::Record(OfRecord::Upload)) {
            assert!(operation["requestBody"]["content"]["multipart/form-data"].is_object());
        }
    }
}
