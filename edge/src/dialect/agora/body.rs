//! The JSON body of requests and of the service's replies.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::{ApiError, BAD_REQUEST};
use super::server_response::ServerResponse;
use crate::access::{Flavour, ResourceId};
use crate::http::{Request, Response};

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

/// The service's reply; what is `None` is left out. The flavour says whether it stands in an envelope.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply {
    #[serde(skip)]
    pub(super) flavour: Flavour,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_response: Option<ServerResponse>,
}

impl Reply {
    /// About nothing yet.
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            ..Self::default()
        }
    }

    /// About a resource ID that has been opened; `text` is its sealed form.
    pub(super) fn about(self, resource: &ResourceId, text: &str) -> Self {
        Self {
            cname: Some(resource.channel.clone()),
            uid: Some(resource.uid.clone()),
            resource_id: Some(text.to_owned()),
            ..self
        }
    }

    pub(super) fn answer(&self, status: u16) -> Response {
        if self.flavour.has_envelope() {
            Response::json(status, &json!({ "Code": status, "Body": self }))
        } else {
            Response::json(status, self)
        }
    }
}
