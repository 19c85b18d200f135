//! The leases of a node's lines. One is over when no ping has been answered for its length and a margin, by the platform's own
//! account, which is final only once the socket is closed: a line that is silent is closed first, and looked at once more.

use super::contract::Pings;
use super::kept::{Closed, Lease, LineNumber, Loss, Memo, SocketId};
use super::limits::{MARGIN_MS, SETTLE_MS};

/// What was seen of the line that is open. It is in memory only: the platform can be asked again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    line: LineNumber,
    heard_ms: u64,
    /// Since when it has been silent for too long.
    silent_ms: Option<u64>,
}

impl Memo {
    /// The lease of a new line; its number.
    pub(super) fn begin(&mut self, socket: SocketId, now_ms: u64) -> LineNumber {
        // Numbers grow even if what is kept gets lost.
        self.newest = now_ms.max(self.newest.saturating_add(1));
        self.leases.push(Lease {
            line: self.newest,
            socket,
            heard_ms: now_ms,
            closed: None,
        });
        self.newest
    }

    /// For an object that was made anew: of what has happened meanwhile, only what is there can be seen.
    pub(super) fn restore(&mut self, open: &[(SocketId, LineNumber)], now_ms: u64) {
        for lease in &mut self.leases {
            match lease.closed {
                None if open.iter().any(|(socket, _)| *socket == lease.socket) => {}
                None => lease.end(Closed::Gone, now_ms),
                Some(Closed::Closing(since_ms)) => lease.end(Closed::Gone, since_ms.saturating_add(SETTLE_MS)),
                Some(Closed::Gone) => {}
            }
        }
        for (socket, line) in open {
            self.know(*line, *socket, None, now_ms);
        }
    }

    /// A line of which nothing is kept, though something was.
    pub(super) fn know(&mut self, line: LineNumber, socket: SocketId, closed: Option<Closed>, now_ms: u64) {
        let is_over = self.loss.is_some_and(|loss| line <= loss.line);
        if is_over || self.leases.iter().any(|lease| lease.line == line) {
            return;
        }
        self.newest = self.newest.max(line);
        self.leases.push(Lease {
            line,
            socket,
            heard_ms: now_ms,
            closed,
        });
        self.leases.sort_by_key(|lease| lease.line);
    }

    /// A socket is gone, or the edge closes it.
    pub(super) fn close(&mut self, socket: SocketId, closed: Closed, pings: Pings<'_>, now_ms: u64) {
        let of_socket = |lease: &&mut Lease| lease.socket == socket && lease.closed != Some(Closed::Gone);
        if let Some(lease) = self.leases.iter_mut().find(of_socket) {
            // Nothing can have been answered later than now.
            lease.end(closed, pings(socket).unwrap_or(now_ms));
        }
    }

    /// The loss of this line, if its lease is over.
    pub(super) fn loss_of(&self, line: LineNumber) -> Option<Loss> {
        self.loss.filter(|loss| line <= loss.line)
    }

    /// When the leases have to be looked at.
    pub(super) fn look_ms(&self, looks: &Looks, lease_ms: u64) -> Option<u64> {
        let due = |lease: &Lease| match (lease.closed, looks.of(lease)) {
            (
                None,
                Looks {
                    silent_ms: Some(since_ms),
                    ..
                },
            ) => since_ms.saturating_add(SETTLE_MS),
            (None, Looks { heard_ms, .. }) => heard_ms.saturating_add(lease_ms),
            (Some(_), _) => lease.over_ms(lease_ms),
        };
        // One that is closed waits for those that came before it.
        let first = self.leases.first().map(|lease| lease.line);
        let waits = |lease: &&Lease| lease.closed != Some(Closed::Gone) || Some(lease.line) == first;
        self.leases.iter().filter(waits).map(due).min()
    }

    /// Looks at all leases. Returns the sockets that are to be closed because they are silent.
    pub(super) fn look(&mut self, looks: &mut Looks, lease_ms: u64, pings: Pings<'_>, now_ms: u64) -> Vec<SocketId> {
        let mut silent = Vec::new();
        for lease in &mut self.leases {
            match lease.closed {
                None => {
                    *looks = looks.of(lease);
                    if looks.is_silent(pings(lease.socket), lease_ms, now_ms) {
                        silent.push(lease.socket);
                    }
                }
                Some(Closed::Closing(since_ms)) if now_ms >= since_ms.saturating_add(SETTLE_MS) => {
                    let settled_ms = since_ms.saturating_add(SETTLE_MS);
                    lease.end(Closed::Gone, pings(lease.socket).unwrap_or(settled_ms));
                }
                Some(_) => {}
            }
        }
        // No line is lost before those that came before it.
        while let Some(lease) = self.leases.first()
            && lease.closed == Some(Closed::Gone)
            && now_ms >= lease.over_ms(lease_ms)
        {
            self.loss = Some(Loss {
                line: lease.line,
                heard_ms: lease.heard_ms,
            });
            self.leases.remove(0);
        }
        silent
    }
}

impl Looks {
    /// What was seen of this line.
    fn of(self, lease: &Lease) -> Self {
        if self.line == lease.line {
            return self;
        }
        Self {
            line: lease.line,
            heard_ms: lease.heard_ms,
            silent_ms: None,
        }
    }

    /// Whether it has been silent for too long at two looks that are apart: whoever has slept hears first what came meanwhile.
    fn is_silent(&mut self, pinged_ms: Option<u64>, lease_ms: u64, now_ms: u64) -> bool {
        self.heard_ms = self.heard_ms.max(pinged_ms.unwrap_or(0));
        if now_ms < self.heard_ms.saturating_add(lease_ms) {
            self.silent_ms = None;
            return false;
        }
        let since_ms = *self.silent_ms.get_or_insert(now_ms);
        now_ms >= since_ms.saturating_add(SETTLE_MS)
    }
}

impl Lease {
    fn end(&mut self, closed: Closed, pinged_ms: u64) {
        self.heard_ms = self.heard_ms.max(pinged_ms);
        self.closed = Some(closed);
    }

    /// When the lease of a line that is closed is over, or has to be looked at once more.
    fn over_ms(&self, lease_ms: u64) -> u64 {
        let over_ms = self.heard_ms.saturating_add(lease_ms).saturating_add(MARGIN_MS);
        match self.closed {
            Some(Closed::Closing(since_ms)) => since_ms.saturating_add(SETTLE_MS),
            Some(Closed::Gone) | None => over_ms,
        }
    }
}
