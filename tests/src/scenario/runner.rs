use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

use super::expected::mismatch;
use super::request::Request;
use super::sign::sign;
use super::{Case, Scenario, Step, Values};
use crate::customer::{Reply, send};
use crate::wait;

/// For what a step waits.
const LIMIT: Duration = Duration::from_secs(30);
/// Codes by which dialects say that a call was one too many in its second.
const TOO_MANY: [u64; 2] = [429, 606_000_006];
const PATIENCE: usize = 30;
const PAUSE: Duration = Duration::from_millis(500);

/// Sends the requests of one dialect's scenarios to an edge.
#[derive(Clone)]
pub struct Runner {
    client: Client,
    edge: String,
    values: Values,
}

impl Runner {
    /// `values`: what all scenarios of the dialect know.
    pub fn new(client: Client, edge: &str, values: Values) -> Self {
        Self {
            client,
            edge: edge.to_owned(),
            values,
        }
    }

    /// What is not as the scenario expects. The first step that fails ends it; rows of tables do not.
    pub async fn failures(&self, scenario: &Scenario) -> Vec<String> {
        let mut failures = Vec::new();
        let mut values = self.values.clone();
        for step in &scenario.steps {
            let before = failures.len();
            self.step(step, &mut values, &mut failures).await;
            if failures.len() > before && step.cases.is_empty() {
                break;
            }
        }
        failures
            .iter_mut()
            .for_each(|failure| failure.insert_str(0, &format!("{}: ", scenario.name)));
        failures
    }

    async fn step(&self, step: &Step, values: &mut Values, failures: &mut Vec<String>) {
        if step.cases.is_empty() {
            failures.extend(self.one(step, None, values).await);
            return;
        }
        for case in &step.cases {
            let failure = self.one(step, Some(case), values).await;
            let is_answered = failure.is_none() && case.reply.is_none();
            failures.extend(failure);
            for next in step.then.iter().filter(|_| is_answered) {
                failures.extend(self.one(next, None, values).await);
            }
        }
    }

    /// What is wrong with one reply.
    async fn one(&self, step: &Step, case: Option<&Case>, values: &mut Values) -> Option<String> {
        let expected = case.and_then(|case| case.reply.as_ref()).unwrap_or(&step.reply);
        let status = case.and_then(|case| case.status).unwrap_or(step.status);
        let judge = |reply: &Reply, values: &Values| {
            if reply.status != status {
                return Some(format!("status {} in the place of {status}", reply.status));
            }
            // Of what is not given, nothing is expected.
            let expected = Some(values.fill_in(expected)).filter(|expected| !expected.is_null());
            mismatch(&expected?, Some(&reply.body), step.exact)
        };
        let mut reply = self.send(step, case, values, expected).await;
        if step.until && judge(&reply, values).is_some() {
            reply = wait::until(&step.what, LIMIT, async || {
                let reply = self.send(step, case, values, expected).await;
                judge(&reply, values).is_none().then_some(reply)
            })
            .await;
        }
        if let Some(problem) = judge(&reply, values) {
            let row = case.map(|case| format!(" ({})", case.row)).unwrap_or_default();
            return Some(format!("{}{row}: {problem}\n  {}", step.what, reply.body));
        }
        for (name, pointer) in &step.keep {
            let pointer = pointer.as_str().expect("a pointer");
            // What only replies of success have is not kept of others.
            if let Some(value) = reply.body.pointer(pointer) {
                values.set(name, value.clone());
            }
        }
        None
    }

    async fn send(&self, step: &Step, case: Option<&Case>, values: &Values, expected: &Value) -> Reply {
        let function = case.and_then(|case| case.sign.as_ref()).or(step.sign.as_ref());
        for _ in 0..PATIENCE {
            let mut request = Request::of(step, case, values);
            if let Some(name) = function {
                sign(name, &mut request, values);
            }
            let reply = self.reply(&request).await;
            let code = reply.body["code"].as_u64();
            let is_too_many = reply.status == 429 || code.is_some_and(|code| TOO_MANY.contains(&code));
            if !is_too_many || expected["code"].as_u64() == code {
                return reply;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("too many requests: {}", step.what);
    }

    async fn reply(&self, request: &Request) -> Reply {
        let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
        let mut builder = self
            .client
            .request(method, format!("{}{}", self.edge, request.target()));
        let has_type = request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some((kind, body)) = request.content() {
            builder = if has_type {
                builder
            } else {
                builder.header("Content-Type", kind)
            };
            builder = builder.body(body);
        }
        send(builder).await
    }
}
