//! The form of answers: JSON with status 200 whatever the code, as the vendor describes it for "all answers".

use serde_json::{Value, json};

use super::code::ApiError;
use crate::dialect::step::Step;
use crate::http::Response;

pub(super) fn success(data: Value) -> Step {
    respond(json!({ "code": 0, "data": data, "msg": "" }))
}

/// An answer without content.
pub(super) fn done() -> Step {
    success(json!({}))
}

pub(super) fn failure(error: impl Into<ApiError>) -> Step {
    let ApiError { code, msg } = error.into();
    respond(json!({ "code": code, "data": {}, "msg": msg }))
}

fn respond(body: Value) -> Step {
    Step::Respond(Response::json(200, &body))
}

/// Where a file is.
pub(super) fn found(link: &str) -> Step {
    Step::Respond(
        Response::empty(302)
            .with_header("Location", link)
            .with_header("Cache-Control", "no-store"),
    )
}
