use protocol::ProblemCode;

use crate::recording::state::{Lease, Recording, Way};

impl Recording {
    /// The lease comes into force.
    pub(crate) fn hold(&mut self, lease: Lease) {
        self.nodes.lease = Some(lease);
        self.seen.forget_node();
    }

    /// Another node goes on where the last one was lost.
    pub(crate) fn take_over(&mut self, lease: Lease, now_ms: u64) {
        if !self.is_over() {
            let lost = self.nodes.last.as_ref().map_or("", |last| &last.lease.node.id);
            let message = format!(
                "media node {lost} was lost, and {} continues; what was captured there and is not in the store follows when it is \
                 back: start it again on the same spool",
                lease.node.id
            );
            self.remember(ProblemCode::FailedOver, message, now_ms);
        }
        self.nodes.last = None;
        self.nodes.cuts.clear();
        self.hold(lease);
    }

    /// A lost node is back before another one has been asked.
    pub(crate) fn reinstate(&mut self, node_id: &str, epoch: u64, way: Way, now_ms: u64) {
        if self.nodes.reinstate(node_id, epoch, way, now_ms) && !self.is_over() {
            self.remember(
                ProblemCode::NodeReturned,
                format!("media node {node_id} is back and continues: its log says why it was away"),
                now_ms,
            );
        }
    }
}
