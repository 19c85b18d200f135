//! The table of documented rules, `agora_rules.json`, sent row by row to a worker. Its node takes every job, so that each row
//! is decided by the worker alone, and none leaves the machine.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tapedeck_requests::RULES;
use tapedeck_tests::customer::{Customer, Reply, send};
use tapedeck_tests::stack::Stack;

use crate::{documented, fleet, scenarios, steps};

/// A sid that no start gave out.
const SID: &str = "38f8e3cfdc474cd56fc1ceba380d7e1a";
const UID: &str = "527841";
/// How often a call is repeated that was one too many in its second.
const PATIENCE: usize = 30;
/// Rows that are under way at a time.
const LANES: usize = 6;

pub(crate) async fn every_documented_rule_and_no_undocumented_answer(stack: &mut Stack) {
    scenarios::every_scenario_goes_as_it_says(stack).await;
    every_documented_rule(stack).await;
    documented::no_answer_is_missing_in_the_document(stack).await;
}

async fn every_documented_rule(stack: &Stack) {
    let rules: Value = serde_json::from_str(RULES).expect("the table");
    let _node = fleet::node_with_files(stack, "rules").await;
    let apps = Arc::new(Apps {
        agora: stack.customer(),
        sister: steps::other_app(stack, "agora").await,
        anyrtc: steps::other_app(stack, "anyrtc").await,
        disabled: stack.new_app(&json!({ "disabled": true })).await,
        // The App ID of the vendor's published token.
        certified: stack
            .new_app(&json!({
                "app_id": "970CA35de60c44645bbae8a215061b33",
                "certificate": "5CFd2fd1755d40ecb72977518be15d3b",
            }))
            .await,
        bodies: rules["bodies"].clone(),
    });
    let rows = rules["rules"].as_array().expect("rows");
    let lanes = (0..LANES).map(|lane| {
        let rows = rows.iter().cloned().enumerate().skip(lane).step_by(LANES);
        let (rows, apps) = (rows.collect::<Vec<_>>(), Arc::clone(&apps));
        tokio::spawn(async move {
            let mut failures = Vec::new();
            for (number, row) in &rows {
                failures.extend(apps.failure(row, *number).await);
            }
            failures
        })
    });
    let mut failures = Vec::new();
    for lane in lanes.collect::<Vec<_>>() {
        failures.extend(lane.await.expect("no panic"));
    }
    assert!(
        failures.is_empty(),
        "{} of {} rows:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
}

/// Who calls, and what the rows' requests are made of.
struct Apps {
    agora: Customer,
    sister: Customer,
    anyrtc: Customer,
    disabled: Customer,
    certified: Customer,
    bodies: Value,
}

impl Apps {
    /// What is wrong with the answer to a row's request.
    async fn failure(&self, row: &Value, number: usize) -> Option<String> {
        let caller = Caller {
            customer: match (row["dialect"].as_str(), row["app"].as_str()) {
                (Some("anyrtc"), _) => &self.anyrtc,
                (_, Some("disabled")) => &self.disabled,
                (_, Some("certified")) => &self.certified,
                _ => &self.agora,
            },
            sister: &self.sister,
            bodies: &self.bodies,
            row,
            number,
        };
        let reply = caller.send().await;
        let reason = reply.body.get("reason").or(reply.body.get("message"));
        let reason = reason.and_then(Value::as_str).unwrap_or_default();
        let as_expected = u64::from(reply.status) == row["status"].as_u64().expect("a status")
            && reply.body.get("code") == row.get("code")
            && reason.contains(row["reason"].as_str().unwrap_or_default());
        (!as_expected).then(|| format!("{row}\n  {} {}", reply.status, reply.body))
    }
}

struct Caller<'a> {
    customer: &'a Customer,
    sister: &'a Customer,
    bodies: &'a Value,
    row: &'a Value,
    number: usize,
}

impl Caller<'_> {
    fn text(&self, name: &str, default: &'static str) -> &str {
        self.row.get(name).and_then(Value::as_str).unwrap_or(default)
    }

    async fn send(&self) -> Reply {
        let call = self.text("call", "");
        let mut body = self.body(call);
        for (pointer, value) in self.row["set"].as_object().unwrap_or(&Map::new()) {
            set(&mut body, pointer, value);
        }
        for pointer in self.row["drop"].as_array().unwrap_or(&Vec::new()) {
            remove(&mut body, pointer.as_str().expect("a pointer"));
        }
        let mode = self.text("mode", if call == "updateLayout" { "mix" } else { "individual" });
        let ended = self.row["ended"] == true;
        let runs = ended
            || self.row.get("running").is_some()
            || (self.row["status"] == 200 && !["acquire", "start"].contains(&call));
        let (resource_id, sid) = match call {
            "acquire" => (String::new(), String::new()),
            _ if runs => {
                self.running(self.text("recorded", if mode == "mix" { "mix" } else { "individual" }))
                    .await
            }
            _ => (self.resource_id().await, SID.to_owned()),
        };
        if ended {
            self.stop(&resource_id, &sid, false).await;
        }
        let second = match self.text("resource", "fresh") {
            "second" => self.resource_id().await,
            _ => resource_id.clone(),
        };
        let tail = match call {
            "acquire" => call.to_owned(),
            "start" => format!("resourceid/{second}/mode/{mode}/start"),
            _ => format!(
                "resourceid/{second}/sid/{}/mode/{mode}/{call}",
                self.row["sid"].as_str().unwrap_or(&sid)
            ),
        };
        let reply = self.call(call, &tail, &body).await;
        if call == "start" && reply.status == 200 {
            self.stop(&resource_id, reply.text("sid"), true).await;
        } else if runs && !ended && (call != "stop" || reply.status != 200) {
            self.stop(&resource_id, &sid, true).await;
        }
        reply
    }

    /// The body of an ordinary call in a channel of the row's own, into the stack's bucket.
    fn body(&self, call: &str) -> Value {
        let mut body = self.bodies[call].clone();
        let own = format!("rules{}", self.number);
        set(&mut body, "/cname", &json!(self.row["cname"].as_str().unwrap_or(&own)));
        set(&mut body, "/uid", &json!(self.text("uid", UID)));
        if call == "start" {
            self.use_own_storage(&mut body);
        }
        body
    }

    /// The resource ID and the sid of a recording that has been started.
    async fn running(&self, mode: &str) -> (String, String) {
        let resource_id = self.resource_id().await;
        let mut body = self.body("start");
        for (pointer, value) in self.row["running"].as_object().unwrap_or(&Map::new()) {
            set(&mut body, pointer, value);
        }
        let path = format!("resourceid/{resource_id}/mode/{mode}/start");
        let start = || self.customer.request(Method::POST, &path).json(&body);
        let reply = self.patiently(start).await.expect(200);
        (resource_id, reply.text("sid").to_owned())
    }

    async fn stop(&self, resource_id: &str, sid: &str, at_once: bool) {
        let path = format!("resourceid/{resource_id}/sid/{sid}/mode/individual/stop");
        let mut body = self.body("stop");
        set(&mut body, "/clientRequest/async_stop", &json!(at_once));
        let stop = || self.customer.request(Method::POST, &path).json(&body);
        self.patiently(stop).await.expect(200);
    }

    fn use_own_storage(&self, body: &mut Value) {
        let storage = &self.customer.storage;
        let own = [
            ("bucket", &storage.bucket),
            ("accessKey", &storage.access_key),
            ("secretKey", &storage.secret_key),
            ("extensionParams/endpoint", &storage.endpoint),
        ];
        for (field, value) in own {
            set(body, &format!("/clientRequest/storageConfig/{field}"), &json!(value));
        }
    }

    async fn resource_id(&self) -> String {
        let kind = self.text("resource", "fresh");
        let customer = if kind == "other_app" {
            self.sister
        } else {
            self.customer
        };
        let mut body = self.body("acquire");
        if let Some(announced) = self.row.get("announced") {
            set(&mut body, "/clientRequest/startParameter", announced);
        }
        let acquire = || customer.request(Method::POST, "acquire").json(&body);
        let reply = self.patiently(acquire).await.expect(200);
        let mut id = reply.text("resourceId").to_owned();
        if kind == "changed" {
            let last = id.pop();
            id.push(if last == Some('A') { 'B' } else { 'A' });
        }
        id
    }

    async fn call(&self, call: &str, tail: &str, body: &Value) -> Reply {
        let path = self.text("path", "/v1/apps/{app}/cloud_recording/{tail}");
        let path = path.replace("{app}", &self.customer.app_id).replace("{tail}", tail);
        let method = self.text("method", if call == "query" { "GET" } else { "POST" });
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let content_type = self.text("content_type", "application/json;charset=utf-8");
        let text = self.row["raw"].as_str().map_or_else(|| body.to_string(), str::to_owned);
        self.patiently(|| {
            let request = self
                .customer
                .client
                .request(method.clone(), format!("{}{path}", self.customer.base));
            let request = match self.text("credentials", "right") {
                "none" => request,
                "wrong" => request.basic_auth(&self.customer.id, Some("wrong")),
                "bearer" => request.bearer_auth("YWxpY2U6cHc="),
                _ => request.basic_auth(&self.customer.id, Some(&self.customer.secret)),
            };
            let request = request.header("Content-Type", content_type);
            if method == Method::GET {
                request
            } else {
                request.body(text.clone())
            }
        })
        .await
    }

    async fn patiently(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Reply {
        for _ in 0..PATIENCE {
            let reply = send(request()).await;
            if reply.status != StatusCode::TOO_MANY_REQUESTS.as_u16() {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("too many requests: {}", self.row);
    }
}

/// Sets what a JSON pointer names, making objects on the way.
fn set(body: &mut Value, pointer: &str, value: &Value) {
    *at(body, pointer) = value.clone();
}

fn remove(body: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    if let Value::Object(members) = at(body, parent) {
        members.remove(name);
    }
}

fn at<'a>(body: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(body, |value, name| &mut value[name])
}
