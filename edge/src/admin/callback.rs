//! An app's callback, as the operator writes it and as it is shown, and what its test has shown.

use protocol::Secret;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::AdminError;
use super::{Admin, MAX_SECRET_BYTES, Question, is_visible, only};
use crate::access::{Callback, Store};
use crate::dialect::EventType;
use crate::input::{FieldError, Fields, Targets, plain_web_url, redact_web};

const MAX_URL_BYTES: usize = 1024;
const MAX_EVENTS: usize = 100;
const MAX_EVENT_TYPE: u64 = 9_999;

/// What one event of a test came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestResult {
    pub event_type: EventType,
    pub delivered: bool,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    pub error: Option<String>,
}

/// Reads a callback that replaces `old`, whose secret stays when none is given. `fresh` is the secret when there is none
/// to keep. Returns it with whether its secret is new.
pub(super) fn read(
    given: &Fields<'_>,
    old: Option<&Callback>,
    fresh: &str,
    targets: Targets,
) -> Result<(Callback, bool), FieldError> {
    only(given, &["url", "secret", "events"])?;
    let url = given.require("url", given.string("url")?)?;
    if url.len() > MAX_URL_BYTES || !plain_web_url(url) {
        let problem = "must be a whole URL with https or http, without a user or a fragment, of at most 1024 bytes; \
                       what a GET shows is shortened";
        return Err(given.error("url", problem));
    }
    targets.check(url).map_err(|problem| given.error("url", problem))?;
    let chosen = given.string("secret")?;
    if chosen.is_some_and(|secret| secret.len() > MAX_SECRET_BYTES || !is_visible(secret)) {
        let problem = format!("must have at most {MAX_SECRET_BYTES} characters, all of visible ASCII");
        return Err(given.error("secret", problem));
    }
    let kept = old.map(|old| &old.secret).filter(|_| chosen.is_none());
    let secret = kept.cloned().unwrap_or_else(|| Secret::new(chosen.unwrap_or(fresh)));
    let callback = Callback {
        url: Secret::new(url),
        secret,
        events: events(given)?,
    };
    Ok((callback, kept.is_none()))
}

/// The events' numbers in the app's dialect. Those of events that this server never sends are taken too: they stand in the
/// vendor's list.
fn events(given: &Fields<'_>) -> Result<Option<Vec<u32>>, FieldError> {
    let Some(list) = given.get("events") else {
        return Ok(None);
    };
    let numbers = list.as_array().and_then(|items| {
        let number = |item: &Value| item.as_u64().filter(|number| *number <= MAX_EVENT_TYPE);
        let number = |item| number(item).and_then(|number| u32::try_from(number).ok());
        items.iter().map(number).collect::<Option<Vec<_>>>()
    });
    match numbers {
        Some(numbers) if (1..=MAX_EVENTS).contains(&numbers.len()) => Ok(Some(numbers)),
        _ => Err(given.error(
            "events",
            format!("must be a list of 1 to {MAX_EVENTS} event types, or be left out for all"),
        )),
    }
}

/// The callback without what can be secret in its URL, and with its secret only when that is new.
pub(super) fn view(callback: &Callback, show_secret: bool) -> Value {
    let mut view = json!({
        "url": redact_web(callback.url.expose()),
        "events": callback.events,
        "has_secret": true,
    });
    if let Some(view) = view.as_object_mut().filter(|_| show_secret) {
        view.insert("secret".to_owned(), Value::from(callback.secret.expose()));
    }
    view
}

impl<S: Store> Admin<'_, S> {
    pub(super) async fn test_callback(&self, app_id: &str) -> Result<Question, AdminError> {
        let app = self.app(app_id).await?;
        let Some(callback) = app.callback else {
            return Err(AdminError::new(
                409,
                "no_callback",
                "the app has no callback: set one first",
            ));
        };
        Ok(Question::TestCallback {
            app_id: app.app_id,
            dialect: app.dialect,
            callback,
        })
    }
}
