//! The node's side of the conversation with the edge: the line that it is held over, heartbeats, reports and what the edge
//! answers to them, what the edge asks, who may enter channels, and the jobs of spools that outlived a process. It relays between the edge and the
//! supervisor and decides nothing; while the edge is away recordings go on, and it hears the newest state of each afterwards.

mod channels;
mod edge;
mod entries;
mod error;
mod heartbeat;
mod http;
mod jobs;
mod line;
mod live;
mod news;
mod reports;
mod rooms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::watch;

pub use edge::Edge;
pub use entries::Entries;

use crate::channel::Registry;
use crate::joiner::Joiner;
use crate::playback::Player;
use crate::rtc::Rtc;
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
    /// Where other nodes reach the channel server: `rtsp://host:port`.
    pub rtsp: String,
    /// When this process began, Unix milliseconds.
    pub started_ms: u64,
}

/// What the edge may ask of the node besides recordings and channels.
#[derive(Clone)]
pub struct Services {
    /// `None` where the node serves no WebRTC.
    pub rtc: Option<Rtc>,
    pub joiner: Joiner,
    pub player: Player,
}

/// Runs until dropped. `heard` tells whether the edge answered the last heartbeat, `told` the
/// [number](Registry::number) of the last change among publishers that the edge knows of.
pub async fn run(
    edge: Edge,
    identity: Identity,
    supervisor: Supervisor,
    channels: Registry,
    services: Services,
    heard: watch::Sender<bool>,
    told: watch::Sender<u64>,
) {
    let interval = watch::Sender::new(FIRST_INTERVAL);
    let rtc = services.rtc.clone();
    let answers = Answers::new(supervisor.clone(), channels.clone(), services);
    tokio::join!(
        line::keep(&edge.line, edge.http.clone(), identity.for_the_line(), answers),
        heartbeat::run(&edge, &identity, &supervisor, rtc.as_ref(), &heard, &interval),
        reports::run(&edge, &supervisor, interval.subscribe()),
        jobs::run(&edge, &supervisor),
        channels::run(&edge, &channels, &identity.rtsp, &told),
        rooms::run(&edge, rtc.as_ref()),
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
            started_ms: Some(self.started_ms),
        }
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Until the edge has said how often it wants to hear.
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
