//! The documented rules, one row each, which the end-to-end tests also send to a worker.

use tapedeck_requests::RULES;

use super::*;

fn text<'a>(row: &'a Value, name: &str, default: &'a str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or(default)
}

fn app_of(row: &Value) -> &'static str {
    match (text(row, "dialect", "agora"), text(row, "app", "")) {
        ("anyrtc", _) => ANYRTC_APP,
        (_, "disabled") => DISABLED_APP,
        (_, "certified") => CERTIFIED_APP,
        _ => APP,
    }
}

fn resource_id(service: &Service, row: &Value, names: &Value) -> String {
    let kind = text(row, "resource", "fresh");
    let app = if kind == "other_app" { SISTER_APP } else { app_of(row) };
    if app == DISABLED_APP {
        return String::new();
    }
    let announced = row.get("announced").cloned();
    let names = set(named(row, names.clone()), "/clientRequest/startParameter", announced);
    let acquired = without_envelope(body(&service.answer(&post(&path(app, "acquire"), &names))));
    let mut id = acquired["resourceId"].as_str().unwrap().to_owned();
    if kind == "changed" {
        let last = id.pop().unwrap();
        id.push(if last == 'A' { 'B' } else { 'A' });
    }
    id
}

/// The body with the row's own names.
fn named(row: &Value, mut body: Value) -> Value {
    for name in ["cname", "uid"] {
        if let Some(own) = row.get(name) {
            body = set(body, &format!("/{name}"), Some(own.clone()));
        }
    }
    body
}

fn request_of(service: &Service, bodies: &Value, row: &Value) -> Request {
    let call = text(row, "call", "");
    let resource_id = resource_id(service, row, &bodies["acquire"]);
    let (sid, mode) = (
        text(row, "sid", SID),
        text(row, "mode", if call == "updateLayout" { "mix" } else { "individual" }),
    );
    let tail = match call {
        "acquire" => call.to_owned(),
        "start" => format!("resourceid/{resource_id}/mode/{mode}/start"),
        _ => format!("resourceid/{resource_id}/sid/{sid}/mode/{mode}/{call}"),
    };
    let target = text(row, "path", "/v1/apps/{app}/cloud_recording/{tail}")
        .replace("{app}", app_of(row))
        .replace("{tail}", &tail);
    let mut body = named(row, bodies[call].clone());
    for (pointer, value) in row.get("set").and_then(Value::as_object).into_iter().flatten() {
        body = set(body, pointer, Some(value.clone()));
    }
    for pointer in row.get("drop").and_then(Value::as_array).into_iter().flatten() {
        body = set(body, pointer.as_str().unwrap(), None);
    }
    let method = text(row, "method", if call == "query" { "GET" } else { "POST" });
    let authorization = match text(row, "credentials", "right") {
        "none" => None,
        "wrong" => Some(format!("Basic {}", STANDARD.encode("alice:wrong"))),
        "bearer" => Some(format!("Bearer {}", STANDARD.encode("alice:pw"))),
        _ => Some(format!("Basic {}", STANDARD.encode("alice:pw"))),
    };
    let content_type = text(row, "content_type", "application/json;charset=utf-8").to_owned();
    let headers = authorization
        .map(|value| ("Authorization".to_owned(), value))
        .into_iter();
    Request {
        method: method.into(),
        path: target,
        headers: headers.chain([("Content-Type".to_owned(), content_type)]).collect(),
        body: row.get("raw").and_then(Value::as_str).map_or_else(
            || {
                if call == "query" {
                    Vec::new()
                } else {
                    serde_json::to_vec(&body).unwrap()
                }
            },
            |raw| raw.as_bytes().to_vec(),
        ),
        ..Request::default()
    }
}

fn is_about_a_recorder(row: &Value) -> bool {
    let reason = text(row, "reason", "");
    row.get("running").or(row.get("ended")).is_some() || reason == "failed to find worker"
}

#[test]
fn every_documented_rule() {
    let rules: Value = serde_json::from_str(RULES).unwrap();
    let rows = rules["rules"].as_array().unwrap();
    let service = Service::new();
    let mut failures = vec![];
    for row in rows {
        let expected = row["status"].as_u64().unwrap();
        let response = match service.send(&request_of(&service, &rules["bodies"], row)) {
            // What a recorder answers is not decided here.
            Step::Call(_) if expected == 200 || is_about_a_recorder(row) => continue,
            Step::Respond(response) => response,
            other => {
                failures.push(format!("{row}\n  {other:?}"));
                continue;
            }
        };
        let body = without_envelope(body(&response));
        let reason = body
            .get("reason")
            .or(body.get("message"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let as_expected = u64::from(response.status) == expected
            && body.get("code") == row.get("code")
            && reason.contains(text(row, "reason", ""));
        if !as_expected {
            failures.push(format!("{row}\n  {} {body}", response.status));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
}
