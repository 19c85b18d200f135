//! How the channels of an app are recorded without a call.

use protocol::Secret;
use serde_json::{Value, json};

use super::only;
use crate::access::{App, Automatic};
use crate::dialect::{Dialect, StartTerms};
use crate::input::{FieldError, Fields};

/// A name that every dialect takes for a channel.
const ANY_CHANNEL: &str = "channel";

pub(super) fn read(given: &Fields<'_>) -> Result<Automatic, FieldError> {
    only(given, &["mode", "body"])?;
    let mode = given.require("mode", given.string("mode")?)?;
    let body = given.require("body", given.object("body")?)?;
    let text = serde_json::to_string(body.map()).map_err(|error| given.error("body", error.to_string()))?;
    Ok(Automatic {
        mode: mode.to_owned(),
        body: Secret::new(text),
    })
}

/// Whether the dialect of the app starts what its setting asks for.
pub(super) fn check(app: &App, body: &Fields<'_>, terms: StartTerms<'_>) -> Result<(), FieldError> {
    let (Some(automatic), Some(dialect)) = (&app.automatic, Dialect::named(&app.dialect)) else {
        return Ok(());
    };
    let start = dialect.automatic(automatic, ANY_CHANNEL, app, terms);
    start.map(drop).map_err(|reason| body.error("automatic", reason))
}

/// Without the body, in which keys are.
pub(super) fn view(automatic: &Automatic) -> Value {
    json!({ "mode": automatic.mode })
}
