//! Events as the vendors' callbacks: their numbers and payloads, the request's body, and the signatures in its headers.
//! Knows nothing of who receives them, or of what becomes of a delivery.

mod details;
mod examples;
mod problem;
mod sign;
#[cfg(test)]
mod tests;

use protocol::{Mode, RecorderKey, Secret};
use serde_json::{Value, json};

use crate::access::Flavour;
use crate::http::Headers;
use crate::recording::{Event, Notice, Subject};
use details::{details, kind};

/// What the vendors call cloud recording among their products.
const PRODUCT: u8 = 3;
/// Whom the events of a test are about.
const TEST_CHANNEL: &str = "test_webhook";
const TEST_UID: &str = "12121212";

/// The request to a callback: a POST with this body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The vendor's number of an event.
pub fn event_type(event: &Event) -> u32 {
    kind(event).event_type
}

/// The same for each delivery of an event.
pub fn notice_id(sid: &str, number: u64) -> String {
    format!("{sid}:{number}")
}

/// `now_ms`: when it is sent, in Unix milliseconds.
pub fn callback(subject: &Subject, notice: &Notice, flavour: Flavour, secret: &Secret, now_ms: u64) -> Callback {
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
    Callback { headers, body }
}

/// One event of each of these types, as a test of a callback. Of a type that this server has no example for, nothing.
pub fn samples(app_id: &str, wanted: Option<&[u32]>, now_ms: u64) -> Vec<(u32, Subject, Notice)> {
    let subject = Subject {
        key: RecorderKey {
            app_id: app_id.to_owned(),
            channel: TEST_CHANNEL.to_owned(),
            uid: TEST_UID.to_owned(),
        },
        sid: "0".repeat(32),
        mode: Mode::Individual,
        pictures_only: false,
    };
    let events = examples::all(&subject, now_ms);
    let events = events.into_iter().map(|event| (event_type(&event), event));
    let events = events.filter(|(number, _)| wanted.is_none_or(|wanted| wanted.contains(number)));
    let notices = (0..).zip(events).map(|(number, (event_type, event))| {
        let notice = Notice {
            number,
            at_ms: now_ms,
            event,
        };
        (event_type, subject.clone(), notice)
    });
    notices.collect()
}

fn scene(subject: &Subject) -> &'static str {
    if subject.pictures_only {
        "rtc_snapshot"
    } else {
        "rtc_record"
    }
}
