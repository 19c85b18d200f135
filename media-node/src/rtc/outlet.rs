//! The way out to clients: datagrams, and frames over their TCP connections (RFC 4571). What a socket or a connection has no room
//! for is dropped and counted: senders of media reckon with losses.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use str0m::net::{Protocol, Transmit};
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
    connections: Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Bytes>>>>,
    counters: Arc<Counters>,
}

impl Outlet {
    pub(super) fn new(socket: Arc<UdpSocket>, counters: Arc<Counters>) -> Self {
        let is_ipv6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
        Self {
            socket,
            is_ipv6,
            connections: Arc::default(),
            counters,
        }
    }

    pub(super) fn send(&self, transmit: Transmit) {
        let bytes = transmit.contents.len() as u64;
        let sent = match transmit.proto {
            Protocol::Udp => {
                let to = self.as_socket_knows(transmit.destination);
                self.socket.try_send_to(&transmit.contents, to).is_ok()
            }
            _ => self.send_frame(transmit.destination, Vec::from(transmit.contents).into()),
        };
        if sent {
            Counters::add(&self.counters.sent_packets, 1);
            Counters::add(&self.counters.sent_bytes, bytes);
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

    fn send_frame(&self, peer: SocketAddr, frame: Bytes) -> bool {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.get(&peer);
        connection.is_some_and(|connection| connection.try_send(frame).is_ok())
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
