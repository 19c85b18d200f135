//! The answers of the gateway in front of the service: a `message`, no code.

use serde_json::json;

use super::flavour::Flavour;
use crate::http::Response;

pub(super) fn unauthorized() -> Response {
    challenge("Unauthorized")
}

pub(super) fn invalid_credentials() -> Response {
    challenge("Invalid authentication credentials")
}

pub(super) fn invalid_app() -> Response {
    message(400, "invalid appid")
}

/// The app is known, and so is the form of its answers.
pub(super) fn too_many_requests(flavour: Flavour) -> Response {
    let body = json!({ "message": "API rate limit exceeded" });
    match flavour.has_envelope() {
        true => Response::json(429, &json!({ "Code": 429, "Body": body })),
        false => Response::json(429, &body),
    }
}

pub(super) fn unexpected_error() -> Response {
    message(500, "An unexpected error occurred")
}

fn challenge(text: &str) -> Response {
    message(401, text).with_header("WWW-Authenticate", r#"Basic realm="tapedeck""#)
}

fn message(status: u16, text: &str) -> Response {
    Response::json(status, &json!({ "message": text }))
}
