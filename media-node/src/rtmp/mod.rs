//! Publishing over RTMP 1.0, as encoders do, and its enhanced form: media becomes packets of RTP and goes to [`crate::hub`] like
//! that of any other publisher. It knows neither recordings nor the edge, and does not decode.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod amf;
mod chunk;
mod clock;
mod codec;
mod commands;
mod connection;
mod flv;
mod publisher;
mod refusal;
mod session;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod track;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::hub::{self, Hub};
pub use tls::Certificate;

/// A server that listens and has not begun to answer.
pub struct RtmpServer {
    listener: TcpListener,
    local: SocketAddr,
    hub: Arc<Hub>,
    certificate: Option<Arc<Certificate>>,
}

impl RtmpServer {
    /// Listens on `addr`; what is published goes to `hub`, within its limits. With a certificate all speak TLS.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(addr: SocketAddr, hub: Arc<Hub>, certificate: Option<Arc<Certificate>>) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local = listener.local_addr()?;
        Ok(Self {
            listener,
            local,
            hub,
            certificate,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is done, then ends all publications.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            listener,
            hub,
            certificate,
            ..
        } = self;
        let ending = CancellationToken::new();
        let each = |stream, ends, ticket| {
            let acceptor = certificate.as_ref().map(|certificate| certificate.acceptor());
            connection::serve(stream, acceptor, ends, ticket, hub.clone(), ending.clone())
        };
        hub::serve(listener, &hub, shutdown, each, || ending.cancel()).await;
    }
}
