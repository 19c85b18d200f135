//! A start that nobody calls.

use serde_json::{Value, json};

use super::*;
use crate::access::Automatic;
use crate::dialect::{Dialect, StartTerms};
use crate::recording::{Call, Command, Start};

fn automatic(service: &Service, mode: &str, body: &Value, channel: &str) -> Result<Call, String> {
    let app = run(service.directory().app(APP)).unwrap().unwrap();
    let automatic = Automatic {
        mode: mode.to_owned(),
        body: Secret::new(body.to_string()),
    };
    let terms = StartTerms {
        targets: service.targets,
        now_ms: service.now_ms,
        entropy: &entropy(3),
    };
    Dialect::named(&app.dialect)
        .unwrap()
        .automatic(&automatic, channel, &app, terms)
}

fn start(call: Call) -> Start {
    match call.command {
        Command::Start(start) => *start,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_asks_for_what_a_start_call_with_the_same_body_asks_for() {
    let service = Service::new();
    let called = service.pending(&post(&start_path(&service.resource_id()), &start_body()));
    let mut body = start_body();
    body.as_object_mut().unwrap().remove("cname");
    let call = automatic(&service, "individual", &body, "demo").unwrap();
    assert_eq!(call.key, called.call.key);
    let (made, called) = (start(call), start(called.call.clone()));
    assert_eq!((made.spec, made.max_idle_ms), (called.spec, called.max_idle_ms));
    assert_ne!(made.ticket.nonce, called.ticket.nonce);
}

#[test]
fn the_channel_is_the_one_that_has_a_user_whatever_the_setting_says() {
    let service = Service::new();
    let call = automatic(&service, "individual", &start_body(), "other").unwrap();
    assert_eq!(call.key.channel, "other");
}

#[test]
fn what_no_start_call_may_ask_for_is_refused_with_the_reason() {
    let service = Service::new();
    let reason = |mode, body: &Value, channel| automatic(&service, mode, body, channel).unwrap_err();
    assert!(reason("individual", &start_body(), "频道").contains("cname"));
    assert!(reason("web", &start_body(), "demo").contains("web"));
    let body = set(start_body(), "/clientRequest/storageConfig/vendor", Some(json!(999)));
    assert!(reason("individual", &body, "demo").contains("vendor"));
    assert!(reason("individual", &json!([]), "demo").contains("map"));
}
