//! Requests to the edge that nobody plans for, by which its core is tested natively and the worker in workerd: some follow
//! the API's document with one field or another changed, some are made of bytes alone. What is documented about fields comes
//! from the document and from the table of rules; how a request is sent, and what has to be answered, is the tests' matter.

mod fields;
mod value;

use fields::{Field, fields_of, put};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// The API's document.
pub const DOCUMENT: &str = include_str!("../../../edge/assets/openapi.json");
/// The table of documented rules.
pub const RULES: &str = include_str!("../../agora_rules.json");

/// The channel and the recorder's uid in most bodies, so that IDs fit them.
pub const CHANNEL: &str = "generated";
pub const UID: &str = "527841";

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Fields that are changed at a time, at most.
const MAX_CHANGES: usize = 5;

/// A request as it is to be sent but for what only the sender knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    pub method: String,
    /// With a leading slash, percent-encoded where it comes from an operation. The sender puts its own values in place of
    /// `{appid}`, `{app_id}`, `{resourceid}` and `{sid}`.
    pub path: String,
    pub credentials: Credentials,
    pub content_type: String,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Credentials {
    /// The right ones for an operation.
    Right,
    None,
    /// Any value of the header.
    Text(String),
}

/// Makes requests to the operations of the document whose paths begin with one of these.
#[derive(Debug)]
pub struct Generator(Vec<Operation>);

#[derive(Clone, Debug)]
struct Operation {
    method: String,
    path: String,
    /// Bodies to begin with; empty when it takes none.
    bodies: Vec<Value>,
    fields: Vec<Field>,
}

/// What becomes of a field.
#[derive(Clone, Debug)]
enum Change {
    /// A value that the document or the rules speak of.
    Documented(Index),
    Any(Value),
    Dropped,
}

impl Generator {
    /// # Panics
    /// When the document has no such operation, or is none.
    pub fn new(prefix: &str) -> Self {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        let rules: Value = serde_json::from_str(RULES).expect("the rules are JSON");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().filter(|(path, _)| path.starts_with(prefix));
        let operations = operations.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(|(method, operation)| Operation::new(&document, &rules, method, path, operation))
        });
        let operations: Vec<_> = operations.collect();
        assert!(!operations.is_empty(), "no operation below {prefix}");
        Self(operations)
    }

    /// Requests that follow the document but for some fields.
    pub fn schema_aware(&self) -> impl Strategy<Value = Generated> + use<> {
        let change = prop_oneof![
            4 => any::<Index>().prop_map(Change::Documented),
            2 => value::json().prop_map(Change::Any),
            1 => Just(Change::Dropped),
        ];
        let changes = prop::collection::vec((any::<Index>(), change), 0..MAX_CHANGES);
        let segment = prop_oneof![9 => Just(None), 1 => "[A-Za-z0-9_%.~-]{1,60}".prop_map(Some)];
        let inputs = (
            any::<Index>(),
            changes,
            prop::collection::vec(segment, 8),
            any::<bool>(),
        );
        (select(self.0.clone()), inputs).prop_map(|(operation, (base, changes, segments, mixed))| {
            let mut body = (!operation.bodies.is_empty()).then(|| base.get(&operation.bodies).clone());
            for (field, change) in changes.iter().filter(|_| !operation.fields.is_empty()) {
                let field = field.get(&operation.fields);
                let value = match change {
                    Change::Documented(which) => Some(which.get(&field.values).clone()),
                    Change::Any(value) => Some(value.clone()),
                    Change::Dropped => None,
                };
                body = body.map(|body| put(body, &field.pointer, value));
            }
            Generated {
                method: operation.method,
                path: fill(&operation.path, &segments, mixed),
                credentials: Credentials::Right,
                content_type: "application/json;charset=utf-8".to_owned(),
                body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
            }
        })
    }

    /// Requests whose parts are made of any characters and bytes.
    pub fn raw(&self) -> impl Strategy<Value = Generated> + use<> {
        let paths: Vec<_> = self.0.iter().map(|operation| operation.path.clone()).collect();
        let segments = prop::collection::vec(".{0,40}".prop_map(Some), 8);
        let path = prop_oneof![
            3 => (select(paths.clone()), any::<bool>()).prop_map(|(path, mixed)| fill(&path, &[], mixed)),
            2 => (select(paths), segments).prop_map(|(path, segments)| fill(&path, &segments, false)),
            1 => "/.{0,80}",
        ];
        let body = prop_oneof![
            3 => prop::collection::vec(any::<u8>(), 0..400),
            2 => value::json().prop_map(|value| value.to_string().into_bytes()),
            1 => value::cut_json(),
        ];
        let credentials = prop_oneof![
            6 => Just(Credentials::Right),
            1 => Just(Credentials::None),
            2 => "(Basic |Bearer |basic|)[ -~]{0,60}".prop_map(Credentials::Text),
        ];
        let content_type = prop_oneof![4 => Just("application/json".to_owned()), 1 => "[ -~]{0,40}"];
        let method = select(METHODS.map(str::to_owned).to_vec());
        (method, path, credentials, content_type, body).prop_map(|(method, path, credentials, content_type, body)| {
            Generated {
                method,
                path,
                credentials,
                content_type,
                body,
            }
        })
    }
}

impl Operation {
    fn new(document: &Value, rules: &Value, method: &str, path: &str, operation: &Value) -> Self {
        let content = &operation["requestBody"]["content"]["application/json"];
        let name = operation["operationId"].as_str().unwrap_or_default();
        let examples = content["examples"].as_object().into_iter().flatten();
        let examples = examples.map(|(_, example)| example["value"].clone());
        let mut bodies: Vec<_> = examples.chain(rules["bodies"].get(name).cloned()).collect();
        for body in &mut bodies {
            for (field, value) in [("cname", CHANNEL), ("uid", UID)] {
                if let Some(field) = body.get_mut(field) {
                    *field = value.into();
                }
            }
        }
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            bodies,
            fields: fields_of(document, &content["schema"], rules, name),
        }
    }
}

/// So many requests, the same ones for the same seed.
///
/// # Panics
/// When the strategy gives up.
pub fn fixed(strategy: &impl Strategy<Value = Generated>, seed: u8, count: usize) -> Vec<Generated> {
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let one = |_| strategy.new_tree(&mut runner).expect("a request").current();
    (0..count).map(one).collect()
}

/// Puts the segments in place of the path's parameters. Without one, those that the sender knows stay, and the others get
/// a value of their kind.
fn fill(path: &str, segments: &[Option<String>], mixed: bool) -> String {
    let part = |(place, part): (usize, &str)| {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match (name, segments.get(place % segments.len().max(1)).cloned().flatten()) {
            (None, _) => part.to_owned(),
            (Some(_), Some(text)) => text,
            (Some("mode"), None) => if mixed { "mix" } else { "individual" }.to_owned(),
            (Some("tenant" | "customer_id"), None) => "g1".to_owned(),
            (Some("number"), None) => "1".to_owned(),
            (Some(_), None) => part.to_owned(),
        }
    };
    let parts: Vec<_> = path.split('/').enumerate().map(part).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_requests() {
        let generator = Generator::new("/v1/");
        for seed in [1, 2] {
            let one = fixed(&generator.schema_aware(), seed, 20);
            assert_eq!(one, fixed(&generator.schema_aware(), seed, 20));
            assert_ne!(one, fixed(&generator.schema_aware(), seed + 2, 20));
        }
        assert_eq!(fixed(&generator.raw(), 1, 20), fixed(&generator.raw(), 1, 20));
    }

    #[test]
    fn every_call_and_many_fields_are_met() {
        let generator = Generator::new("/v1/");
        let requests = fixed(&generator.schema_aware(), 1, 400);
        for call in ["acquire", "start", "query", "update", "updateLayout", "stop"] {
            let calls = |request: &&Generated| request.path.ends_with(&format!("/{call}"));
            assert!(requests.iter().any(|request| calls(&request)), "{call}");
        }
        let start = generator.0.iter().find(|operation| operation.path.ends_with("/start"));
        let fields = &start.expect("a start").fields;
        for pointer in [
            "/clientRequest/recordingConfig/maxIdleTime",
            "/clientRequest/storageConfig/vendor",
        ] {
            let field = fields.iter().find(|field| field.pointer == pointer);
            assert!(
                field.is_some_and(|field| field.values.len() > 3),
                "{pointer}: {field:?}"
            );
        }
    }
}
