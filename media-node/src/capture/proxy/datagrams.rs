//! The ports of this machine at which a source sends the tracks that it does not interleave.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

use super::exchange::Ports;
use crate::hub::Flow;
use crate::rtsp::udp::PortPair;

/// Datagrams that wait for the exchange: a large picture's. The system has a buffer of its own before them.
const QUEUE: usize = 1024;
/// As many tracks as a client captures, and some that it tried before.
const MAX_PAIRS: usize = 8;
/// An RTP header of no source and an empty receiver report: a firewall lets pass what answers them.
const GREETINGS: [(Flow, &[u8]); 2] = [
    (Flow::Rtp, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (Flow::Rtcp, &[0x80, 201, 0, 1, 0, 0, 0, 0]),
];

/// A datagram, with the number of its pair of ports.
pub(super) type Datagram = (usize, Flow, Bytes);

/// The pairs of ports of one source, numbered in the order of their opening; dropped, they are closed.
pub(super) struct Datagrams {
    local: IpAddr,
    peer: IpAddr,
    pairs: Vec<PortPair>,
    /// Where the source takes reports of a pair, once it has told.
    reports_to: BTreeMap<usize, SocketAddr>,
    tasks: JoinSet<()>,
    sender: Sender<Datagram>,
}

impl Datagrams {
    /// Of a source at `peer`, which reaches this machine at `local`.
    pub(super) fn new(local: IpAddr, peer: IpAddr) -> (Self, Receiver<Datagram>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let datagrams = Self {
            local,
            peer,
            pairs: Vec::new(),
            reports_to: BTreeMap::new(),
            tasks: JoinSet::new(),
            sender,
        };
        (datagrams, receiver)
    }

    /// Opens the way through firewalls to a pair; the source sends from these ports.
    pub(super) async fn greet(&mut self, number: usize, ports: (u16, u16)) {
        let Some(pair) = self.pairs.get(number) else { return };
        self.reports_to.insert(number, SocketAddr::new(self.peer, ports.1));
        for (flow, greeting) in GREETINGS {
            let port = match flow {
                Flow::Rtp => ports.0,
                Flow::Rtcp => ports.1,
            };
            // Where nothing is in the way, nothing is lost with it.
            let _ = pair.send(flow, greeting, SocketAddr::new(self.peer, port)).await;
        }
    }

    /// Tells the source something of a pair's packets.
    pub(super) async fn report(&self, number: usize, report: &[u8]) {
        if let (Some(pair), Some(to)) = (self.pairs.get(number), self.reports_to.get(&number)) {
            // One that is lost is followed by another.
            let _ = pair.send(Flow::Rtcp, report, *to).await;
        }
    }
}

impl Ports for Datagrams {
    fn open(&mut self) -> Option<u16> {
        if self.pairs.len() >= MAX_PAIRS {
            return None;
        }
        let pair = PortPair::bind(self.local).ok()?;
        let (number, sender) = (self.pairs.len(), self.sender.clone());
        pair.receive(&mut self.tasks, self.peer, move |flow, payload| {
            // What finds the queue full is lost, as in a full buffer of the system.
            let _ = sender.try_send((number, flow, payload));
        });
        let port = pair.port;
        self.pairs.push(pair);
        Some(port)
    }
}
