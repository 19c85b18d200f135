use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// The node's lease on one line. It counts from when the newest ping that was answered had been sent, by
/// [`boot_ms`](crate::clock::boot_ms), in which the time counts that the machine has slept.
#[derive(Debug)]
pub(in crate::agent) struct Lease {
    length_ms: u64,
    until_ms: watch::Sender<u64>,
}

impl Lease {
    /// `sent_ms`: when the hello was sent that the edge has answered.
    pub(super) fn new(length_ms: u64, sent_ms: u64) -> Self {
        Self {
            length_ms,
            until_ms: watch::Sender::new(sent_ms.saturating_add(length_ms)),
        }
    }

    /// A ping that was sent then has been answered.
    pub(super) fn renew(&self, sent_ms: u64) {
        let until_ms = sent_ms.saturating_add(self.length_ms);
        self.until_ms.send_if_modified(|known_ms| {
            let is_later = until_ms > *known_ms;
            *known_ms = until_ms.max(*known_ms);
            is_later
        });
    }

    /// Until when it lasts.
    pub(in crate::agent) fn until_ms(&self) -> watch::Receiver<u64> {
        self.until_ms.subscribe()
    }
}

/// The ping that has not been answered yet. There is one at a time, so that no answer is taken for that to a later one.
#[derive(Debug, Default)]
pub(super) struct Ping(Mutex<Option<u64>>);

impl Ping {
    /// Whether a ping may be sent now; from here on it has been.
    pub(super) fn send(&self, now_ms: u64) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = sent.is_none();
        sent.get_or_insert(now_ms);
        may
    }

    /// When the ping was sent that has been answered.
    pub(super) fn answered(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_lasts_from_the_sending_of_what_was_answered() {
        let (lease, ping) = (Lease::new(10_000, 500), Ping::default());
        let until = || *lease.until_ms().borrow();
        assert_eq!(until(), 10_500);
        assert!(ping.send(2_000));
        assert!(!ping.send(4_000), "one at a time");
        lease.renew(ping.answered().unwrap());
        assert_eq!(until(), 12_000);
        assert_eq!(ping.answered(), None, "an answer to nothing");
        lease.renew(1_000);
        assert_eq!(until(), 12_000, "nothing shortens it");
    }
}
