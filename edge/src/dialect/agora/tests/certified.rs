//! Apps that have a certificate: start needs a channel token.

use super::*;

/// The published vectors are for this channel and uid, and alive until these Unix seconds.
const CHANNEL: &str = "7d72365eb983485397e3e3f9d460bdda";
const UID: &str = "2882341273";
const DIES: [(&str, u64); 2] = [
    (
        "006970CA35de60c44645bbae8a215061b33IACV0fZUBw+72cVoL9eyGGh3Q6Poi8bgjwVLnyKSJyOXR7dIfRBXoFHlEAABAAAAR/QQAAEAAQCvKDdW",
        1_111_111,
    ),
    (
        "007eJxTYBBbsMMnKq7p9Hf/HcIX5kce9b518kCiQgSr5Zrp4X1Tu6UUGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiVwMRhYWRsYmhkbmxgDCaiTj",
        1_111_711,
    ),
];

fn start(service: &Service, channel: &str, uid: &str, token: Option<&str>) -> Step {
    let names = json!({"cname": channel, "uid": uid});
    let acquired = body(&service.answer(&post(&path(CERTIFIED_APP, "acquire"), &names)));
    let resource_id = acquired["resourceId"].as_str().unwrap();
    let request = set(
        set(start_body(), "/cname", Some(json!(channel))),
        "/uid",
        Some(json!(uid)),
    );
    let request = set(request, "/clientRequest/token", token.map(Value::from));
    service.send(&post(
        &path(
            CERTIFIED_APP,
            &format!("resourceid/{resource_id}/mode/individual/start"),
        ),
        &request,
    ))
}

#[track_caller]
fn assert_refused(handled: Step, code: u32, part: &str) {
    match handled {
        Step::Respond(response) => assert_error(&response, 400, code, part),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_needed_and_must_fit() {
    let mut service = Service::new();
    service.now_ms = 1_000_000_000;
    assert_refused(
        start(&service, CHANNEL, UID, None),
        110,
        "token invalid: the app has a certificate",
    );
    assert_refused(start(&service, CHANNEL, UID, Some("")), 110, "a token is required");
    assert_refused(
        start(&service, CHANNEL, UID, Some("nonsense")),
        110,
        "not a token of version 006 or 007",
    );
    for (token, dies_s) in DIES {
        service.now_ms = dies_s * 1000 - 1;
        assert!(
            matches!(start(&service, CHANNEL, UID, Some(token)), Step::Call(_)),
            "{token}"
        );
        assert_refused(start(&service, "other", UID, Some(token)), 110, "another channel");
        assert_refused(start(&service, CHANNEL, "7", Some(token)), 110, "another uid");
        let changed = token
            .replacen("kYxT", "kYxU", 1)
            .replacen("fZUBw", "fZUBx", 1)
            .replacen("5kce9", "5kce8", 1);
        assert_refused(start(&service, CHANNEL, UID, Some(&changed)), 110, "token invalid");
        service.now_ms += 1;
        assert_refused(start(&service, CHANNEL, UID, Some(token)), 109, "token expired");
    }
}

#[test]
fn an_app_without_a_certificate_looks_at_no_token() {
    let service = Service::new();
    let request = set(start_body(), "/clientRequest/token", Some(json!("nonsense")));
    service.pending(&post(&start_path(&service.resource_id()), &request));
}
