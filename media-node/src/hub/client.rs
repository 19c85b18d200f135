//! What is known of a connection's client before it asks for anything.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A connection on which nothing came for so many seconds is probed,
const PROBE_AFTER_S: u32 = 4;
/// each so many seconds, and is over when so many probes in a row stay without an answer.
const PROBE_EVERY_S: u32 = 2;
const PROBES: u32 = 3;

/// How long a closed connection is read on, so that its end reaches the client behind all that was sent.
const LINGER: Duration = Duration::from_secs(1);

/// The addresses of both ends of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub local: IpAddr,
    pub peer: IpAddr,
}

/// When the client was last heard, on whatever way.
pub struct Liveness {
    origin: Instant,
    last_ms: AtomicU64,
}

impl Liveness {
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    pub fn touch(&self) {
        let elapsed = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Ordering::Relaxed);
    }

    pub fn last(&self) -> Instant {
        self.origin + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }
}

/// Has the system find out when the client's machine, or the way to it, is gone: a client may have little to send.
///
/// # Errors
/// When the connection is gone already.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &PROBE_AFTER_S)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &PROBE_EVERY_S)?;
    setsockopt(stream, sockopt::TcpKeepCount, &PROBES)?;
    Ok(())
}

/// Ends a connection so that the client gets all that was sent, and its end behind that.
pub async fn linger(mut read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin) {
    let ending = async {
        write.shutdown().await?;
        let mut rest = [0; 4096];
        while read.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the client heard the end or is gone makes no difference.
    let _ = timeout(LINGER, ending).await;
}
