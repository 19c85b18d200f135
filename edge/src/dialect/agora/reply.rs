use serde::Serialize;
use serde_json::json;

use super::flavour::Flavour;
use super::server_response::ServerResponse;
use crate::access::ResourceId;
use crate::http::Response;

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
