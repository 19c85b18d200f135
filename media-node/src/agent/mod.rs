//! The node's side of the conversation with the edge: the line that it is held over, heartbeats, reports and what the edge
//! answers to them, what the edge asks, and the jobs of spools that outlived a process. It relays between the edge and the
//! supervisor and decides nothing; while the edge is away recordings go on, and it hears the newest state of each afterwards.

mod edge;
mod error;
mod heartbeat;
mod http;
mod jobs;
mod line;
mod news;
mod reports;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::watch;

pub use edge::Edge;

use crate::channel::Registry;
use crate::supervisor::Supervisor;
use line::Answers;

/// What the node says of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    pub node_id: String,
    /// Where the edge can reach the control API, if the operator says so.
    pub url: Option<String>,
    /// Where the control API listens: an edge without lines is told this when it is told nothing else.
    pub listens_at: String,
    pub region: String,
    pub capacity: u32,
}

/// Runs until dropped. `heard` tells whether the edge answered the last heartbeat.
pub async fn run(
    edge: Edge,
    identity: Identity,
    supervisor: Supervisor,
    channels: Registry,
    heard: watch::Sender<bool>,
) {
    let interval = watch::Sender::new(FIRST_INTERVAL);
    let answers = Answers::new(supervisor.clone(), channels);
    tokio::join!(
        line::keep(&edge.line, edge.http.clone(), identity.for_the_line(), answers),
        heartbeat::run(&edge, &identity, &supervisor, &heard, &interval),
        reports::run(&edge, &supervisor, interval.subscribe()),
        jobs::run(&edge, &supervisor),
    );
}

impl Identity {
    fn for_the_line(&self) -> protocol::line::Identity {
        protocol::line::Identity {
            node_id: self.node_id.clone(),
            region: self.region.clone(),
            version: VERSION.to_owned(),
            capacity: self.capacity,
            url: self.url.clone(),
        }
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Until the edge has said how often it wants to hear.
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
