//! The embedded channel server: publishing and playing over RTSP 1.0 (RFC 2326). Packets pass from a publisher to its
//! players as they are; who publishes is told to [`crate::channel::Registry`].
//! It knows nothing of codecs, recordings or the edge.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod auth;
mod carrier;
mod connection;
mod conversation;
mod description;
mod hub;
mod player;
mod publication;
mod publisher;
mod queue;
mod reply;
mod rtp;
mod target;
#[cfg(test)]
mod tests;
mod transport;
mod udp;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use auth::Keys;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::channel::Registry;
use hub::Hub;

/// How long connections may take to say goodbye at the end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What clients may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    /// A connection that neither publishes nor plays is closed after so long without a request.
    pub idle: Duration,
    /// A player by UDP, or one that has not begun to play, is gone after so long without a request or a report.
    pub session: Duration,
    /// A publisher is gone after so long without a packet or a request, by TCP and UDP alike.
    pub publisher_silence: Duration,
    /// A client that takes nothing for so long is gone.
    pub write: Duration,
    /// Queued for one player at most.
    pub player_queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            idle: Duration::from_secs(30),
            session: Duration::from_secs(60),
            publisher_silence: Duration::from_secs(10),
            write: Duration::from_secs(10),
            player_queue_bytes: 8 << 20,
        }
    }
}

/// What all connections share.
struct Shared {
    hub: Arc<Hub>,
    keys: Keys,
    limits: Limits,
    shutdown: CancellationToken,
}

/// A channel server that listens and has not begun to answer.
pub struct RtspServer {
    listener: TcpListener,
    local: SocketAddr,
    shared: Shared,
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
        keys: Keys,
        public_url: impl Into<Option<String>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local = listener.local_addr()?;
        let public_url = public_url.into().unwrap_or_else(|| format!("rtsp://{local}"));
        let shared = Shared {
            hub: Arc::new(Hub::new(registry, public_url)),
            keys,
            limits: Limits::default(),
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            local,
            shared,
        })
    }

    /// Tests are less patient than users.
    #[cfg(test)]
    fn with_limits(mut self, limits: Limits) -> Self {
        self.shared.limits = limits;
        self
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is done, then ends all sessions.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let shared = Arc::new(self.shared);
        let slots = Arc::new(Semaphore::new(shared.limits.connections));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => match slots.clone().try_acquire_owned() {
                        Ok(slot) => {
                            let serve = connection::serve(stream, peer, shared.clone());
                            connections.spawn(async move {
                                serve.await;
                                drop(slot);
                            });
                        }
                        Err(_) => tracing::warn!(%peer, "a connection was turned away: there are as many as there may be"),
                    },
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
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN, ended).await.is_err() {
            connections.shutdown().await;
        }
    }
}
