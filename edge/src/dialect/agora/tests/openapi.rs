//! What the API's document says of this dialect is true.

use super::*;
use crate::dialect::agora::route;

pub(super) const DOCUMENT: &str = include_str!("../../../../assets/openapi.json");

/// Method and path of each operation under `/v1/apps`, with the operation.
pub(super) fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.starts_with("/v1/apps/"));
    let operations = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    operations.collect()
}

#[test]
fn the_document_has_the_routes_that_there_are() {
    let mut named: Vec<_> = operations()
        .iter()
        .map(|(method, path, operation)| {
            let request = Request {
                method: method.clone(),
                path: path.clone(),
                ..Request::default()
            };
            let route = route::route(&request).unwrap_or_else(|| panic!("no route: {method} {path}"));
            assert_eq!(route.app_id, "{appid}");
            let name = match route.endpoint {
                route::Endpoint::Acquire => "acquire",
                route::Endpoint::Start { .. } => "start",
                route::Endpoint::Running { action, .. } => match action {
                    route::Action::Query => "query",
                    route::Action::Stop => "stop",
                    route::Action::Pause => "pause",
                    route::Action::Resume => "resume",
                    route::Action::Update => "update",
                    route::Action::UpdateLayout => "updateLayout",
                },
            };
            assert_eq!(operation["operationId"], name);
            name
        })
        .collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "acquire",
            "pause",
            "query",
            "resume",
            "start",
            "stop",
            "update",
            "updateLayout"
        ]
    );
}

#[test]
fn its_examples_are_accepted() {
    let service = Service::new();
    let resource_id = service.resource_id();
    for (method, path, operation) in operations() {
        let path = path.replace("{appid}", APP).replace("{resourceid}", &resource_id);
        let path = path.replace("{sid}", SID);
        let is_accepted = |request: &dyn Fn(&str) -> Request| {
            ["individual", "mix"]
                .into_iter()
                .any(|mode| match service.send(&request(mode)) {
                    Step::Call(_) => true,
                    Step::Respond(response) => response.status == 200,
                    Step::Failed(error, _) => panic!("{error}"),
                    other => {
                        panic!("{other:?}")
                    }
                })
        };
        let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
        if examples.is_none() {
            assert!(is_accepted(&|mode| request(&method, &path.replace("{mode}", mode))));
        }
        for (name, example) in examples.into_iter().flatten() {
            let is_accepted = is_accepted(&|mode| post(&path.replace("{mode}", mode), &example["value"]));
            assert!(is_accepted, "{path} {name}");
        }
    }
}

/// What a reference leads to; itself, if it is none.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

/// Whether an answer has no member that the schema does not speak of.
fn assert_described(document: &Value, schema: &Value, answer: &Value, at: &str) {
    let schema = resolved(document, schema);
    let is_of_type = |schema: &&Value| match resolved(document, schema)["type"].as_str() {
        Some("string") => answer.is_string(),
        Some("array") => answer.is_array(),
        Some("object") => {
            let required = resolved(document, schema)["required"].as_array().into_iter().flatten();
            answer.is_object() && required.flat_map(Value::as_str).all(|name| answer.get(name).is_some())
        }
        _ => false,
    };
    let schema = match schema["oneOf"].as_array() {
        Some(choices) => choices
            .iter()
            .find(is_of_type)
            .map(|choice| resolved(document, choice))
            .unwrap_or_else(|| panic!("{at}: {answer}")),
        None => schema,
    };
    for (name, value) in answer.as_object().into_iter().flatten() {
        let described = &schema["properties"][name];
        assert!(described.is_object(), "{at}: {name} is not in the document: {answer}");
        assert_described(document, described, value, &format!("{at}.{name}"));
    }
    for item in answer.as_array().into_iter().flatten() {
        assert_described(document, &schema["items"], item, at);
    }
}

#[test]
fn answers_have_no_fields_that_it_leaves_out() {
    use crate::recording::Outcome;
    use protocol::{EndCause, Fault, Problem, RecordedFile, TrackKind};
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let service = Service::new();
    let resource_id = service.resource_id();
    let recorded = |status| {
        Box::new(RecordingView {
            status,
            ended_ms: Some(3),
            cause: Some(EndCause::Stopped),
            files: vec![RecordedFile {
                kind: protocol::FileKind::Playlist,
                name: "a.m3u8".into(),
                track: TrackKind::Audio,
                uid: "1".into(),
                start_ms: 2,
                duration_ms: 1,
                slices: 1,
                bytes: 1,
                uploaded_slices: 1,
                md5: None,
            }],
            problems: vec![Problem {
                fault: Fault::Ours,
                code: protocol::ProblemCode::UploadRefused,
                message: "m".into(),
                at_ms: 1,
            }],
            ..snapshot()
        })
    };
    let outcomes = [
        Outcome::Started { sid: SID.into() },
        Outcome::AlreadyStarted { sid: SID.into() },
        Outcome::Conflict { sid: SID.into() },
        Outcome::State(recorded(Status::Recording)),
        Outcome::State(Box::new(RecordingView {
            mode: Mode::Mix,
            ..snapshot()
        })),
        Outcome::State(Box::new(super::vod::snapshot())),
        Outcome::State(recorded(Status::Ended)),
        Outcome::Stopping(recorded(Status::Stopping)),
        Outcome::AlreadyEnded(recorded(Status::Ended)),
        Outcome::Updated,
        Outcome::Mismatch,
    ];
    for (method, path, operation) in operations()
        .into_iter()
        .filter(|(_, _, o)| o["operationId"] != "acquire")
    {
        let path = path.replace("{appid}", APP).replace("{resourceid}", &resource_id);
        let path = path.replace("{sid}", SID).replace("{mode}", "individual");
        let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
        let example = examples.and_then(|examples| examples.values().next());
        let request = match example {
            Some(example) => post(&path, &example["value"]),
            None => request(&method, &path),
        };
        let Step::Call(pending) = service.send(&request) else {
            continue;
        };
        let responses = outcomes.iter().map(|outcome| pending.render(outcome));
        for response in responses.chain([pending.unreachable()]) {
            let described = resolved(&document, &operation["responses"][response.status.to_string()]);
            let is_ours = response.status == 500;
            assert!(
                described.is_object() || is_ours,
                "{path}: {} is not in the document",
                response.status
            );
            if described.is_object() {
                let schema = &described["content"]["application/json"]["schema"];
                assert_described(&document, schema, &body(&response), &path);
            }
        }
    }
}
