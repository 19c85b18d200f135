//! What the API's document says of this dialect is true.

use super::*;
use crate::dialect::polyv::route;

const DOCUMENT: &str = include_str!("../../../../assets/openapi.json");

/// Method and path of each operation, with the operation.
fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let ours = paths.filter(|(path, _)| path.starts_with("/live/"));
    let operations = ours.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    operations.collect()
}

#[test]
fn the_document_has_the_routes_that_there_are() {
    let operations = operations();
    for (method, path, _) in &operations {
        let request = Request {
            method: method.clone(),
            path: path.clone(),
            ..Request::default()
        };
        assert!(route::route(&request).is_some(), "{method} {path}");
    }
    assert_eq!(operations.len(), route::tests::ROUTES.len());
}

#[test]
fn each_parameter_that_it_requires_is_missed() {
    let bench = Bench::new();
    for (method, path, operation) in operations() {
        let path = path.replace("{userId}", USER).replace("{channelId}", CHANNEL);
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let required = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        let names: Vec<_> = required.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        for missing in &names {
            let given: Vec<_> = names
                .iter()
                .filter(|name| *name != missing)
                .map(|name| (*name, "1"))
                .collect();
            let response = bench.answer(&signed(&method, &path, &given));
            let message = body(&response)["message"].as_str().unwrap().to_owned();
            let told = match *missing {
                "userId" => "userId is error.".to_owned(),
                name => format!("param validate error: {name}"),
            };
            // Another one, whose value is no good, may be looked at first.
            let is_other = names
                .iter()
                .any(|name| message == format!("param validate error: {name}"));
            assert!(
                message == told || message == "userId is error." || is_other,
                "{path}: {message}"
            );
            assert_eq!(response.status, 400);
        }
    }
}
