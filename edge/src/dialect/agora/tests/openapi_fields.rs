//! The limits and defaults that the API's document gives to fields are those of the code.

use super::openapi::{DOCUMENT, operations};
use super::*;

const MODES: [&str; 2] = ["individual", "mix"];

/// A field of a request, by its JSON pointer, with its schema.
type Field = (String, Value);

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

fn collect(document: &Value, schema: &Value, at: &str, fields: &mut Vec<Field>) {
    let schema = resolve(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, at, fields);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let (at, property) = (format!("{at}/{name}"), resolve(document, property));
        // What a start announces is looked at when it comes.
        if name != "startParameter" {
            collect(document, property, &at, fields);
            fields.push((at, property.clone()));
        }
    }
}

/// The fields of a call, and its examples.
fn fields_of(call: &str) -> (Vec<Field>, Vec<Value>) {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let (_, _, operation) = operations()
        .into_iter()
        .find(|(_, _, operation)| operation["operationId"] == call)
        .unwrap();
    let content = &operation["requestBody"]["content"]["application/json"];
    let mut fields = vec![];
    collect(&document, &content["schema"], "", &mut fields);
    let examples = content["examples"].as_object().unwrap().values();
    (fields, examples.map(|example| example["value"].clone()).collect())
}

/// What becomes of a call in one mode: the command, or the reason of the refusal.
fn outcome(call: &str, mode: &str, request: &Value) -> Result<Value, String> {
    let service = Service::new();
    let resource_id = service.resource_id();
    let tail = match call {
        "acquire" => call.to_owned(),
        "start" => format!("resourceid/{resource_id}/mode/{mode}/start"),
        _ => format!("resourceid/{resource_id}/sid/{SID}/mode/{mode}/{call}"),
    };
    match service.send(&post(&path(APP, &tail), request)) {
        Step::Call(pending) => Ok(serde_json::to_value(&pending.call.command).unwrap()),
        Step::Respond(response) if response.status == 200 => Ok(body(&response)),
        Step::Respond(response) => Err(body(&response)["reason"].as_str().unwrap().to_owned()),
        Step::Failed(error, _) => panic!("{error}"),
        other => {
            panic!("{other:?}")
        }
    }
}

/// What becomes of each example in each mode when it has this value.
fn outcomes(call: &str, examples: &[Value], pointer: &str, value: Option<&Value>) -> Vec<Result<Value, String>> {
    let requests = examples
        .iter()
        .map(|example| set(example.clone(), pointer, value.cloned()));
    let outcomes = requests.flat_map(|request| MODES.map(|mode| outcome(call, mode, &request)));
    outcomes.collect()
}

const CALLS: [&str; 4] = ["acquire", "start", "update", "updateLayout"];

#[test]
fn limits() {
    let mut seen = 0;
    for call in CALLS {
        let (fields, examples) = fields_of(call);
        for (pointer, schema) in fields {
            let name = pointer.trim_start_matches('/').replace('/', ".");
            let told = |value: &Value| outcomes(call, &examples, &pointer, Some(value));
            let is_about = |reason: &String| {
                reason.contains(&format!("{name} must be a")) || reason.contains("invalid resourceExpiredHour")
            };
            let within = [&schema["minimum"], &schema["maximum"]];
            for limit in within.into_iter().filter(|limit| limit.is_number()) {
                seen += 1;
                let told = told(limit);
                let is_refused = |outcome: &Result<_, String>| outcome.as_ref().is_err_and(is_about);
                assert!(!told.iter().all(is_refused), "{pointer} {limit}: {told:?}");
            }
            let below = schema["minimum"].as_i64().map(|minimum| minimum - 1);
            let above = schema["maximum"].as_i64().map(|maximum| maximum + 1);
            for beyond in [below, above].into_iter().flatten() {
                let told = told(&json!(beyond));
                assert!(told.iter().all(Result::is_err), "{pointer} {beyond} is accepted");
                let mut reasons = told.iter().filter_map(|outcome| outcome.as_ref().err());
                let is_told = reasons.any(|reason| reason.contains(&name) || is_about(reason));
                assert!(is_told, "{pointer} {beyond}: {told:?}");
            }
            if let Some(most) = schema["maxItems"].as_u64() {
                let uids: Vec<_> = (0..=most).map(|number| (number + 1).to_string()).collect();
                assert!(
                    told(&json!(uids)).iter().all(Result::is_err),
                    "{pointer} takes more than {most}"
                );
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn defaults() {
    let mut seen = 0;
    for call in CALLS {
        let (fields, examples) = fields_of(call);
        for (pointer, schema) in fields {
            let Some(default) = schema.get("default") else {
                continue;
            };
            seen += 1;
            let absent = outcomes(call, &examples, &pointer, None);
            let present = outcomes(call, &examples, &pointer, Some(default));
            let mut pairs = absent.iter().zip(&present);
            let is_same = pairs.any(|(absent, present)| present.is_ok() && absent == present);
            assert!(is_same, "{call} {pointer} {default}");
        }
    }
    assert!(seen > 15, "{seen}");
}
