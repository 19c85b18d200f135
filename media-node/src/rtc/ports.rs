//! One thread with one port for datagrams and one for TCP, and the sessions that have these.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::BytesMut;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::figures::Counters;
use super::outlet::{Outlet, plain};
use super::route::{Datagram, Routed, Routes, Way, Wire};
use super::session::{self, Begin, Surroundings};
use super::tcp;

/// The largest datagram of a network.
const MAX_DATAGRAM: usize = 2_048;
/// Datagrams that are read before anything else is looked at.
const BATCH: usize = 64;
/// Datagrams of many publishers come at once where a keyframe begins.
const SOCKET_BUFFER: usize = 4 << 20;
/// Sessions that wait to be begun.
const MAX_BEGINNING: usize = 64;
/// Ports that are tried where any will do.
const TRIES: usize = 16;

/// What is asked of a worker.
pub(super) type Beginning = mpsc::Sender<Begin>;

/// The sockets of a worker that has not begun.
pub(super) struct Sockets {
    udp: std::net::UdpSocket,
    tcp: std::net::TcpListener,
    pub(super) local: SocketAddr,
}

impl Sockets {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            let udp = std::net::UdpSocket::bind(address)?;
            let local = udp.local_addr()?;
            match std::net::TcpListener::bind(local) {
                Ok(tcp) => {
                    udp.set_nonblocking(true)?;
                    tcp.set_nonblocking(true)?;
                    // The system may allow less, which does.
                    let _ = setsockopt(&udp, sockopt::RcvBuf, &SOCKET_BUFFER);
                    let _ = setsockopt(&udp, sockopt::SndBuf, &SOCKET_BUFFER);
                    return Ok(Self { udp, tcp, local });
                }
                Err(error) if address.port() == 0 => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Serves in a thread of its own until `shutdown`. `candidates`: where clients reach it.
    pub(super) fn begin(
        self,
        candidates: Vec<SocketAddr>,
        counters: Arc<Counters>,
        shutdown: CancellationToken,
    ) -> io::Result<(Beginning, JoinHandle<()>)> {
        let (beginning, begins) = mpsc::channel(MAX_BEGINNING);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("rtc".to_owned());
        let thread = thread.spawn(move || {
            counters.threads.enter();
            let served = runtime.block_on(self.serve(candidates, counters, begins, shutdown));
            if let Err(error) = served {
                tracing::error!(%error, "a thread of WebRTC has ended");
            }
        })?;
        Ok((beginning, thread))
    }

    async fn serve(
        self,
        candidates: Vec<SocketAddr>,
        counters: Arc<Counters>,
        mut begins: mpsc::Receiver<Begin>,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::from_std(self.udp)?);
        let listener = TcpListener::from_std(self.tcp)?;
        let routes = Routes::default();
        let surroundings = Surroundings {
            routes: routes.clone(),
            outlet: Outlet::new(socket.clone(), counters.clone()),
            candidates,
            counters: counters.clone(),
            shutdown: shutdown.clone(),
        };
        let mut connections = JoinSet::new();
        connections.spawn(tcp::serve(listener, routes.clone(), surroundings.outlet.clone()));
        let mut sessions = JoinSet::new();
        let mut buffer = BytesMut::with_capacity(BATCH * MAX_DATAGRAM);
        loop {
            tokio::select! {
                readable = socket.readable() => {
                    readable?;
                    receive(&socket, &routes, &counters, &mut buffer);
                    // The sessions are on this thread, too.
                    tokio::task::yield_now().await;
                }
                Some(begin) = begins.recv() => drop(sessions.spawn(session::run(begin, surroundings.clone()))),
                Some(ended) = sessions.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        Counters::add(&counters.failed_sessions, 1);
                        tracing::error!("a session of WebRTC has failed; the others continue");
                    }
                }
                () = shutdown.cancelled() => break,
            }
        }
        while sessions.join_next().await.is_some() {}
        Ok(())
    }
}

/// Hands the datagrams that are there to their sessions.
fn receive(socket: &UdpSocket, routes: &Routes, counters: &Counters, buffer: &mut BytesMut) {
    for _ in 0..BATCH {
        buffer.reserve(MAX_DATAGRAM);
        // Errors tell of a client that is gone, or that nothing is left.
        let Ok((length, peer)) = socket.try_recv_buf_from(buffer) else {
            return;
        };
        let datagram = Datagram {
            way: Way {
                protocol: Wire::Udp,
                peer: plain(peer),
            },
            at: Instant::now(),
            bytes: buffer.split_to(length).freeze(),
        };
        Counters::add(&counters.received_packets, 1);
        Counters::add(&counters.received_bytes, length as u64);
        if routes.route(datagram) == Routed::Dropped {
            Counters::add(&counters.dropped_packets, 1);
        }
    }
}
