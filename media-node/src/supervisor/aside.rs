//! The spools of this node that were set aside.

use std::time::Duration;

use protocol::{Job, Refusal};

use super::Supervisor;
use crate::spool;

/// How often they are looked at: an operator may have rescued or moved some.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What was set aside on this node and is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptAside {
    pub spools: u64,
    /// The size of the media in them.
    pub bytes: u64,
}

impl Supervisor {
    /// What was set aside when it was last looked at.
    pub fn kept_aside(&self) -> KeptAside {
        *self.inner.kept_aside.borrow()
    }

    /// Looks after what was set aside, without end.
    pub async fn watch_set_aside(self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let supervisor = self.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || supervisor.look_at_set_aside()).await {
                tracing::warn!(%error, "the spools that were set aside cannot be looked at");
            }
        }
    }

    pub(super) fn look_at_set_aside(&self) {
        match spool::list_set_aside(&self.inner.config.spool) {
            Ok(spools) => {
                let kept = KeptAside {
                    spools: spools.len() as u64,
                    bytes: spools.iter().map(spool::SetAside::bytes).fold(0, u64::saturating_add),
                };
                self.inner.kept_aside.send_replace(kept);
            }
            Err(error) => tracing::warn!(%error, "the spools that were set aside cannot be counted"),
        }
    }

    /// A recording does not begin anew under a lease under which it was set aside: its playlists in the store would lose
    /// what they name.
    pub(super) fn refuse_if_set_aside(&self, job: &Job) -> Result<(), Refusal> {
        let spools = match spool::list_set_aside(&self.inner.config.spool) {
            Ok(spools) => spools,
            Err(error) => return Err(Refusal::internal(error.to_string())),
        };
        let holds_it = |spool: &spool::SetAside| {
            let kept = spool::load_job(&spool.dir);
            kept.is_ok_and(|kept| kept.sid == job.sid && kept.epoch >= job.epoch)
        };
        match spools.iter().find(|spool| holds_it(spool)) {
            None => Ok(()),
            Some(spool) => Err(Refusal::internal(format!(
                "what this node had of the recording is in {} and cannot be gone on with: {}",
                spool.dir.display(),
                spool.why
            ))),
        }
    }
}
