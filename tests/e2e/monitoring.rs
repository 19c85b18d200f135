//! What an operator's monitoring sees of the edge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::ProblemCode;
use tapedeck_tests::customer::send;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

/// Figures are told within some seconds.
const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn metrics_show_what_the_edge_does(stack: &Stack) {
    let customer = stack.customer();
    let before = stack.metrics().await;
    let nobody = send(customer.client.get(format!("{}/metrics", stack.info.edge))).await;
    assert_eq!(nobody.status, 401, "{}", nobody.body);

    let task = customer.record("monitored", |_| {}).await;
    wait::until("the recording is in the figures", SOON, async || {
        (figure(&stack.metrics().await, r#"tapedeck_edge_recordings{status="started"}"#) >= 1.0).then_some(())
    })
    .await;
    customer.stop(&task).await.expect(206);
    let ended = r#"tapedeck_edge_recordings_ended_total{cause="stopped"}"#;
    wait::until("its end is in the figures", SOON, async || {
        (figure(&stack.metrics().await, ended) > figure(&before, ended)).then_some(())
    })
    .await;

    let heartbeats = r#"tapedeck_edge_requests_total{route="node_heartbeat",status="200"}"#;
    wait::until("a heartbeat is in the figures", SOON, async || {
        (figure(&stack.metrics().await, heartbeats) > figure(&before, heartbeats)).then_some(())
    })
    .await;
    let after = stack.metrics().await;
    for series in [
        r#"tapedeck_edge_requests_total{route="start",status="200"}"#,
        r#"tapedeck_edge_requests_total{route="stop",status="206"}"#,
        r#"tapedeck_edge_requests_total{route="metrics",status="401"}"#,
    ] {
        assert!(
            figure(&after, series) > figure(&before, series),
            "{series}: {before:?}, {after:?}"
        );
    }
    assert_eq!(figure(&after, r#"tapedeck_nodes{state="ready"}"#), 1.0, "{after:?}");
    let capacity = after
        .iter()
        .find(|(series, _)| series.starts_with("tapedeck_node_capacity{"));
    assert!(capacity.is_some_and(|(_, capacity)| *capacity > 0.0), "{after:?}");
}

pub(crate) async fn figures_and_problems_are_documented_and_no_figure_means_two_things(stack: &Stack) {
    let names = |series: BTreeMap<String, f64>| -> BTreeSet<String> {
        let names = series.keys().map(|series| series.split('{').next().unwrap_or(series));
        names.map(str::to_owned).collect()
    };
    let (edge, node) = (names(stack.metrics().await), names(stack.node_metrics().await));
    assert!(!edge.is_empty() && !node.is_empty());
    assert_eq!(edge.intersection(&node).collect::<Vec<_>>(), Vec::<&String>::new());
    let document = include_str!("../../docs/operations.md");
    let is_named = |name: &&String| document.contains(&format!("`{name}`")) || document.contains(&format!("`{name}{{"));
    let unnamed: Vec<_> = edge.union(&node).filter(|name| !is_named(name)).collect();
    assert_eq!(
        unnamed,
        Vec::<&String>::new(),
        "docs/operations.md explains each figure"
    );
    let is_explained = |code: &&ProblemCode| document.contains(&format!("| `{}` |", code.as_str()));
    let unexplained: Vec<_> = ProblemCode::ALL.iter().filter(|code| !is_explained(code)).collect();
    assert_eq!(
        unexplained,
        Vec::<&ProblemCode>::new(),
        "docs/operations.md says what to do about each problem"
    );
}

fn figure(metrics: &BTreeMap<String, f64>, series: &str) -> f64 {
    metrics.get(series).copied().unwrap_or(0.0)
}
