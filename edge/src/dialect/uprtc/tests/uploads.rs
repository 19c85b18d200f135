//! Files that customers and their clients send.

use super::*;
use crate::dialect::uprtc::record::sid;
use crate::upload::{Problem, Stage};

const FORM: &str = "multipart/form-data; boundary=x";

fn upload(bench: &Bench, content_type: &str) -> Value {
    let mut request = bench.request("POST", "/record/upload", None);
    request.headers.push("Content-Type", content_type);
    assert!(route(&request).unwrap().takes_file());
    serde_json::from_slice(&bench.send(&request).body).unwrap()
}

#[test]
fn a_file_becomes_a_record() {
    let bench = Bench::new();
    *bench.received.borrow_mut() = Ok(vec![4, 2]);
    let answer = upload(&bench, FORM);
    let record_id = answer["data"]["recordId"].as_str().unwrap();
    assert_eq!(
        answer["data"],
        json!({"recordId": record_id, "serverAlias": "rtc-1:cluster-1", "serverAddress": "rtc-1.example:6017"})
    );
    let orders = bench.orders.borrow();
    let order = &orders[0];
    assert_eq!(
        (order.sid.as_str(), order.imports),
        (sid(APP, record_id).as_str(), true)
    );
    let parts: Vec<_> = order.parts.iter().map(|part| (part.key.clone(), part.bytes)).collect();
    let key = |number: u8| format!("{}/pieces/0000{number}", order.place);
    assert_eq!(parts, [(key(0), 4), (key(1), 2)]);
    assert!(order.place.ends_with(&order.sid), "{}", order.place);
}

#[test]
fn what_is_no_file_becomes_none() {
    let bench = Bench::new();
    for content_type in ["application/json", "multipart/form-data"] {
        assert_eq!(upload(&bench, content_type)["code"], 10_002, "{content_type}");
    }
    for (received, code) in [
        (Ok(Vec::new()), 10_002),
        (Err(Problem::Unfit("the field file is required")), 10_002),
        (Err(Problem::Broken), 10_002),
        (Err(Problem::Store("secret".into())), 10_000),
    ] {
        *bench.received.borrow_mut() = received;
        let answer = upload(&bench, FORM);
        assert_eq!(answer["code"], code, "{answer}");
        assert!(!answer.to_string().contains("secret"));
    }
    assert_eq!(bench.orders.borrow().len(), 0);
}

#[test]
fn a_client_is_given_a_url_that_nobody_guesses() {
    let bench = Bench::new();
    let data = bench.data("POST", "/record/client/upload", None);
    let record_id = data["recordId"].as_str().unwrap();
    let (opened, opening) = bench.opened.borrow()[0].clone();
    assert_eq!(opened, record_id);
    assert_eq!(opening.token.len(), 32);
    let url = format!(
        "wss://rtc.example/s1/c1/record?recordId={record_id}&token={}",
        opening.token
    );
    let expected = json!({
        "recordId": record_id, "serverUrl": url, "serverAlias": "rtc-1:cluster-1",
        "serverAddress": "rtc-1.example:6017",
    });
    assert_eq!(data, expected);
    assert_eq!(opening.order.sid, sid(APP, record_id));
    bench.data("POST", "/record/client/upload", None);
    assert_ne!(bench.opened.borrow()[1].1.token, opening.token);
}

#[test]
fn an_upload_that_is_not_whole_has_a_status() {
    let bench = Bench::new();
    for (stage, number) in [
        (None, 0),
        (Some(Stage::Waits), 1),
        (Some(Stage::Comes), 2),
        (Some(Stage::Ends), 3),
    ] {
        bench.stage.set(stage);
        assert_eq!(
            bench.data("GET", "/record/nothere/status", None),
            json!({"status": number})
        );
    }
}

#[test]
fn an_upload_needs_a_store_a_server_and_room() {
    let bench = Bench::new();
    let code = || {
        (
            upload(&bench, FORM)["code"].clone(),
            bench.code("POST", "/record/client/upload", None),
        )
    };
    *bench.shown.borrow_mut() = format!("key={BARE_APP}.{SECRET}");
    assert_eq!(code(), (json!(50_021), 50_021));
    *bench.shown.borrow_mut() = format!("key={APP}.{SECRET}");
    bench.denial.set(Some(Denial::NoRoom { recordings: 3 }));
    assert_eq!(code(), (json!(50_021), 50_021));
    bench.denial.set(None);
    bench.servers.borrow_mut().clear();
    assert_eq!(code(), (json!(50_021), 50_021));
    bench.silent.set(true);
    assert_eq!(code(), (json!(10_000), 10_000));
}
