use std::net::SocketAddr;

use str0m::net::{Protocol, Transmit};

use super::outlet::Outlet;

/// Datagrams that one call hands to the system: it takes 64 at most, and no more than 64 KiB.
const MAX_DATAGRAMS: usize = 40;
const MAX_BYTES: usize = 60_000;

/// What one session sends in one turn. A picture is many datagrams of one size to one address, of which only the last is shorter:
/// the system takes those as one and cuts them up again, which costs a fraction of sending each.
pub(super) struct Burst {
    outlet: Outlet,
    waiting: Vec<Transmit>,
    bytes: usize,
}

impl Burst {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            waiting: Vec::new(),
            bytes: 0,
        }
    }

    /// Sends it with others, or at the next [`Self::flush`].
    pub(super) fn add(&mut self, transmit: Transmit) {
        if transmit.proto != Protocol::Udp {
            self.flush();
            return self.outlet.send_frame(transmit);
        }
        let (size, to) = (transmit.contents.len(), transmit.destination);
        if !self.takes(size, to) {
            self.flush();
        }
        self.bytes += size;
        self.waiting.push(transmit);
    }

    /// Whether a datagram can be one with those that wait: none of these is shorter than the first.
    fn takes(&self, size: usize, to: SocketAddr) -> bool {
        let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) else {
            return true;
        };
        first.destination == to
            && size <= first.contents.len()
            && last.contents.len() == first.contents.len()
            && self.waiting.len() < MAX_DATAGRAMS
            && self.bytes + size <= MAX_BYTES
    }

    pub(super) fn flush(&mut self) {
        self.outlet.send(&self.waiting);
        self.waiting.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use tokio::net::UdpSocket;

    use super::super::figures::Counters;
    use super::*;

    fn transmit(to: SocketAddr, size: usize, fill: u8) -> Transmit {
        Transmit {
            proto: Protocol::Udp,
            source: to,
            destination: to,
            contents: vec![fill; size].into(),
        }
    }

    #[tokio::test]
    async fn datagrams_that_go_out_together_arrive_one_by_one() {
        let counters = Arc::new(Counters::default());
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        socket.writable().await.unwrap();
        let outlet = Outlet::new(socket, counters.clone());
        let [here, there] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut burst = Burst::new(outlet.clone());
        let sizes: Vec<usize> = [vec![900; 50], vec![20, 900, 901, 30, 40]].concat();
        for (number, size) in sizes.iter().enumerate() {
            burst.add(transmit(here.local_addr().unwrap(), *size, number as u8));
        }
        burst.add(transmit(there.local_addr().unwrap(), 40, 0));
        burst.flush();
        let mut buffer = [0; 2_000];
        for (number, size) in sizes.iter().enumerate() {
            here.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let (length, _) = here.recv_from(&mut buffer).unwrap();
            assert_eq!((length, buffer[length - 1]), (*size, number as u8));
        }
        assert_eq!(there.recv_from(&mut buffer).unwrap().0, 40);
        let figures = counters.read();
        assert_eq!((figures.sent_packets, figures.dropped_packets), (56, 0));
        assert!(outlet.takes_many.load(Ordering::Relaxed), "this system can do it");
    }
}
