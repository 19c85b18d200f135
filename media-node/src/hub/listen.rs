use std::future::Future;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Hub;
use super::admission::Ticket;
use super::client::Ends;

/// How long connections may take to say goodbye at the end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Serves each connection that finds a place, until `shutdown` is done. Then `end` has to see to it that those end that are left.
pub async fn serve<Serving>(
    listener: TcpListener,
    hub: &Hub,
    shutdown: impl Future<Output = ()>,
    each: impl Fn(TcpStream, Ends, Ticket) -> Serving,
    end: impl FnOnce(),
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let local = stream.local_addr().map_or(peer.ip(), |local| local.ip());
                    let ends = Ends { local, peer: peer.ip() };
                    match hub.admission.enter(ends) {
                        Ok(ticket) => drop(connections.spawn(each(stream, ends, ticket))),
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
    drop(listener);
    end();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN, ended).await.is_err() {
        connections.shutdown().await;
    }
}
