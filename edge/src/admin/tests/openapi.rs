//! What the API's document says of this API is true.

use std::collections::BTreeMap;

use super::*;

const DOCUMENT: &str = include_str!("../../../assets/openapi.json");

fn paths() -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .filter_map(|(path, item)| Some((path.strip_prefix("/admin/v1/")?.to_owned(), item.clone())))
        .collect()
}

#[test]
fn the_document_has_the_routes_that_there_are() {
    let mut routes = vec![];
    for (path, item) in paths() {
        let whole = format!("/admin/v1/{path}");
        let route = Route::parse(&whole).unwrap_or_else(|| panic!("no route: {path}"));
        let mut routed: Vec<_> = route.methods().split(", ").map(str::to_lowercase).collect();
        routed.sort_unstable();
        let mut documented: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
        documented.sort_unstable();
        assert_eq!(documented, routed, "{path}");
        routes.push(match route {
            Route::Tenants => 0,
            Route::Tenant(_) => 1,
            Route::Credentials { .. } => 2,
            Route::Credential { .. } => 3,
            Route::Apps => 4,
            Route::App(_) => 5,
            Route::Nodes => 6,
            Route::Recordings { .. } => 7,
            Route::Recording { .. } => 8,
            Route::StopRecording { .. } => 9,
            Route::Notices { .. } => 10,
            Route::ReplayNotices { .. } => 11,
            Route::ReplayNotice { .. } => 12,
            Route::TestCallback { .. } => 13,
            Route::Usage { .. } => 14,
            Route::NodeTokens { .. } => 15,
            Route::NodeToken { .. } => 16,
            Route::AwaitedMedia { .. } => 17,
            Route::ChannelSecrets { .. } => 18,
            Route::ChannelSecret { .. } => 19,
            Route::Channels { .. } => 20,
            Route::ChannelUser { .. } => 21,
        });
    }
    routes.sort_unstable();
    assert_eq!(routes, (0..22).collect::<Vec<_>>());
}

#[test]
fn its_examples_are_accepted_and_answers_are_described() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (path, item) in paths() {
        for (method, operation) in item.as_object().unwrap() {
            let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
            for (name, example) in examples.into_iter().flatten() {
                let server = Server::new();
                if path != "tenants" {
                    server.call("POST", "tenants", &json!({"id": "acme", "name": "Acme"}));
                }
                if path != "apps" {
                    server.call("POST", "apps", &json!({"tenant": "acme", "app_id": APP}));
                }
                if path.ends_with("{customer_id}") {
                    server.call("POST", "tenants/acme/credentials", &json!({"customer_id": "c"}));
                }
                let target = path
                    .replace("{tenant}", "acme")
                    .replace("{app_id}", APP)
                    .replace("{customer_id}", "c");
                let (status, answer) = server.call(&method.to_uppercase(), &target, &example["value"]);
                let described = &operation["responses"][status.to_string()];
                assert!(
                    status < 300 && described.is_object(),
                    "{method} {path} {name}: {status} {answer}"
                );
                let reference = described["content"]["application/json"]["schema"]["$ref"]
                    .as_str()
                    .unwrap();
                let known = &document.pointer(&reference[1..]).unwrap()["properties"];
                for field in answer.as_object().unwrap().keys() {
                    assert!(
                        known[field].is_object(),
                        "{method} {path}: {field} is not in the document"
                    );
                }
            }
        }
    }
}
