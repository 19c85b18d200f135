use crate::fleet::NodeView;

/// Nodes that are asked one after the other.
const MAX_ASKED: usize = 3;

/// The nodes that a new session may go to, the best first: those that carry the channel, then those of the caller's region, and
/// of equals the one with the least to do.
pub fn order(nodes: &[NodeView], carriers: &[String], region: Option<&str>) -> Vec<String> {
    let takes = |node: &&NodeView| node.alive && !node.row.draining;
    let mut usable: Vec<&NodeView> = nodes.iter().filter(takes).collect();
    let rank = |node: &NodeView| {
        let carries = carriers.contains(&node.row.node_id);
        let is_near = region.is_some_and(|region| is_in(&node.row.region, region));
        (!carries, !is_near)
    };
    usable.sort_by(|left, right| {
        rank(left)
            .cmp(&rank(right))
            .then(use_of(left).total_cmp(&use_of(right)))
    });
    let best = usable.into_iter().take(MAX_ASKED);
    best.map(|node| node.row.node_id.clone()).collect()
}

/// Whether a node's region is this word, in any case, or begins with it and a hyphen.
fn is_in(own: &str, region: &str) -> bool {
    let own = own.to_ascii_lowercase();
    let rest = own.strip_prefix(&region.to_ascii_lowercase());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn use_of(node: &NodeView) -> f64 {
    let capacity = f64::from(node.row.capacity.max(1));
    (f64::from(node.row.recordings) / capacity).max(node.row.load)
}
