use protocol::EndCause;

use crate::recording::contract::{Effect, Outcome, reply};
use crate::recording::state::{Lifecycle, Recording, Wanted};

impl Recording {
    /// Tells a recording that captures to end.
    pub(crate) fn want_end(&mut self, cause: EndCause, wait_ms: u64, now_ms: u64, out: &mut Vec<Effect>) {
        self.wanted = Wanted::Stop(cause);
        if self.nodes.lease.is_some() {
            self.nodes.stay();
            self.send_desired(wait_ms, now_ms, out);
        } else if let Some(search) = &mut self.nodes.search {
            search.wait_no_longer(now_ms);
        }
    }

    /// Ends a recording that runs; does nothing otherwise.
    pub(crate) fn end(&mut self, cause: EndCause, now_ms: u64, out: &mut Vec<Effect>) {
        let Lifecycle::Running { started_ms } = self.lifecycle else {
            return;
        };
        self.lifecycle = Lifecycle::Over {
            started_ms,
            cause,
            ended_ms: now_ms,
        };
        if let Some(stopper) = self.stopper.take() {
            reply(out, stopper.by, Outcome::State(Box::new(self.view())));
        }
    }

    /// Whoever waits for the end waits no longer.
    pub(crate) fn tell_stopping(&mut self, out: &mut Vec<Effect>) {
        if let Some(stopper) = self.stopper.take() {
            reply(out, stopper.by, Outcome::Stopping(Box::new(self.view())));
        }
    }

    /// Lets go of what no node will ask for any more: the specification with its secrets, and the inventory's slices.
    pub(crate) fn let_go(&mut self, out: &mut Vec<Effect>) {
        if self.is_settled() {
            self.spec = None;
            self.forget_slices(out);
        }
    }

    pub(crate) fn forget_slices(&mut self, out: &mut Vec<Effect>) {
        if self.inventory.close() {
            let sid = self.sid.clone();
            out.push(Effect::Forget { sid });
        }
    }
}
