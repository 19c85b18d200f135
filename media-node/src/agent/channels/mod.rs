//! What this node and the edge tell each other of channels: who publishes to this node's, and who publishes elsewhere to those
//! that are asked for here. All that the node has told is held by one lease, which a message renews now and then.

mod follow;
mod tell;

use tokio::sync::watch;

use super::Edge;
use crate::channel::Registry;

/// Runs until dropped. `address`: where other nodes reach this node's channel server. `told`: the
/// [number](Registry::number) of the last change that the edge knows of.
pub(super) async fn run(edge: &Edge, channels: &Registry, address: &str, told: &watch::Sender<u64>) {
    let lease = watch::Sender::new(None);
    tokio::join!(
        watch_line(edge, channels),
        tell::run(edge, channels, address, &lease, told),
        follow::run(edge, channels, lease.subscribe()),
    );
}

/// Says whether anybody can be asked at present.
async fn watch_line(edge: &Edge, channels: &Registry) {
    let mut lines = edge.line.lines();
    loop {
        let is_open = lines.borrow_and_update().is_open();
        channels.has_edge(is_open);
        if lines.changed().await.is_err() {
            return;
        }
    }
}
