//! A lease goes from one node to the next: because its node was lost, or because it leaves and has asked to be relieved.
//! The relief captures beside the holder before the lease is its own, so that no media is missed in between.

use protocol::{EndCause, Phase};

use crate::recording::contract::Effect;
use crate::recording::limits::{COVER_LIMIT_MS, Policy, QUIET_MS, after};
use crate::recording::state::{Last, Lease, Lifecycle, Recording, Wanted};

impl Recording {
    /// When something of it is due.
    pub(super) fn lease_due_ms(&self, policy: Policy) -> Option<u64> {
        let nodes = &self.nodes;
        let successor = nodes.successor.as_ref();
        let in_force = [
            nodes.lease.as_ref(),
            successor.map(|successor| &successor.lease),
            nodes.leaver.as_ref(),
        ];
        let leases = in_force.into_iter().flatten();
        let ends = leases.clone().filter_map(|lease| lease.ends_ms(policy));
        let told = leases.chain(&nodes.dismissed).filter_map(Lease::due_ms);
        // One relief waits for the one before.
        let covered = successor.filter(|_| nodes.leaver.is_none());
        let covered = covered.map(|successor| after(successor.since_ms, COVER_LIMIT_MS));
        ends.chain(told).chain(covered).min()
    }

    pub(super) fn settle_lease(&mut self, epoch: &mut u64, policy: Policy, now_ms: u64, out: &mut Vec<Effect>) {
        let nodes = &mut self.nodes;
        // Silent for so long, neither can write or go on.
        nodes.leaver.take_if(|leaver| leaver.is_over(policy, now_ms));
        nodes
            .successor
            .take_if(|successor| successor.lease.is_over(policy, now_ms));
        nodes.dismissed.retain(|lease| !lease.is_over(policy, now_ms));
        if nodes.lease.as_ref().is_some_and(|lease| lease.is_over(policy, now_ms)) {
            self.lose(now_ms);
        }
        self.settle_relief(epoch, now_ms, out);
        let is_without = matches!(self.lifecycle, Lifecycle::Running { .. }) && self.nodes.lease.is_none();
        if is_without && self.nodes.search.is_none() {
            self.seek(epoch, now_ms, out);
        }
    }

    /// The holder of the lease has been silent for too long.
    fn lose(&mut self, now_ms: u64) {
        let Some(lease) = self.nodes.lease.take() else { return };
        // What it had begun to end is ended by the next one.
        match self.wanted {
            Wanted::Record | Wanted::Pause if self.seen.phase >= Phase::Draining => {
                self.wanted = Wanted::Stop(self.seen.cause.unwrap_or(EndCause::Failed));
            }
            Wanted::Record | Wanted::Pause | Wanted::Stop(_) => {}
        }
        let successor = self.nodes.successor.take();
        self.nodes.stay();
        self.nodes.last = Some(Last {
            lease,
            since_ms: now_ms,
            over: false,
        });
        if let Some(successor) = successor {
            self.take_over(successor.lease, now_ms);
            self.nodes.cuts = successor.begun;
        }
    }

    fn settle_relief(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
        let Some(leaving) = &self.nodes.leaving else { return };
        match self.goal() {
            Wanted::Record | Wanted::Pause => {}
            // What only has to be ended is ended where it is.
            Wanted::Stop(_) => return self.nodes.stay(),
        }
        match &self.nodes.successor {
            None if self.nodes.search.is_none() => self.seek(epoch, now_ms, out),
            None => {}
            Some(successor) => {
                let overdue = now_ms >= after(successor.since_ms, COVER_LIMIT_MS);
                let is_ready = overdue || leaving.is_covered_by(successor);
                // Who was relieved before may still write.
                if is_ready && self.nodes.leaver.is_none() {
                    self.relieve(now_ms, out);
                }
            }
        }
    }

    fn relieve(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let Some(successor) = self.nodes.successor.take() else {
            return;
        };
        self.nodes.stay();
        self.nodes.leaver = self.nodes.lease.take();
        self.nodes.cuts = successor.begun;
        self.hold(successor.lease);
        self.tell_leaver(now_ms, out);
    }

    /// Looks for a node that ends playlists which no node has ended, once nobody adds to them.
    pub(super) fn settle_ending(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
        match self.ending_due_ms() {
            Some(due_ms) if now_ms >= due_ms => self.seek(epoch, now_ms, out),
            Some(_) => {}
            None if self.is_over() && self.nodes.lease.is_none() && !self.inventory.is_unfinished() => {
                self.nodes.search = None;
            }
            None => {}
        }
    }

    pub(super) fn ending_due_ms(&self) -> Option<u64> {
        let idle = self.nodes.lease.is_none() && self.nodes.search.is_none() && self.spec.is_some();
        let is_due = self.is_over() && idle && self.inventory.is_unfinished();
        is_due.then(|| after(self.inventory.changed_ms, QUIET_MS))
    }
}
