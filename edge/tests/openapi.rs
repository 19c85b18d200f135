//! The API's document is true: every operation in it has a route and every route stands in it, its examples are accepted,
//! and its references lead somewhere.

use serde_json::Value;

const DOCUMENT: &str = include_str!("../assets/openapi.json");

#[test]
fn every_reference_leads_somewhere_and_everything_is_used() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut references = vec![];
    collect(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                references.contains(&format!("#/components/{kind}/{name}")),
                "{kind} {name} is used nowhere"
            );
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(target) if name == "$ref" => references.push(target.to_owned()),
                    _ => collect(member, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn every_parameter_of_a_path_is_declared() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut operation_ids = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        let in_path: Vec<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let of = |value: &Value| value["parameters"].as_array().cloned().unwrap_or_default();
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            operation_ids.push(operation["operationId"].as_str().unwrap());
            let all = of(item).into_iter().chain(of(operation));
            let declared = all.filter_map(|parameter| {
                let parameter = match parameter["$ref"].as_str() {
                    Some(reference) => document.pointer(reference.strip_prefix('#')?)?,
                    None => &parameter,
                };
                (parameter["in"] == "path").then(|| parameter["name"].as_str().unwrap().to_owned())
            });
            assert_eq!(declared.collect::<Vec<_>>(), in_path, "{method} {path}");
        }
    }
    operation_ids.sort_unstable();
    let all = operation_ids.len();
    operation_ids.dedup();
    assert_eq!(operation_ids.len(), all);
}
