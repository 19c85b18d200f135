//! The forms of answers. All are JSON with status 200, as the vendor's clients expect of a code too, and may be read by pages
//! of any site: what lets a caller in is no cookie.

use serde_json::{Map, Value, json};

use super::code::ApiError;
use super::flavour::Flavour;
use crate::http::Response;

/// How long a browser may remember what it may send, in seconds.
const PREFLIGHT_S: &str = "86400";

/// What an answer tells beside its code.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply {
    pub(super) flavour: Flavour,
    fields: Map<String, Value>,
}

impl Reply {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            fields: Map::new(),
        }
    }

    /// With another field; `null` is left out.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => {}
            value => {
                self.fields.insert(name.to_owned(), value);
            }
        }
        self
    }

    pub(super) fn success(self) -> Response {
        self.answer(0, "OK")
    }

    /// A success with a text of its own.
    pub(super) fn success_as(self, msg: &str) -> Response {
        self.answer(0, msg)
    }

    pub(super) fn error(self, error: &ApiError) -> Response {
        let code = error.code.number(self.flavour);
        self.answer(code, &error.msg)
    }

    fn answer(self, code: u64, msg: &str) -> Response {
        let mut fields = Map::new();
        fields.insert("code".to_owned(), code.into());
        fields.insert("msg".to_owned(), msg.into());
        fields.extend(self.fields);
        open(Response::json(200, &fields))
    }
}

/// The answer to the question of a browser what a page may send.
pub(super) fn preflight() -> Response {
    open(Response::empty(204))
        .with_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
        .with_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
        .with_header("Access-Control-Max-Age", PREFLIGHT_S)
}

/// The discovery's answers have another form.
pub(super) fn address(code: u64, message: &str, result: Option<&str>) -> Response {
    let body = match result {
        Some(result) => json!({"code": code, "message": message, "msg": message, "result": result}),
        None => json!({"code": code, "message": message, "msg": message}),
    };
    open(Response::json(200, &body))
}

fn open(response: Response) -> Response {
    response.with_header("Access-Control-Allow-Origin", "*")
}
