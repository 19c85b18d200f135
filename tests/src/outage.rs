//! A store that cannot be reached for a while: a TCP proxy in front of it that can be told to refuse.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to one address. Dropped, it refuses.
pub struct Proxy {
    pub address: SocketAddr,
    refusing: Arc<watch::Sender<bool>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface in front of `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let refusing = Arc::new(watch::Sender::new(false));
        let accepting = tokio::spawn(accept(listener, target, refusing.clone()));
        Self {
            address,
            refusing,
            accepting,
        }
    }

    /// From here on each connection is cut, those that are open included, until [`Self::restore`].
    pub fn refuse(&self) {
        self.refusing.send_replace(true);
    }

    pub fn restore(&self) {
        self.refusing.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, refusing: Arc<watch::Sender<bool>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut refused = refusing.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                _ = refused.wait_for(|refuse| *refuse) => {}
                () = pass_on(client, target) => {}
            }
        });
    }
}

async fn pass_on(mut client: TcpStream, target: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // How a connection ends is its two ends' business.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_u8(7).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn cuts_and_restores() {
        let proxy = Proxy::start(echo().await).await;
        let mut open = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut open).await.unwrap(), 7);
        proxy.refuse();
        assert!(ask(&mut open).await.is_err(), "an open connection is cut");
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert!(ask(&mut new).await.is_err(), "a new one as well");
        proxy.restore();
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut new).await.unwrap(), 7);
    }
}
