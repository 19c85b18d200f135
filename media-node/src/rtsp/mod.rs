//! RTSP 1.0 (RFC 2326): whoever publishes by it hands packets to [`crate::hub`], whoever plays takes them from there, and what
//! is published at other nodes is read from these. It knows nothing of codecs, recordings or the edge.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod carrier;
mod connection;
mod conversation;
mod figures;
mod player;
mod publisher;
mod relay;
mod reply;
mod streams;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod tests;
mod transport;
pub(crate) mod udp;
pub(crate) mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::Gate;
use crate::channel::{Registry, StreamPath};
use crate::hub::{self, Hub, Limits, Publication};
use crate::layers::{Area, sized};
pub use figures::Figures;
use relay::{RelayError, Relays};
pub use streams::Streams;

/// The parameter by which a player that sends no RTCP asks for a keyframe of a stream, and what it is written in.
pub(crate) const KEYFRAME_WANTED: &str = "keyframe: wanted\r\n";
pub(crate) const PARAMETERS: &str = "text/parameters";

/// What all connections share.
struct Shared {
    hub: Arc<Hub>,
    relays: Arc<Relays>,
    shutdown: CancellationToken,
}

/// A publisher's picture in a size of its own.
struct SizedPicture {
    publication: Arc<Publication>,
    /// Others play it as well.
    is_shared: bool,
}

impl SizedPicture {
    /// One that was made for its only player.
    fn own(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            is_shared: false,
        }
    }
}

impl Shared {
    /// The stream, from wherever it was published last.
    async fn play(&self, path: &StreamPath) -> Result<Option<Arc<Publication>>, RelayError> {
        match self.hub.origin(path).await {
            Some(origin) => self.relays.open(path, None, origin, &self.hub).await.map(Some),
            None => Ok(self.hub.find(path)),
        }
    }

    /// Its picture alone, from the smallest of several sizes that fills the area; `None` where it has one size or is not published.
    async fn play_sized(&self, path: &StreamPath, area: Area) -> Result<Option<SizedPicture>, RelayError> {
        let Some(origin) = self.hub.origin(path).await else {
            return Ok(self.find_sized(path, area));
        };
        match self.relays.open(path, Some(area), origin, &self.hub).await {
            Ok(publication) => Ok(Some(SizedPicture {
                publication,
                is_shared: true,
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same of what is published here.
    fn find_sized(&self, path: &StreamPath, area: Area) -> Option<SizedPicture> {
        sized(&self.hub.find(path)?, area).map(SizedPicture::own)
    }
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
            hub: Arc::new(Hub::new(registry, gate, public_url, limits)),
            relays: Arc::default(),
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            local,
            shared: Arc::new(shared),
        })
    }

    /// What it publishes into: other servers of this node do, too.
    pub fn hub(&self) -> Arc<Hub> {
        self.shared.hub.clone()
    }

    pub fn streams(&self) -> Streams {
        Streams(Arc::clone(&self.shared))
    }

    pub fn figures(&self) -> Figures {
        Figures(Arc::clone(&self.shared))
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is done, then ends all sessions.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, shared, .. } = self;
        let each = |stream, ends, ticket| connection::serve(stream, ends, ticket, shared.clone());
        let end = || {
            shared.shutdown.cancel();
            shared.relays.end();
        };
        hub::serve(listener, &shared.hub, shutdown, each, end).await;
    }
}
