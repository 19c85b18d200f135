//! The node's side of the conversation with the edge: heartbeats, reports and what the edge answers to them, and the jobs of
//! spools that outlived a process. It relays between the edge and the supervisor and decides nothing; while the edge is
//! away recordings go on, and it hears the newest state of each afterwards.

mod edge;
mod heartbeat;
mod jobs;
mod reports;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::watch;

pub use edge::Edge;

use crate::supervisor::Supervisor;

/// What the node says of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    pub node_id: String,
    /// Where the edge reaches the control API.
    pub url: String,
    pub region: String,
    pub capacity: u32,
}

/// Runs until dropped. `heard` tells whether the edge answered the last heartbeat.
pub async fn run(edge: Edge, identity: Identity, supervisor: Supervisor, heard: watch::Sender<bool>) {
    let interval = watch::Sender::new(FIRST_INTERVAL);
    tokio::join!(
        heartbeat::run(&edge, &identity, &supervisor, &heard, &interval),
        reports::run(&edge, &supervisor, interval.subscribe()),
        jobs::run(&edge, &supervisor),
    );
}

/// Until the edge has said how often it wants to hear.
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
