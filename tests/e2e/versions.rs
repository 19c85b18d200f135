//! Edges and nodes of different versions: those whose versions of the line's protocol overlap work together, the others are told
//! why they do not.

use std::time::Duration;

use protocol::line::{NEWEST, OLDEST, Versions};
use reqwest::Method;
use serde_json::Value;
use tapedeck_tests::fake_node::{FakeNode, Traits};
use tapedeck_tests::interpreter::Interpreter;
use tapedeck_tests::stack::{Info, Stack};
use tapedeck_tests::wait;

use crate::failover::{fetch, one_node_of, publish};
use crate::steps;

const LIMIT: Duration = Duration::from_secs(60);

fn node(stack: &Stack, id: &str, oldest: u32, newest: u32) -> FakeNode {
    let traits = Traits {
        versions: Versions { oldest, newest },
        ..Traits::default()
    };
    FakeNode::lined(&stack.info.edge, &stack.info.node_token, id, traits)
}

/// Nodes of the oldest version that the edge supports, of this one, and of one that comes later and still knows this one.
pub(crate) async fn nodes_of_each_supported_version_record(stack: &mut Stack) {
    let customer = stack.customer();
    for (id, oldest, newest) in [
        ("older", OLDEST, OLDEST),
        ("present", NEWEST, NEWEST),
        ("later", NEWEST, NEWEST + 3),
    ] {
        let node = node(stack, id, oldest, newest);
        wait::until("its line is open", LIMIT, async || node.has_line().then_some(())).await;
        wait::until("the edge has heard it", LIMIT, async || {
            listed(stack).await.contains(&id.to_owned()).then_some(())
        })
        .await;
        let task = wait::until("the edge gives it a recording", LIMIT, async || {
            let task = customer.record(&format!("versions{id}"), |_| {}).await;
            node.holds(&task.sid).then_some(task)
        })
        .await;
        let reply = customer.query(&task).await.expect(200);
        assert_eq!(reply.text("sid"), task.sid, "{}", reply.body);
        customer.stop(&task).await;
    }
}

/// A real node and the edge, each of which takes the other for one of the oldest version that it supports: as a node that has
/// not been updated yet talks with the edge, and a node with an edge that has not.
pub(crate) async fn a_node_records_by_the_oldest_version(stack: &mut Stack) {
    let oldest = Versions {
        oldest: OLDEST,
        newest: OLDEST,
    };
    let between = Interpreter::before(&stack.info.edge, oldest).await;
    let info = Info {
        edge: between.endpoint(),
        ..stack.info.clone()
    };
    let customer = stack.customer();
    let node = one_node_of(stack, &info, "aged").await;
    let mut publisher = publish(stack, "aged");
    let task = customer.record("aged", |_| {}).await;
    assert!(node.report(&task.sid).await.is_some(), "it has the only room");
    steps::await_playlists(&customer, &task, 2).await;
    // In this version a recording reports that it is alive, as long as nothing else happens.
    let reports = r#"tapedeck_edge_requests_total{route="node_report",status="200"}"#;
    let told = stack.metrics().await[reports];
    wait::until("it reports again and again", LIMIT, async || {
        (stack.metrics().await[reports] >= told + 8.0).then_some(())
    })
    .await;
    publisher.assert_alive();
    let recording = fetch(stack, &customer, &task).await;
    assert!(recording.tracks.iter().all(|track| track.breaks() == 0));
}

/// A node that is too old, or too new, for the edge: it has no line, and is told what to do.
pub(crate) async fn nodes_of_other_versions_are_refused_with_the_reason(stack: &Stack) {
    for (id, oldest, newest, advice) in [
        ("ancient", 0, OLDEST - 1, "update the one that is older"),
        ("future", NEWEST + 1, NEWEST + 2, "update this one"),
    ] {
        let node = node(stack, id, oldest, newest);
        let reason = wait::until("the edge refuses it", LIMIT, async || node.refusal()).await;
        let versions = format!("speaks the versions {oldest} to {newest}");
        assert!(
            reason.contains(&format!("node {id}")) && reason.contains(&versions) && reason.ends_with(advice),
            "{reason}"
        );
        assert!(!node.has_line());
        assert!(!listed(stack).await.contains(&id.to_owned()));
    }
}

/// The nodes that the edge has heard.
async fn listed(stack: &Stack) -> Vec<String> {
    let reply = stack.admin(Method::GET, "nodes", &Value::Null).await.expect(200);
    let nodes = reply.body["items"].as_array().expect("a list").iter();
    nodes
        .map(|node| node["node_id"].as_str().expect("an id").to_owned())
        .collect()
}
