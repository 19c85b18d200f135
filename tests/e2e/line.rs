//! Nodes that nothing can reach: they have lines to the edge, which are cut. And nodes that stop for a while.

use reqwest::Method;
use serde_json::Value;
use tapedeck_tests::node::Node;
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::stack::{Info, Stack};
use tapedeck_tests::wait;

use crate::failover::{LIMIT, SWITCH_AT_MOST, await_recording, check_seam, fetch, history, one_node_of, publish, seam};
use crate::steps::{self, record_for};

/// A node behind a proxy that its line goes through.
struct Cuttable {
    node: Node,
    proxy: Proxy,
}

impl Cuttable {
    async fn start(stack: &Stack, id: &str) -> Self {
        let proxy = Proxy::before(&stack.info.edge).await;
        let info = Info {
            edge: proxy.endpoint(),
            ..stack.info.clone()
        };
        let node = one_node_of(stack, &info, id).await;
        Self { node, proxy }
    }

    /// Cuts the line for so long, and waits until it is open again.
    async fn cut(&self, seconds: u64) {
        self.proxy.refuse();
        record_for(seconds).await;
        self.proxy.restore();
        wait::until("the line is open again", LIMIT, async || {
            self.node.is_ready().await.then_some(())
        })
        .await;
    }
}

pub(crate) async fn a_line_that_is_cut_costs_nothing(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "line");
    let one = Cuttable::start(stack, "one").await;
    let two = Cuttable::start(stack, "two").await;
    assert_no_address(stack).await;
    let mut publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    let (holder, next) = match one.node.report(&task.sid).await {
        Some(_) => (one, two),
        None => (two, one),
    };
    steps::await_playlists(&customer, &task, 2).await;
    record_for(6).await;
    for seconds in [1, 5] {
        holder.cut(seconds).await;
        record_for(6).await;
    }
    let told = history(stack, &task).await;
    assert!(
        !told.contains(&"moved".to_owned()),
        "a short cut moves nothing: {told:?}"
    );
    // Longer than a lease: the other node goes on while this one, which knows nothing of it, still captures.
    holder.cut(15).await;
    await_recording(&next.node, &task.sid).await;
    wait::until(
        "the node that was cut off has given everything away",
        LIMIT,
        async || holder.node.spools().is_empty().then_some(()),
    )
    .await;
    record_for(6).await;
    publisher.assert_alive();
    let told = history(stack, &task).await;
    assert!(told.contains(&"moved".to_owned()), "{told:?}");
    let recording = fetch(stack, &customer, &task).await;
    for track in &recording.tracks {
        let name = track.file_name();
        let gap = check_seam(track);
        println!("{name}: {gap:.3} s between two nodes");
        assert!(gap < SWITCH_AT_MOST, "{name}: {gap} s");
        let (before, after) = track.slices.split_at(seam(track));
        for part in [before, after] {
            assert!(
                part[1..].iter().all(|slice| !slice.discontinuity),
                "{name}: a node lost something"
            );
        }
    }
}

/// The edge knows no address at which it could reach them.
pub(crate) async fn assert_no_address(stack: &Stack) {
    let reply = stack.admin(Method::GET, "nodes", &Value::Null).await.expect(200);
    let nodes = reply.body["items"].as_array().expect("a list").clone();
    for id in ["one", "two"] {
        let node = nodes
            .iter()
            .find(|node| node["node_id"] == id)
            .expect("the edge has heard it");
        assert!(node.get("url").is_none(), "{node}");
    }
}
