//! The conversation with the edge, as long as the node lives.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use super::address::{advertised, reachable};
use super::args::ServeArgs;
use super::credentials::Credentials;
use crate::agent::{self, Edge, Identity, Services};
use crate::channel::Registry;
use crate::clock::unix_ms;
use crate::supervisor::Supervisor;

/// How long a node that ends waits for the edge to hear that nobody publishes to it any more.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Conversation {
    /// Whether the edge answered the last heartbeat.
    pub(super) heard: watch::Receiver<bool>,
    /// The number of the last change among publishers that the edge knows of.
    told: watch::Receiver<u64>,
}

impl Conversation {
    pub(super) fn begin(
        edge: Edge,
        identity: Identity,
        supervisor: Supervisor,
        channels: Registry,
        services: Services,
    ) -> Self {
        let (hears, heard) = watch::channel(false);
        let (tells, told) = watch::channel(0);
        tokio::spawn(agent::run(edge, identity, supervisor, channels, services, hears, tells));
        Self { heard, told }
    }

    /// Whoever follows a channel of this node hears at once that nobody is here any more, not when the node is missed.
    pub(super) async fn farewell(mut self, registry: &Registry) {
        let last = registry.number();
        let _ = tokio::time::timeout(FAREWELL, self.told.wait_for(|told| *told >= last)).await;
    }
}

/// What a node says of itself to the edge at `edge_url`, whose control API and channel server listen at these addresses.
///
/// # Errors
/// When the operator's URL of the channel server is none.
pub(super) fn identity(
    args: &ServeArgs,
    own: &Credentials,
    edge_url: &str,
    api: SocketAddr,
    rtsp: SocketAddr,
) -> Result<Identity, String> {
    let chosen = args.rtsp_advertise.clone().or_else(|| args.rtsp_url.clone());
    Ok(Identity {
        node_id: own.node_id.clone(),
        url: args.node_url.clone(),
        listens_at: format!("http://{}", reachable(api)),
        region: args.region.clone(),
        capacity: args.capacity,
        rtsp: advertised(chosen, rtsp, edge_url)?,
        started_ms: unix_ms(),
    })
}
