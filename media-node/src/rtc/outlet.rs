//! The way out to clients: datagrams, and frames over their TCP connections (RFC 4571). What a socket or a connection has no room
//! for is dropped and counted: senders of media reckon with losses.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use str0m::net::Transmit;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::figures::Counters;

/// Frames that wait for one connection.
pub(super) const MAX_FRAMES: usize = 512;

/// See the module. Clones share one socket.
#[derive(Clone)]
pub(super) struct Outlet {
    socket: Arc<UdpSocket>,
    is_ipv6: bool,
    /// The system takes many datagrams at once.
    pub(super) takes_many: Arc<AtomicBool>,
    connections: Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Bytes>>>>,
    counters: Arc<Counters>,
}

impl Outlet {
    pub(super) fn new(socket: Arc<UdpSocket>, counters: Arc<Counters>) -> Self {
        let is_ipv6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
        Self {
            socket,
            is_ipv6,
            takes_many: Arc::new(AtomicBool::new(true)),
            connections: Arc::default(),
            counters,
        }
    }

    /// Sends datagrams to one address, which are of one size but for the last, which may be shorter.
    pub(super) fn send(&self, datagrams: &[Transmit]) {
        let [first, _, ..] = datagrams else {
            return datagrams.iter().for_each(|datagram| self.send_one(datagram));
        };
        if !self.takes_many.load(Ordering::Relaxed) {
            return datagrams.iter().for_each(|datagram| self.send_one(datagram));
        }
        let parts: Vec<_> = datagrams
            .iter()
            .map(|datagram| IoSlice::new(&datagram.contents))
            .collect();
        match self.send_parts(&parts, first.contents.len(), first.destination) {
            Ok(()) => datagrams
                .iter()
                .for_each(|datagram| self.count(datagram.contents.len(), true)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                datagrams
                    .iter()
                    .for_each(|datagram| self.count(datagram.contents.len(), false));
            }
            Err(error) => {
                // Neither old systems nor all devices can, and a way with small packets cannot either.
                let is_unable = [Errno::EIO, Errno::EOPNOTSUPP, Errno::ENOPROTOOPT]
                    .iter()
                    .any(|unable| error.raw_os_error() == Some(*unable as i32));
                if is_unable && self.takes_many.swap(false, Ordering::Relaxed) {
                    tracing::info!(%error, "the system does not cut up datagrams: each is sent by itself");
                }
                datagrams.iter().for_each(|datagram| self.send_one(datagram));
            }
        }
    }

    fn send_parts(&self, parts: &[IoSlice<'_>], size: usize, to: SocketAddr) -> io::Result<()> {
        let size = u16::try_from(size).map_err(|_| io::ErrorKind::InvalidInput)?;
        let to = SockaddrStorage::from(self.as_socket_knows(to));
        self.socket.try_io(Interest::WRITABLE, || {
            let cut = [ControlMessage::UdpGsoSegments(&size)];
            let sent = sendmsg(self.socket.as_raw_fd(), parts, &cut, MsgFlags::empty(), Some(&to));
            sent.map(drop).map_err(io::Error::from)
        })
    }

    fn send_one(&self, datagram: &Transmit) {
        let to = self.as_socket_knows(datagram.destination);
        let is_sent = self.socket.try_send_to(&datagram.contents, to).is_ok();
        self.count(datagram.contents.len(), is_sent);
    }

    /// Sends a frame to the client of a TCP connection.
    pub(super) fn send_frame(&self, transmit: Transmit) {
        let (bytes, peer) = (transmit.contents.len(), transmit.destination);
        let frame = Vec::from(transmit.contents).into();
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.get(&peer);
        let is_sent = connection.is_some_and(|connection| connection.try_send(frame).is_ok());
        self.count(bytes, is_sent);
    }

    fn count(&self, bytes: usize, is_sent: bool) {
        if is_sent {
            Counters::add(&self.counters.sent_packets, 1);
            Counters::add(&self.counters.sent_bytes, bytes as u64);
        } else {
            Counters::add(&self.counters.dropped_packets, 1);
        }
    }

    /// What is sent to the client of a TCP connection.
    pub(super) fn connected(&self, peer: SocketAddr) -> mpsc::Receiver<Bytes> {
        let (frames, to_send) = mpsc::channel(MAX_FRAMES);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(peer, frames);
        to_send
    }

    pub(super) fn disconnected(&self, peer: SocketAddr) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.remove(&peer);
    }

    /// A socket of IPv6 reaches addresses of IPv4 by another name of theirs.
    fn as_socket_knows(&self, address: SocketAddr) -> SocketAddr {
        match address.ip() {
            IpAddr::V4(ip) if self.is_ipv6 => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
            _ => address,
        }
    }
}

/// An address by its plain name.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
