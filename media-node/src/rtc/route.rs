//! Which session a datagram is for: by the name that a binding request carries, or by where it comes from, once a request that
//! the session has found genuine has come from there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::stun;

/// Datagrams that wait for one session: a second of a fast publisher's.
const MAX_WAITING: usize = 512;
/// Addresses that one session has been heard from: the way of a client changes now and then.
const MAX_WAYS: usize = 8;

/// From where a datagram comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) protocol: Wire,
    pub(super) peer: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wire {
    Udp,
    Tcp,
}

pub(super) struct Datagram {
    pub(super) way: Way,
    pub(super) at: Instant,
    pub(super) bytes: Bytes,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    Taken,
    /// The session has no room for it.
    Dropped,
    /// It is nobody's.
    Unknown,
}

/// The ways to the sessions of one socket. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Routes(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    next: u64,
    by_name: HashMap<String, Target>,
    by_way: HashMap<Way, Target>,
}

#[derive(Clone)]
struct Target {
    session: u64,
    queue: mpsc::Sender<Datagram>,
}

/// One session's place; the ways to it end with this.
pub(super) struct Place {
    routes: Routes,
    session: u64,
    queue: mpsc::Sender<Datagram>,
    ways: Vec<Way>,
}

impl Routes {
    /// A place for a session, and what comes for it.
    pub(super) fn enter(&self) -> (Place, mpsc::Receiver<Datagram>) {
        let (queue, datagrams) = mpsc::channel(MAX_WAITING);
        let mut table = self.lock();
        table.next += 1;
        let session = table.next;
        drop(table);
        let place = Place {
            routes: self.clone(),
            session,
            queue,
            ways: Vec::new(),
        };
        (place, datagrams)
    }

    pub(super) fn route(&self, datagram: Datagram) -> Routed {
        let table = self.lock();
        let named = stun::local_name(&datagram.bytes).and_then(|name| table.by_name.get(name));
        let target = named.or_else(|| table.by_way.get(&datagram.way));
        let Some(target) = target else { return Routed::Unknown };
        match target.queue.try_send(datagram) {
            Ok(()) => Routed::Taken,
            Err(_) => Routed::Dropped,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Binding requests that carry this name are for the session.
    pub(super) fn named(&self, name: &str) {
        let mut table = self.routes.lock();
        table.by_name.retain(|_, target| target.session != self.session);
        table.by_name.insert(name.to_owned(), self.target());
    }

    /// A genuine request has come this way: what else does is for the session, too.
    pub(super) fn heard_by(&mut self, way: Way) {
        let mut table = self.routes.lock();
        let is_known = table
            .by_way
            .get(&way)
            .is_some_and(|target| target.session == self.session);
        if is_known {
            return;
        }
        table.by_way.insert(way, self.target());
        self.ways.push(way);
        if self.ways.len() > MAX_WAYS {
            let oldest = self.ways.remove(0);
            table.forget(oldest, self.session);
        }
    }

    fn target(&self) -> Target {
        Target {
            session: self.session,
            queue: self.queue.clone(),
        }
    }
}

impl Table {
    fn forget(&mut self, way: Way, session: u64) {
        if self.by_way.get(&way).is_some_and(|target| target.session == session) {
            self.by_way.remove(&way);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.routes.lock();
        table.by_name.retain(|_, target| target.session != self.session);
        for way in std::mem::take(&mut self.ways) {
            table.forget(way, self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(port: u16, bytes: &'static [u8]) -> Datagram {
        Datagram {
            way: way(port),
            at: Instant::now(),
            bytes: Bytes::from_static(bytes),
        }
    }

    fn way(port: u16) -> Way {
        Way {
            protocol: Wire::Udp,
            peer: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    const NAMED: &[u8] = &[
        0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 3, b'a', b':', b'b', 0,
    ];

    #[test]
    fn a_way_belongs_to_the_session_that_was_heard_by_it_last() {
        let routes = Routes::default();
        let (mut first, mut to_first) = routes.enter();
        first.named("a");
        assert_eq!(routes.route(datagram(1, b"media")), Routed::Unknown);
        assert_eq!(routes.route(datagram(1, NAMED)), Routed::Taken);
        first.heard_by(way(1));
        assert_eq!(routes.route(datagram(1, b"media")), Routed::Taken);
        assert_eq!(std::iter::from_fn(|| to_first.try_recv().ok()).count(), 2);
        let (mut second, mut to_second) = routes.enter();
        second.named("b");
        second.heard_by(way(1));
        drop(first);
        assert_eq!(routes.route(datagram(1, b"media")), Routed::Taken);
        assert!(to_second.try_recv().is_ok());
        assert_eq!(routes.route(datagram(1, NAMED)), Routed::Taken, "by its way");
        assert_eq!(routes.route(datagram(2, NAMED)), Routed::Unknown);
        drop(second);
        let table = routes.lock();
        assert!(table.by_name.is_empty() && table.by_way.is_empty());
    }

    #[test]
    fn a_session_has_room_for_so_much_and_so_many_ways() {
        let routes = Routes::default();
        let (mut place, _datagrams) = routes.enter();
        for port in 1..100 {
            place.heard_by(way(port));
        }
        assert_eq!(routes.lock().by_way.len(), MAX_WAYS);
        assert_eq!(routes.route(datagram(1, b"media")), Routed::Unknown);
        for _ in 0..MAX_WAITING {
            assert_eq!(routes.route(datagram(99, b"media")), Routed::Taken);
        }
        assert_eq!(routes.route(datagram(99, b"media")), Routed::Dropped);
    }
}
