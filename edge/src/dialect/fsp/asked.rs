use serde_json::Value;

use super::code::ApiError;
use super::flavour::Flavour;
use super::params::Object;
use super::reply::Reply;
use super::route::Endpoint;
use crate::access::App;
use crate::dialect::step::Step;

/// A call by a developer who may use the app, with all that it takes to answer it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) flavour: Flavour,
    pub(super) app: App,
    pub(super) endpoint: Endpoint,
    pub(super) fields: Object,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
    /// Fresh, for a new task.
    pub(super) sid: String,
}

impl Asked {
    /// An answer with what every answer to the call says again.
    pub(super) fn reply(&self) -> Reply {
        echo(Reply::new(self.flavour), &self.fields)
    }

    pub(super) fn fail(&self, error: impl Into<ApiError>) -> Step {
        Step::Respond(self.reply().error(&error.into()))
    }
}

/// With what the caller wants to see again.
pub(super) fn echo(reply: Reply, fields: &Object) -> Reply {
    let seen = |name: &str| fields.get(name).filter(|value| !value.is_object() && !value.is_array());
    let seen = |name: &str| seen(name).cloned().unwrap_or(Value::Null);
    reply.with("seq", seen("seq")).with("record_id", seen("record_id"))
}
