//! `startParameter`: what acquire announced is what start must ask for.

use super::*;

fn acquire(service: &Service, start: &Value) -> String {
    let request = json!({"cname": "demo", "uid": "527841", "clientRequest": {"startParameter": start}});
    let response = service.answer(&post(&path(APP, "acquire"), &request));
    body(&response)["resourceId"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", body(&response)))
        .to_owned()
}

#[test]
fn a_start_asks_for_what_was_announced() {
    let service = Service::new();
    let announced = start_body()["clientRequest"].clone();
    let resource_id = acquire(&service, &announced);
    service.pending(&post(&start_path(&resource_id), &start_body()));
    // In other words, the same.
    let same = set(
        start_body(),
        "/clientRequest/recordingConfig/maxIdleTime",
        Some(json!(30.0)),
    );
    service.pending(&post(&start_path(&resource_id), &same));
    for (pointer, value) in [
        ("/clientRequest/recordingConfig/maxIdleTime", json!(31)),
        ("/clientRequest/storageConfig/secretKey", json!("another")),
        ("/clientRequest/recordingConfig/subscribeAudioUids", json!(["1"])),
        ("/clientRequest/token", json!("t")),
    ] {
        let other = set(start_body(), pointer, Some(value));
        assert_error(
            &service.answer(&post(&start_path(&resource_id), &other)),
            400,
            2,
            "request_hash mismatch!",
        );
    }
    // What is wrong by itself is said first.
    let wrong = set(
        start_body(),
        "/clientRequest/recordingConfig/maxIdleTime",
        Some(json!(4)),
    );
    assert_error(
        &service.answer(&post(&start_path(&resource_id), &wrong)),
        400,
        2,
        "maxIdleTime",
    );
}

#[test]
fn an_announcement_that_says_nothing_binds_to_nothing() {
    let service = Service::new();
    for nothing in [
        json!(null),
        json!({}),
        json!({"token": "", "recordingConfig": {"channelType": 0}}),
    ] {
        let resource_id = acquire(&service, &nothing);
        service.pending(&post(&start_path(&resource_id), &start_body()));
    }
}

#[test]
fn the_resource_id_does_not_hold_the_parameters() {
    let service = Service::new();
    let long = json!({"token": "t".repeat(5000)});
    assert!(acquire(&service, &long).len() < 400);
}
