//! RTP and RTCP over UDP: a pair of server ports for each track.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::hub::Flow;

/// Attempts at finding two free ports in a row.
const ATTEMPTS: u32 = 32;
const MAX_DATAGRAM: usize = 65_535;
/// What the system holds of datagrams until they are read, in bytes: publishers with few pictures send seconds of sound at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// The most datagrams that are read of a client that has left: as many small ones as the system holds.
const MOST_LEFT: usize = 16_384;

/// Two sockets on an even port and the odd one above it: many clients know only the first and count on.
pub(crate) struct PortPair {
    rtp: Arc<UdpSocket>,
    rtcp: Arc<UdpSocket>,
    /// The port of `rtp`; that of `rtcp` is one higher.
    pub(crate) port: u16,
}

impl PortPair {
    /// Must be called within the runtime.
    pub(crate) fn bind(ip: IpAddr) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            match Self::attempt(ip) {
                Ok(pair) => return Ok(pair),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn attempt(ip: IpAddr) -> io::Result<Self> {
        let bind = |port: u16| -> io::Result<Arc<UdpSocket>> {
            let socket = std::net::UdpSocket::bind(SocketAddr::new(ip, port))?;
            socket.set_nonblocking(true)?;
            // The system may allow less, which does.
            let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
            UdpSocket::from_std(socket).map(Arc::new)
        };
        let any = bind(0)?;
        let port = any.local_addr()?.port();
        if port % 2 == 0 {
            Ok(Self {
                rtp: any,
                rtcp: bind(port + 1)?,
                port,
            })
        } else {
            Ok(Self {
                rtp: bind(port - 1)?,
                rtcp: any,
                port: port - 1,
            })
        }
    }

    pub(crate) async fn send(&self, flow: Flow, payload: &[u8], to: SocketAddr) -> io::Result<()> {
        let socket = match flow {
            Flow::Rtp => &self.rtp,
            Flow::Rtcp => &self.rtcp,
        };
        socket.send_to(payload, to).await.map(drop)
    }

    /// Calls `take` with each datagram from `peer`'s address, whatever its port: behind a NAT it is not the one that the
    /// client knows. Goes on until the tasks are aborted.
    pub(crate) fn receive<F>(&self, tasks: &mut JoinSet<()>, peer: IpAddr, take: F)
    where
        F: Fn(Flow, Bytes) + Clone + Send + 'static,
    {
        for (flow, socket) in [(Flow::Rtp, &self.rtp), (Flow::Rtcp, &self.rtcp)] {
            tasks.spawn(receive(socket.clone(), peer, flow, take.clone()));
        }
    }

    /// Calls `take` with what has come from `peer` and has not been read yet: a client's last words may be read before its last
    /// datagrams.
    pub(crate) fn take_rest(&self, peer: IpAddr, take: impl Fn(Flow, Bytes)) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        for (flow, socket) in [(Flow::Rtp, &self.rtp), (Flow::Rtcp, &self.rtcp)] {
            // The runtime may not know yet that there is anything to read.
            let Ok(socket) = socket.as_fd().try_clone_to_owned().map(std::net::UdpSocket::from) else {
                return;
            };
            for _ in 0..MOST_LEFT {
                match socket.recv_from(&mut buffer) {
                    Ok((length, from)) if from.ip() == peer => {
                        take(flow, Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()));
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
    }
}

async fn receive(socket: Arc<UdpSocket>, peer: IpAddr, flow: Flow, take: impl Fn(Flow, Bytes)) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if from.ip() == peer => {
                take(flow, Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()));
            }
            Ok(_) => {}
            // An ICMP error of an earlier packet; the socket stays good. Yields, so that a stream of them cannot spin.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn pairs_are_even_and_odd_and_hear_only_their_peer() {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let pair = PortPair::bind(ip).unwrap();
        assert_eq!(pair.port % 2, 0);
        let (sender, mut heard) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        pair.receive(&mut tasks, ip, move |flow, payload| {
            sender.send((flow, payload)).unwrap()
        });
        let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger.send_to(b"no", (ip, pair.port)).await.unwrap();
        peer.send_to(b"report", (ip, pair.port + 1)).await.unwrap();
        assert_eq!(heard.recv().await.unwrap(), (Flow::Rtcp, Bytes::from_static(b"report")));
        peer.send_to(b"media", (ip, pair.port)).await.unwrap();
        assert_eq!(heard.recv().await.unwrap(), (Flow::Rtp, Bytes::from_static(b"media")));
        pair.send(Flow::Rtp, b"back", peer.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 16];
        let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from.port()), (&b"back"[..], pair.port));
    }

    #[tokio::test]
    async fn what_a_client_sent_before_it_left_is_taken() {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let pair = PortPair::bind(ip).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let stranger = std::net::UdpSocket::bind("127.0.0.2:0").unwrap();
        stranger.send_to(b"no", (ip, pair.port)).unwrap();
        // More than a system holds that is asked for nothing.
        let sent: Vec<_> = (0..400u16).map(|number| number.to_be_bytes()).collect();
        for datagram in &sent {
            peer.send_to(datagram, (ip, pair.port)).unwrap();
        }
        peer.send_to(b"bye", (ip, pair.port + 1)).unwrap();
        let heard = std::cell::RefCell::new(Vec::new());
        pair.take_rest(ip, |flow, payload| heard.borrow_mut().push((flow, payload)));
        let heard = heard.into_inner();
        let (last, media) = heard.split_last().unwrap();
        assert_eq!(*last, (Flow::Rtcp, Bytes::from_static(b"bye")));
        let media: Vec<_> = media.iter().map(|(_, payload)| payload.as_ref()).collect();
        assert_eq!(media, sent);
    }
}
