//! Requests that nobody plans for, sent to the worker: each is done or is the caller's own fault, and the instance of the
//! worker that answers the first one answers the last one. Its node takes every job.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};
use tapedeck_requests::{CHANNEL, Credentials, Generated, Generator, UID, fixed};
use tapedeck_tests::customer::{Customer, IDLE_CONNECTION};
use tapedeck_tests::stack::Stack;

use crate::fleet;

const SEED: u8 = 41;
/// The number of requests with `TAPEDECK_SOAK=1`, and without it.
const REQUESTS: [usize; 2] = [10_000, 2_500];
/// Connections, each with an app of its own, so that calls meet the recordings of the calls before them.
const LANES: usize = 8;
/// How many requests are sent with one resource ID.
const WITH_ONE_RESOURCE: usize = 30;
const INSTANCES: &str = "tapedeck_edge_instances_total";

pub(crate) async fn the_worker_survives_whatever_comes(stack: &mut Stack) {
    let soak = std::env::var("TAPEDECK_SOAK").is_ok_and(|soak| soak == "1");
    let requests = requests(REQUESTS[usize::from(!soak)]);
    let count = requests.len();
    let _node = fleet::node_with_files(stack, "generated").await;
    let before = stack.metrics().await;
    let requests = Arc::new(requests);
    let mut lanes = Vec::new();
    for number in 0..LANES {
        let lane = Lane::new(stack, number).await;
        let requests = Arc::clone(&requests);
        lanes.push(tokio::spawn(async move { lane.send_all(&requests, number).await }));
    }
    let mut wrong = Vec::new();
    for lane in lanes {
        wrong.extend(lane.await.expect("no panic"));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));

    stack.customer().resource("afterall", "1").await;
    let after = stack.metrics().await;
    assert_eq!(
        (before[INSTANCES], after[INSTANCES]),
        (1.0, 1.0),
        "one instance answers it all"
    );
    let answered = |metrics: &std::collections::BTreeMap<String, f64>| -> f64 {
        let requests = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("tapedeck_edge_requests_total"));
        requests.map(|(_, count)| *count).sum()
    };
    assert!(
        answered(&after) - answered(&before) >= count as f64,
        "the worker answered each"
    );
    let log = std::fs::read_to_string(stack.logs().join("logs/edge.log")).expect("the edge's log");
    for complaint in ["panicked", "RuntimeError", "unreachable executed"] {
        assert!(!log.contains(complaint), "{complaint}: {log}");
    }
}

/// Most requests are a customer's, some the operator's; most carry JSON, some any bytes.
fn requests(count: usize) -> Vec<Generated> {
    let (customers, operator) = (Generator::new("/v1/"), Generator::new("/admin/v1/"));
    let mut requests = fixed(&customers.schema_aware(), SEED, count / 2);
    requests.extend(fixed(&customers.raw(), SEED, count / 4));
    requests.extend(fixed(&operator.schema_aware(), SEED, count / 8));
    let rest = count - requests.len();
    requests.extend(fixed(&operator.raw(), SEED, rest));
    requests
}

struct Lane {
    customer: Customer,
    client: Client,
    admin_token: String,
    /// The app that the operator's calls are about.
    other_app: String,
    start: Value,
}

impl Lane {
    /// One app in three speaks anyRTC's dialect, one has a certificate.
    async fn new(stack: &Stack, number: usize) -> Self {
        let all = ["acquire", "start", "query", "update", "updateLayout", "stop"];
        let rates: serde_json::Map<_, _> = all.iter().map(|name| ((*name).to_owned(), json!(1_000))).collect();
        let mut settings = json!({ "limits": { "requests_per_second": rates, "recordings": 10_000 } });
        match number % 3 {
            1 => settings["dialect"] = json!("anyrtc"),
            2 => settings["certificate"] = json!("5CFd2fd1755d40ecb72977518be15d3b"),
            _ => {}
        }
        let customer = stack.new_app(&settings).await;
        stack
            .admin(Method::POST, "tenants", &json!({ "id": "g1", "name": "G" }))
            .await;
        Self {
            other_app: stack.new_app(&json!({})).await.app_id,
            start: customer.start_body(CHANNEL, UID, "generated"),
            client: Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .pool_idle_timeout(IDLE_CONNECTION)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client"),
            admin_token: stack.info.admin_token.clone(),
            customer,
        }
    }

    /// Sends its share of the requests, and returns what was wrong with the answers.
    async fn send_all(&self, requests: &[Generated], number: usize) -> Vec<String> {
        let own: Vec<_> = requests.iter().skip(number).step_by(LANES).collect();
        let mut wrong = Vec::new();
        for some in own.chunks(WITH_ONE_RESOURCE) {
            let resource_id = self.customer.resource(CHANNEL, UID).await;
            let started = self.customer.start(&resource_id, &self.start).await;
            for generated in some {
                wrong.extend(self.send(generated, &resource_id, started.text("sid")).await);
            }
        }
        wrong
    }

    async fn send(&self, generated: &Generated, resource_id: &str, sid: &str) -> Option<String> {
        let response = self.response(generated, resource_id, sid).await?;
        let complaint = complaint(response).await?;
        Some(format!("{complaint}: {generated:?}"))
    }

    /// `None` for what HTTP cannot carry.
    async fn response(&self, generated: &Generated, resource_id: &str, sid: &str) -> Option<Response> {
        let path = generated
            .path
            .replace("{appid}", &self.customer.app_id)
            .replace("{app_id}", &self.other_app)
            .replace("{resourceid}", resource_id)
            .replace(
                "{sid}",
                if sid.is_empty() {
                    "38f8e3cfdc474cd56fc1ceba380d7e1a"
                } else {
                    sid
                },
            );
        let url = Url::parse(&format!("{}{path}", self.customer.base)).ok()?;
        let method = Method::from_bytes(generated.method.as_bytes()).ok()?;
        let is_operators = path.starts_with("/admin/");
        let mut request = self.client.request(method.clone(), url);
        request = match &generated.credentials {
            Credentials::Right if is_operators => request.bearer_auth(&self.admin_token),
            Credentials::Right => request.basic_auth(&self.customer.id, Some(&self.customer.secret)),
            Credentials::None => request,
            Credentials::Text(text) => request.header(AUTHORIZATION, HeaderValue::from_str(text).ok()?),
        };
        request = request.header(CONTENT_TYPE, HeaderValue::from_str(&generated.content_type).ok()?);
        if method != Method::GET {
            request = request.body(generated.body.clone());
        }
        Some(request.send().await.expect("the edge answers"))
    }
}

/// Tells what is wrong with an answer.
async fn complaint(response: Response) -> Option<String> {
    let status = response.status().as_u16();
    if status >= 500 {
        return Some(format!("{status}, {}", response.text().await.unwrap_or_default()));
    }
    if !response.headers().contains_key("x-request-id") {
        return Some(format!("{status} without a request ID"));
    }
    let text = response.text().await.expect("a whole body");
    let body: Value = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(_) if status == 204 && text.is_empty() => return None,
        Err(error) => return Some(format!("{status}, {error}: {text}")),
    };
    let body = body.get("Body").unwrap_or(&body);
    let reason = ["reason", "message"].iter().find_map(|name| body[name].as_str());
    let reason = reason.or(body["error"]["reason"].as_str()).unwrap_or_default();
    (status >= 400 && reason.is_empty()).then(|| format!("{status} without a reason: {text}"))
}
