//! What becomes of many recordings when their node is lost: others go on with all of them, and none gets too much at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;
use tapedeck_tests::customer::Task;
use tapedeck_tests::fake_node::{FakeNode, Traits};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

const RECORDINGS: usize = 50;
/// From the loss of a node to the moment at which others capture all that it had.
const WITHIN: Duration = Duration::from_secs(30);
/// How long a real node takes to begin with a job on a busy machine: its process starts, and proves the bucket.
const BEGINS_IN: Duration = Duration::from_millis(700);
/// Jobs that a node has to begin with at a time. Without a bound it would be half of all.
const AT_ONCE: usize = 16;
/// What each of two nodes gets at least, out of all.
const SHARE: usize = RECORDINGS / 3;
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn fifty_recordings_of_a_lost_node_go_on_elsewhere(stack: &mut Stack) {
    let node = |id| {
        let traits = Traits {
            begins_in: BEGINS_IN,
            ..Traits::default()
        };
        FakeNode::lined(&stack.info.edge, &stack.info.node_token, id, traits)
    };
    let lost = node("lost");
    await_alive(stack, &["lost"]).await;
    let tasks = start(stack, RECORDINGS).await;
    assert!(tasks.iter().all(|task| lost.holds(&task.sid)), "it has the only room");
    let next = [node("one"), node("two")];
    await_alive(stack, &["lost", "one", "two"]).await;

    let lost_at = Instant::now();
    drop(lost);
    wait::until("all recordings have a node again", LIMIT, async || {
        let alive = alive(stack).await;
        assert!(["one", "two"].iter().all(|id| alive.contains(*id)), "{alive:?}");
        let captured: usize = next.iter().map(FakeNode::captures).sum();
        (captured == RECORDINGS).then_some(())
    })
    .await;
    let took = lost_at.elapsed();
    let shares = next.each_ref().map(FakeNode::captures);
    let at_once = next.each_ref().map(FakeNode::most_jobs);
    println!(
        "{RECORDINGS} recordings went on after {took:.1?}, {shares:?} at each node, {at_once:?} at a time at most"
    );
    assert!(took < WITHIN, "{took:?}");
    assert!(at_once.iter().all(|most| *most <= AT_ONCE), "{at_once:?}");
    assert!(shares.iter().all(|share| *share >= SHARE), "{shares:?}");
    let customer = stack.customer();
    for task in &tasks {
        let holders = next.iter().filter(|node| node.holds(&task.sid)).count();
        assert_eq!(holders, 1, "{} is at one node", task.sid);
        assert_eq!(customer.query(task).await.expect(200).text("sid"), task.sid);
    }
}

/// Starts recordings, some at a time.
async fn start(stack: &Stack, count: usize) -> Vec<Task> {
    let customer = stack.customer();
    let starts = (0..count).map(|number| {
        let customer = customer.clone();
        async move { customer.record(&format!("many{number}"), |_| {}).await }
    });
    stream::iter(starts).buffer_unordered(8).collect().await
}

async fn await_alive(stack: &Stack, ids: &[&str]) {
    wait::until("the edge has heard the nodes", LIMIT, async || {
        let alive = alive(stack).await;
        ids.iter().all(|id| alive.contains(*id)).then_some(())
    })
    .await;
}

/// The nodes that the edge takes for alive.
async fn alive(stack: &Stack) -> BTreeSet<String> {
    let reply = stack.admin(Method::GET, "nodes", &Value::Null).await.expect(200);
    let nodes = reply.body["items"].as_array().expect("a list").iter();
    nodes
        .filter(|node| node["alive"] == true)
        .map(|node| node["node_id"].as_str().expect("an id").to_owned())
        .collect()
}
