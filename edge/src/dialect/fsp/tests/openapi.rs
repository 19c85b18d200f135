//! What the API's document says of this dialect is true.

use std::collections::BTreeSet;

use super::*;
use crate::dialect::fsp::route::{PATHS, route};

const DOCUMENT: &str = include_str!("../../../../assets/openapi.json");

#[test]
fn the_document_has_the_routes_that_there_are() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let request = Request {
                method: method.to_uppercase(),
                path: path.clone(),
                ..Request::default()
            };
            if route(&request).is_some() {
                documented.insert((request.method, request.path));
            }
        }
    }
    let routed = PATHS
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(documented, routed.collect());
}

#[test]
fn the_examples_of_its_bodies_are_read() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let bench = Bench::new().with_task(crate::recording::Standing::Capturing);
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/v1/record/") {
            continue;
        }
        let examples = item["post"]["requestBody"]["content"]["application/json"]["examples"].as_object();
        for (name, example) in examples.into_iter().flatten() {
            let mut fields = example["value"].clone();
            fields["app_id"] = json!(APP);
            let request = bench.post(path, &fields);
            // What it asks for is another matter: a task of that name, a group that has none.
            let reply = bench.run(&request, &[None]).response;
            let code = body(&reply)["code"].as_u64();
            assert!(
                !matches!(code, Some(6_050_030_003 | 6_050_030_005)),
                "{path} {name}: {:?}",
                body(&reply)
            );
        }
    }
}
