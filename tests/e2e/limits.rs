//! An app's limits: requests a second, and recordings at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Reply};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

const CALLS: usize = 200;
/// Well below the time after which a place that nobody confirms is free anyhow.
const SOON: Duration = Duration::from_secs(20);

/// Who passed of the calls that were counted in one second, each with the number that were left then, and how many did not.
#[derive(Default, Debug)]
struct Second {
    passed: Vec<usize>,
    refused: usize,
}

pub(crate) async fn exactly_the_allowed_number_pass_in_each_second(stack: &Stack) {
    const ALLOWED: usize = 10;
    let customer = stack.new_app(&json!({})).await;
    let seconds = burst(&customer).await;
    println!("of {CALLS} calls at once, {ALLOWED} a second allowed: {seconds:?}");
    assert!(seconds.values().any(|second| second.refused > 0), "never too many");
    for (name, second) in &seconds {
        assert!(second.passed.len() <= ALLOWED, "{name}: {second:?}");
        let numbers: BTreeSet<_> = second.passed.iter().copied().collect();
        assert_eq!(
            numbers.len(),
            second.passed.len(),
            "{name}: each has a number of its own"
        );
        assert!(numbers.iter().all(|left| *left < ALLOWED), "{name}: {second:?}");
        assert!(
            second.refused == 0 || second.passed.len() == ALLOWED,
            "{name}: more should have passed: {second:?}"
        );
    }

    let path = format!("apps/{}", customer.app_id);
    let limits = json!({ "limits": { "requests_per_second": { "acquire": 25 } } });
    stack.admin(Method::PATCH, &path, &limits).await.expect(200);
    let response = acquire(&customer, 0).send().await.expect("the edge answers");
    assert_eq!(header(&response, "ratelimit-limit"), "25");
}

fn acquire(customer: &Customer, call: usize) -> RequestBuilder {
    let body = json!({ "cname": format!("burst{call}"), "uid": "1" });
    customer.request(Method::POST, "acquire").json(&body)
}

/// Many acquires at once, by the second in which the edge counted them, which it tells.
async fn burst(customer: &Customer) -> BTreeMap<String, Second> {
    let calls: Vec<_> = (0..CALLS)
        .map(|call| tokio::spawn(acquire(customer, call).send()))
        .collect();
    let mut seconds = BTreeMap::<String, Second>::new();
    for call in calls {
        let response = call.await.expect("a task").expect("the edge answers");
        let second = seconds.entry(header(&response, "date")).or_default();
        match response.status().as_u16() {
            200 => second
                .passed
                .push(header(&response, "ratelimit-remaining").parse().expect("a number")),
            429 => {
                assert_eq!(header(&response, "retry-after"), "1");
                let body: Value = response.json().await.expect("JSON");
                assert_eq!(body, json!({ "message": "API rate limit exceeded" }));
                second.refused += 1;
            }
            other => panic!("{other}: {:?}", response.text().await),
        }
    }
    seconds
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("no {name}: {response:?}"));
    value.to_str().expect("ASCII").to_owned()
}

pub(crate) async fn recordings_have_a_quota(stack: &Stack) {
    let customer = stack.new_app(&json!({ "limits": { "recordings": 2 } })).await;
    let third = customer.resource("quotac", "9000").await;
    let first = customer.record("quotaa", |_| {}).await;
    let second = customer.record("quotab", |_| {}).await;

    assert_full(&customer.acquire("quotad", "9000").await);
    let body = customer.start_body("quotac", "9000", "quotac");
    assert_full(&customer.start(&third, &body).await);
    let again = customer
        .start(&first.resource_id, &customer.start_body("quotaa", "9000", "quotaa"))
        .await;
    assert_eq!((again.status, again.code()), (201, Some(7)), "{}", again.body);
    assert_eq!(recordings(stack, &customer).await, 2);

    assert_eq!(listed(stack, &customer, "").await, [&*second.sid, &first.sid]);
    assert_eq!(listed(stack, &customer, "?channel=quotaa").await, [&*first.sid]);
    assert_eq!(listed(stack, &customer, "?channel=quotac").await, [""; 0]);
    assert_eq!(listed(stack, &customer, "?status=ended").await, [""; 0]);
    let page = list(stack, &customer, "?limit=1").await;
    let rest = format!("?limit=1&cursor={}", page.text("cursor"));
    assert_eq!(listed(stack, &customer, &rest).await, [&*first.sid]);

    customer.stop(&first).await.expect(206);
    await_recordings(stack, &customer, 1).await;
    let reply = customer.start(&third, &body).await.expect(200);
    let third = reply.text("sid").to_owned();
    let path = format!("apps/{}/recordings/{third}/stop", customer.app_id);
    let stopped = stack.admin(Method::POST, &path, &Value::Null).await;
    assert!([200, 202].contains(&stopped.status), "{}", stopped.body);

    let resource = customer.resource("quotae", "9000").await;
    let mut body = customer.start_body("quotae", "9000", "quotae");
    // The stack's server makes a bucket of any name that S3 allows; this one it does not.
    body["clientRequest"]["storageConfig"]["bucket"] = json!("No-Bucket");
    let refused = customer.start(&resource, &body).await;
    assert_eq!((refused.status, refused.code()), (400, Some(2)), "{}", refused.body);
    await_recordings(stack, &customer, 1).await;
    customer.stop(&second).await.expect(206);
    await_recordings(stack, &customer, 0).await;
    wait::until("the index says that all is over", SOON, async || {
        (listed(stack, &customer, "?status=ended").await.len() == 3).then_some(())
    })
    .await;
}

#[track_caller]
fn assert_full(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (400, Some(406)), "{}", reply.body);
    assert!(reply.text("reason").starts_with("vendor_over_load"), "{}", reply.body);
    assert!(!reply.text("cname").is_empty(), "{}", reply.body);
}

/// How many recordings count for the app's quota.
async fn recordings(stack: &Stack, customer: &Customer) -> u64 {
    let path = format!("apps/{}/usage", customer.app_id);
    let usage = stack.admin(Method::GET, &path, &Value::Null).await.expect(200);
    usage.body["recordings"].as_u64().expect("a number")
}

async fn await_recordings(stack: &Stack, customer: &Customer, count: u64) {
    wait::until(&format!("{count} recordings count"), SOON, async || {
        (recordings(stack, customer).await == count).then_some(())
    })
    .await;
}

async fn list(stack: &Stack, customer: &Customer, query: &str) -> Reply {
    let path = format!("apps/{}/recordings{query}", customer.app_id);
    stack.admin(Method::GET, &path, &Value::Null).await.expect(200)
}

async fn listed(stack: &Stack, customer: &Customer, query: &str) -> Vec<String> {
    let page = list(stack, customer, query).await;
    let items = page.body["items"].as_array().expect("a list").iter();
    items
        .map(|item| item["sid"].as_str().expect("a sid").to_owned())
        .collect()
}
