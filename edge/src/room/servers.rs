//! Nodes as the API names them: servers.

use serde::{Deserialize, Serialize};

use super::terms::Server;
use crate::fleet::NodeView;

/// A server with what decides whether it takes more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerView {
    pub server: Server,
    /// From 0 (idle) to 1 (no room).
    pub load: f64,
    /// What each of its threads of media does, from 0 (idle) to 1 (all of a core); empty where that is not known.
    pub threads: Vec<f64>,
    /// Whether it takes more.
    pub takes: bool,
}

/// What the API calls a node.
pub fn server(node: &NodeView) -> Server {
    let row = &node.row;
    let region = if row.region.is_empty() { "default" } else { &row.region };
    let address = row.url.as_deref().and_then(|url| url.split_once("://"));
    Server {
        node_id: row.node_id.clone(),
        alias: format!("{}:{region}", row.node_id),
        address: address
            .map(|(_, address)| address.trim_end_matches('/').to_owned())
            .unwrap_or_default(),
    }
}

/// The servers that are there, the least loaded first.
pub fn servers(nodes: &[NodeView]) -> Vec<ServerView> {
    let there = nodes.iter().filter(|node| node.alive);
    let mut servers: Vec<_> = there
        .map(|node| {
            let capacity = f64::from(node.row.capacity.max(1));
            ServerView {
                server: server(node),
                load: (f64::from(node.row.recordings) / capacity)
                    .max(node.row.load)
                    .clamp(0.0, 1.0),
                threads: node.row.threads.clone(),
                takes: !node.row.draining,
            }
        })
        .collect();
    servers.sort_by(|left, right| {
        left.load
            .total_cmp(&right.load)
            .then_with(|| left.server.alias.cmp(&right.server.alias))
    });
    servers
}
