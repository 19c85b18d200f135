//! The embedded channel server: publishing and playing over RTSP 1.0 (RFC 2326). Packets pass from a publisher to its
//! players as they are; who publishes is told to [`crate::channel::Registry`], which says what is played from other nodes.
//! It knows nothing of codecs, recordings or the edge.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod admission;
mod beginning;
mod carrier;
mod client;
mod connection;
mod conversation;
mod description;
mod figures;
mod hub;
pub(crate) mod inflow;
mod player;
mod publication;
mod publisher;
mod queue;
mod relay;
mod reply;
pub(crate) mod rtp;
mod target;
#[cfg(test)]
mod tests;
mod transport;
mod udp;
pub(crate) mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::Gate;
use crate::channel::Registry;
use admission::Admission;
use client::Ends;
pub(crate) use description::normalised;
pub use figures::{Figures, TurnedAway};
use hub::Hub;

/// How long connections may take to say goodbye at the end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What clients may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that publish or play, all together.
    pub connections: usize,
    /// The part of `connections` that only clients on this machine may use, which is what its recorders are.
    pub kept_connections: usize,
    /// Connections that neither publish nor play yet. Beyond it a new one takes the place of the oldest.
    pub waiting_connections: usize,
    /// Connections from one address (for IPv6, one /64 network), unless it is this machine's own.
    pub connections_of_an_address: usize,
    /// A connection that neither publishes nor plays so long after it was made, or after its last session, is closed
    /// whatever it asks.
    pub setup: Duration,
    /// A player by UDP is gone after so long without a request or a report.
    pub session: Duration,
    /// A publisher is gone after so long without a packet or a request, by TCP and UDP alike. One whose machine does not answer
    /// any more is gone within seconds.
    pub publisher_silence: Duration,
    /// A client that takes nothing for so long is gone.
    pub write: Duration,
    /// Queued for one player at most.
    pub player_queue_bytes: usize,
    /// A stream of another node that nobody plays here is read on for so long: for players that set up one track after
    /// another, or come back.
    pub relay_linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            kept_connections: 256,
            waiting_connections: 128,
            connections_of_an_address: 256,
            setup: Duration::from_secs(10),
            session: Duration::from_secs(60),
            publisher_silence: Duration::from_secs(60),
            write: Duration::from_secs(10),
            player_queue_bytes: 8 << 20,
            relay_linger: Duration::from_secs(10),
        }
    }
}

/// Files that a connection holds open when it carries picture and sound by UDP.
const FILES_OF_A_CONNECTION: u64 = 5;
/// Files for all else that the node does.
const OTHER_FILES: u64 = 256;

impl Limits {
    /// As many connections as this number of open files allows.
    #[must_use]
    pub fn within_open_files(self, files: u64) -> Self {
        let affordable = files.saturating_sub(OTHER_FILES) / FILES_OF_A_CONNECTION;
        let affordable = usize::try_from(affordable).unwrap_or(usize::MAX);
        // Those that wait hold files, too.
        let waiting_connections = self.waiting_connections.min(affordable / 4).max(1);
        let connections = self
            .connections
            .min(affordable.saturating_sub(waiting_connections))
            .max(1);
        Self {
            connections,
            kept_connections: self.kept_connections.min(connections / 4),
            waiting_connections,
            ..self
        }
    }
}

/// What all connections share.
struct Shared {
    hub: Arc<Hub>,
    gate: Arc<Gate>,
    limits: Limits,
    shutdown: CancellationToken,
    turned_away: figures::Tally,
}

/// A channel server that listens and has not begun to answer.
pub struct RtspServer {
    listener: TcpListener,
    local: SocketAddr,
    shared: Arc<Shared>,
}

impl RtspServer {
    /// Listens on `addr`; the UDP ports of its clients are opened on the address that they connected to. `public_url` is the
    /// base of the URLs in the roster, `rtsp://host:port`; without it, the listening address is.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(
        addr: SocketAddr,
        registry: Registry,
        gate: Arc<Gate>,
        public_url: impl Into<Option<String>>,
        limits: Limits,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local = listener.local_addr()?;
        let public_url = public_url.into().unwrap_or_else(|| format!("rtsp://{local}"));
        let shared = Shared {
            hub: Arc::new(Hub::new(registry, public_url)),
            gate,
            limits,
            shutdown: CancellationToken::new(),
            turned_away: figures::Tally::default(),
        };
        Ok(Self {
            listener,
            local,
            shared: Arc::new(shared),
        })
    }

    pub fn figures(&self) -> Figures {
        Figures(Arc::clone(&self.shared))
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is done, then ends all sessions.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let shared = self.shared;
        let admission = Admission::new(shared.limits);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let local = stream.local_addr().map_or(self.local.ip(), |local| local.ip());
                        let ends = Ends { local, peer: peer.ip() };
                        match admission.enter(ends) {
                            Ok(ticket) => {
                                connections.spawn(connection::serve(stream, ends, ticket, shared.clone()));
                            }
                            Err(reason) => tracing::warn!(%peer, %reason, "a connection was turned away"),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of file descriptors, most likely: the next attempt would fail at once.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        shared.shutdown.cancel();
        shared.hub.end_relays();
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN, ended).await.is_err() {
            connections.shutdown().await;
        }
    }
}
