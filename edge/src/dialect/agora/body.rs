//! The JSON body of requests.

use serde_json::{Map, Value};

use super::error::{ApiError, BAD_REQUEST};
use crate::http::Request;

pub(super) type Object = Map<String, Value>;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// The body as a JSON object. The content type may be any of JSON's, with any parameters, or missing.
pub(super) fn read(request: &Request) -> Result<Object, ApiError> {
    let error = |detail: &str| Err(ApiError::new(BAD_REQUEST, detail));
    if !request.headers.get("content-type").is_none_or(is_json) {
        return error("Content-type must be application/json;charset=utf-8");
    }
    if request.body.len() > MAX_BODY_BYTES {
        return error("the request body must not be longer than 65536 bytes");
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => error("the request body must be a JSON object"),
        // The place only: serde's texts can quote what stands there.
        Err(parse) => error(&format!(
            "the request body is not valid JSON: line {}, column {}",
            parse.line(),
            parse.column()
        )),
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json")
}
