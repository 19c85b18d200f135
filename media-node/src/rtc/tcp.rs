//! Clients whose network lets no datagrams through: the same packets in a TCP connection, each behind its length (RFC 4571).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::outlet::{Outlet, plain};
use super::route::{Datagram, Routed, Routes, Way, Wire};

/// Connections of one worker.
const MAX_CONNECTIONS: usize = 1_024;
/// Longer ones are no packets of a network's.
const MAX_FRAME_BYTES: usize = 4_096;
/// A connection by which nothing has come for any session for so long is closed.
const SILENCE: Duration = Duration::from_secs(15);

/// Takes connections until it is dropped.
pub(super) async fn serve(listener: TcpListener, routes: Routes, outlet: Outlet) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let (routes, outlet) = (routes.clone(), outlet.clone());
                    connections.spawn(async move { connection(stream, peer, &routes, &outlet).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, routes: &Routes, outlet: &Outlet) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let codec = LengthDelimitedCodec::builder()
        .length_field_length(2)
        .max_frame_length(MAX_FRAME_BYTES)
        .new_codec();
    let (mut write, mut read) = Framed::new(stream, codec).split();
    let peer = plain(peer);
    let mut frames = outlet.connected(peer);
    let mut heard = Instant::now();
    let protocol = Wire::Tcp;
    loop {
        let rest = SILENCE.saturating_sub(heard.elapsed());
        tokio::select! {
            frame = read.next() => {
                let Some(Ok(bytes)) = frame else { break };
                let at = Instant::now();
                let way = Way { protocol, peer };
                if routes.route(Datagram { way, at, bytes: bytes.freeze() }) != Routed::Unknown {
                    heard = at;
                }
            }
            Some(frame) = frames.recv() => {
                if !matches!(timeout(SILENCE, write.send(frame)).await, Ok(Ok(()))) {
                    break;
                }
            }
            () = tokio::time::sleep(rest) => break,
        }
    }
    outlet.disconnected(peer);
}
