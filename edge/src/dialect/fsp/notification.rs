//! What a callback would be told, if the vendor had any.

use serde_json::json;

use crate::dialect::notification::Notification;
use crate::http::Headers;
use crate::recording::Subject;

/// The vendor's number of the message that tells how a task stands.
pub(super) const RECORD_STATUS: u32 = 20_104;

/// Names the task, so that it can be asked about.
pub(super) fn notification(subject: &Subject) -> Notification {
    let body = json!({"id": RECORD_STATUS, "group_id": subject.key.channel, "sid": subject.sid});
    let content_type = ("Content-Type".to_owned(), "application/json".to_owned());
    Notification {
        method: "POST",
        query: String::new(),
        headers: Headers::from_iter([content_type]),
        body: Some(body.to_string().into_bytes()),
    }
}
