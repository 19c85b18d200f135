//! Which connections get a place. One that has shown neither media nor a wish for it is cheap to make, so it counts for
//! little: there are few places for such connections, and a new one takes the oldest one's. So clients that only
//! connect cannot keep a recorder out, however many there are.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Limits;
use super::client::Ends;
use crate::access::network;

/// All places of a server, free and taken.
pub struct Admission {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// Connections that neither publish nor play, the oldest first.
    waiting: BTreeMap<u64, CancellationToken>,
    active: usize,
    /// Those of `active` that come from other machines.
    active_from_elsewhere: usize,
    /// Connections of other machines, by the address that counts.
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection, free again when this is dropped.
pub struct Ticket {
    admission: Arc<Admission>,
    /// Among those that wait; `None` while it publishes or plays.
    waits_as: Option<u64>,
    /// `None` of this machine.
    from: Option<IpAddr>,
    evicted: CancellationToken,
}

/// Why a connection or its media gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    #[error("this address has as many connections as it may have")]
    OfThisAddress,
    #[error("this server serves as many connections as it can: try again later, or at another node")]
    AtAll,
    #[error("another connection has taken the place of this one, which did nothing for too long")]
    Evicted,
}

impl Admission {
    pub fn new(limits: Limits) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self { limits, taken })
    }

    /// A place among those that wait, perhaps the oldest one's.
    pub fn enter(self: &Arc<Self>, ends: Ends) -> Result<Ticket, NoPlace> {
        let from = elsewhere(ends);
        let mut taken = self.lock();
        if let Some(address) = from {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.limits.connections_of_an_address {
                return Err(NoPlace::OfThisAddress);
            }
            *count += 1;
        }
        let evicted = CancellationToken::new();
        let id = taken.wait(&evicted, self.limits.waiting_connections);
        drop(taken);
        Ok(Ticket {
            admission: self.clone(),
            waits_as: Some(id),
            from,
            evicted,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn leave_address(&mut self, from: Option<IpAddr>) {
        let Some(address) = from else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    fn wait(&mut self, evicted: &CancellationToken, limit: usize) -> u64 {
        while self.waiting.len() >= limit.max(1)
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            oldest.cancel();
        }
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, evicted.clone());
        id
    }
}

impl Ticket {
    /// Done when a newer connection has taken this one's place.
    pub fn evicted(&self) -> CancellationToken {
        self.evicted.clone()
    }

    pub fn is_active(&self) -> bool {
        self.waits_as.is_none()
    }

    /// The connection publishes or plays from here on.
    pub fn activate(&mut self) -> Result<(), NoPlace> {
        let Some(id) = self.waits_as else { return Ok(()) };
        let limits = &self.admission.limits;
        let mut taken = self.admission.lock();
        if !taken.waiting.contains_key(&id) {
            return Err(NoPlace::Evicted);
        }
        let of_others = limits.connections.saturating_sub(limits.kept_connections);
        if taken.active >= limits.connections || (self.from.is_some() && taken.active_from_elsewhere >= of_others) {
            return Err(NoPlace::AtAll);
        }
        taken.waiting.remove(&id);
        taken.active += 1;
        taken.active_from_elsewhere += usize::from(self.from.is_some());
        drop(taken);
        self.waits_as = None;
        Ok(())
    }

    /// The connection is another node's: it counts as one of this machine, which serves that node's players and recorders as
    /// it serves its own.
    pub fn trust(&mut self) {
        let mut taken = self.admission.lock();
        if self.from.is_some() && self.waits_as.is_none() {
            taken.active_from_elsewhere = taken.active_from_elsewhere.saturating_sub(1);
        }
        taken.leave_address(self.from.take());
    }

    /// The connection does not publish or play any more.
    pub fn rest(&mut self) {
        if self.is_active() {
            let mut taken = self.admission.lock();
            taken.active = taken.active.saturating_sub(1);
            if self.from.is_some() {
                taken.active_from_elsewhere = taken.active_from_elsewhere.saturating_sub(1);
            }
            let id = taken.wait(&self.evicted, self.admission.limits.waiting_connections);
            drop(taken);
            self.waits_as = Some(id);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut taken = self.admission.lock();
        match self.waits_as {
            Some(id) => drop(taken.waiting.remove(&id)),
            None => {
                taken.active = taken.active.saturating_sub(1);
                if self.from.is_some() {
                    taken.active_from_elsewhere = taken.active_from_elsewhere.saturating_sub(1);
                }
            }
        }
        taken.leave_address(self.from);
    }
}

/// What connections from other machines are counted by; `None` for this machine, whose recorders come by loopback or by its own address.
fn elsewhere(ends: Ends) -> Option<IpAddr> {
    let (local, peer) = (ends.local.to_canonical(), ends.peer.to_canonical());
    if peer.is_loopback() || peer == local {
        return None;
    }
    Some(network(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";
    const THERE: &str = "192.0.2.1";

    fn admission() -> Arc<Admission> {
        Admission::new(Limits {
            connections: 3,
            kept_connections: 1,
            waiting_connections: 4,
            connections_of_an_address: 3,
            ..Limits::default()
        })
    }

    fn enter(admission: &Arc<Admission>, peer: &str) -> Result<Ticket, NoPlace> {
        admission.enter(Ends {
            local: "192.0.2.9".parse().unwrap(),
            peer: peer.parse().unwrap(),
        })
    }

    #[test]
    fn another_nodes_connections_do_not_count_for_its_address() {
        let admission = admission();
        let mut relays = Vec::new();
        for _ in 0..3 {
            let mut ticket = enter(&admission, THERE).unwrap();
            ticket.trust();
            ticket.activate().unwrap();
            ticket.trust();
            relays.push(ticket);
        }
        assert!(admission.lock().by_address.is_empty());
        assert_eq!(
            admission.lock().active,
            3,
            "also in places that are kept for this machine's recorders"
        );
        drop(relays);
        let taken = admission.lock();
        assert_eq!((taken.active, taken.active_from_elsewhere), (0, 0));
    }

    #[test]
    fn idle_connections_keep_nobody_out() {
        let admission = admission();
        let idle: Vec<Ticket> = (0..1_024).map(|_| enter(&admission, HERE).unwrap()).collect();
        let evicted = idle.iter().filter(|ticket| ticket.evicted().is_cancelled()).count();
        assert_eq!(evicted, 1_020);
        let mut recorder = enter(&admission, HERE).unwrap();
        assert_eq!(recorder.activate(), Ok(()));
        assert!(!recorder.evicted().is_cancelled());
        let mut first = idle.into_iter().next().unwrap();
        assert_eq!(first.activate(), Err(NoPlace::Evicted));
    }

    #[test]
    fn players_from_elsewhere_leave_places_for_recorders() {
        let admission = admission();
        let mut players: Vec<Ticket> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
            .map(|peer| enter(&admission, peer).unwrap())
            .into();
        let outcomes: Vec<_> = players.iter_mut().map(Ticket::activate).collect();
        assert_eq!(outcomes, [Ok(()), Ok(()), Err(NoPlace::AtAll)]);
        let mut recorder = enter(&admission, "192.0.2.9").unwrap();
        assert_eq!(recorder.activate(), Ok(()), "it comes from this machine");
        drop(players.remove(0));
        assert_eq!(players[1].activate(), Ok(()));
        let mut another = enter(&admission, HERE).unwrap();
        assert_eq!(another.activate(), Err(NoPlace::AtAll));
        recorder.rest();
        assert_eq!(another.activate(), Ok(()));
    }

    #[test]
    fn an_address_has_so_many_connections_and_gets_its_places_back() {
        let admission = admission();
        let tickets: Vec<Ticket> = (0..3).map(|_| enter(&admission, THERE).unwrap()).collect();
        assert_eq!(enter(&admission, THERE).err(), Some(NoPlace::OfThisAddress));
        assert_eq!(
            enter(&admission, &format!("::ffff:{THERE}")).err(),
            Some(NoPlace::OfThisAddress)
        );
        assert!(enter(&admission, "192.0.2.2").is_ok());
        drop(tickets);
        assert!(enter(&admission, THERE).is_ok());
        let hosts: Vec<_> = (1..=4)
            .map(|host| enter(&admission, &format!("2001:db8::{host}")))
            .collect();
        assert_eq!(
            hosts[3].as_ref().err(),
            Some(&NoPlace::OfThisAddress),
            "all of one network"
        );
        drop(hosts);
        assert!(admission.lock().by_address.is_empty());
    }
}
