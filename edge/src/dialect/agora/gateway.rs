//! The answers of the gateway in front of the service: a `message`, no code.

use serde_json::json;

use crate::http::Response;

pub(super) fn no_route() -> Response {
    message(404, "no Route matched with those values")
}

pub(super) fn unauthorized() -> Response {
    challenge("Unauthorized")
}

pub(super) fn invalid_credentials() -> Response {
    challenge("Invalid authentication credentials")
}

pub(super) fn invalid_app() -> Response {
    message(400, "invalid appid")
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
