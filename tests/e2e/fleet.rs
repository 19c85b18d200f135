//! What becomes of many recordings when their node is lost: others go on with all of them, and none gets too much at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use protocol::Phase;
use reqwest::Method;
use serde_json::Value;
use tapedeck_tests::customer::Task;
use tapedeck_tests::fake_node::{FakeNode, Traits};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::failover::{await_recording, one_node, publish};

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

/// A node of this id, whose recordings each have a file that is in the bucket at once.
pub(crate) async fn node_with_files(stack: &Stack, id: &str) -> FakeNode {
    let traits = Traits {
        files: true,
        ..Traits::default()
    };
    let node = FakeNode::lined(&stack.info.edge, &stack.info.node_token, id, traits);
    await_alive(stack, &[id]).await;
    node
}

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

/// As many real recordings as two cores bear.
const REAL: usize = 8;

/// The same with real nodes, which capture.
pub(crate) async fn real_recordings_of_a_lost_node_go_on_elsewhere(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "manyreal");
    let mut lost = one_node(stack, "lost").await;
    let mut publisher = publish(stack, cname);
    let mut tasks = Vec::new();
    for number in 0..REAL {
        let (uid, prefix) = (format!("90{number}"), format!("{cname}{number}"));
        let task = customer.record_as(&uid, &prefix, "individual", cname, |_| {}).await;
        await_recording(&lost, &task.sid).await;
        tasks.push(task);
    }
    let next = [one_node(stack, "one").await, one_node(stack, "two").await];
    let lost_at = Instant::now();
    lost.kill();
    let mut shares = [0; 2];
    wait::until("all recordings are captured again", LIMIT, async || {
        shares = [0; 2];
        for task in &tasks {
            for (node, share) in next.iter().zip(&mut shares) {
                let report = node.report(&task.sid).await;
                let captures = report.is_some_and(|report| report.phase == Phase::Recording && report.files.len() == 2);
                *share += usize::from(captures);
            }
        }
        (shares.iter().sum::<usize>() == REAL).then_some(())
    })
    .await;
    let took = lost_at.elapsed();
    println!("{REAL} real recordings went on after {took:.1?}, {shares:?} at each node");
    assert!(took < WITHIN, "{took:?}");
    assert!(shares.iter().all(|share| *share >= REAL / 3), "{shares:?}");
    publisher.assert_alive();
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
