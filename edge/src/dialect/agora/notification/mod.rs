//! Events as the vendors' notifications: their numbers and payloads, the request's body, and the signatures in its headers.
//! Knows nothing of who receives them, or of what becomes of a delivery.

mod details;
mod problem;
mod sign;
#[cfg(test)]
mod tests;

use protocol::Secret;
use serde_json::{Value, json};

use super::flavour::Flavour;
use crate::dialect::notification::{Notification, notice_id};
use crate::http::Headers;
use crate::recording::{Event, Notice, Subject};
use details::{details, kind};

/// What the vendors call cloud recording among their products.
const PRODUCT: u8 = 3;

/// The vendors' number of an event.
pub(super) fn event_type(event: &Event) -> u32 {
    kind(event).event_type
}

/// A POST with the event in its body.
///
/// `now_ms`: when it is sent, in Unix milliseconds.
pub(super) fn notification(
    subject: &Subject,
    notice: &Notice,
    flavour: Flavour,
    secret: &Secret,
    now_ms: u64,
) -> Notification {
    let kind = kind(&notice.event);
    let mut payload = json!({
        "cname": subject.key.channel,
        "uid": subject.key.uid,
        "sid": subject.sid,
        "sequence": notice.number,
        "sendts": notice.at_ms,
        "serviceType": kind.service_type,
        "details": details(&notice.event, flavour, subject.mode),
    });
    if flavour == Flavour::Agora
        && let Some(payload) = payload.as_object_mut()
    {
        payload.insert("serviceScene".to_owned(), Value::from(scene(subject)));
    }
    let body = json!({
        "noticeId": notice_id(&subject.sid, notice.number),
        "productId": PRODUCT,
        "eventType": kind.event_type,
        "notifyMs": now_ms,
        "sid": subject.sid,
        "payload": payload,
    });
    let body = body.to_string().into_bytes();
    let mut headers = Headers::default();
    headers.push("Content-Type", "application/json");
    sign::sign(&mut headers, flavour, secret, &body);
    Notification {
        method: "POST",
        query: String::new(),
        headers,
        body: Some(body),
    }
}

fn scene(subject: &Subject) -> &'static str {
    if subject.pictures_only {
        "rtc_snapshot"
    } else {
        "rtc_record"
    }
}
