use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{Assignment, Desired, MAX_OCCURRENCES, SpoolReport};
use tokio::sync::watch;

use super::course::Aim;
use super::disk::on_disk;
use super::opening::cut;
use super::standing::Standing;
use crate::spool::Spool;
use crate::supervisor::Answered;
use crate::upload::Writing;

/// Where the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Capture has ended.
    pub(super) captured: bool,
    /// Nothing is left to do.
    pub(super) done: bool,
}

/// What this process does of the recording while other nodes may have to do with it.
pub(super) struct Part {
    spool: Arc<Spool>,
    standing: Standing,
    /// Where the recording's timeline begins, by the clock of the edge.
    started_ms: u64,
    writing: watch::Sender<Writing>,
    /// The playlists are left to another node, and so is what that one has captured.
    released: bool,
}

impl Part {
    pub(super) fn new(spool: Arc<Spool>, assignment: &Assignment, writing: watch::Sender<Writing>) -> Self {
        Self {
            standing: Standing::new(assignment),
            started_ms: assignment.started_ms.unwrap_or(spool.started_ms()),
            spool,
            writing,
            released: false,
        }
    }

    /// True when the edge has to be told something because of it.
    pub(super) fn answered(&mut self, answered: &Answered) -> bool {
        self.standing.answered(answered)
    }

    pub(super) fn renewed(&mut self, until_ms: u64) {
        self.standing.renewed(until_ms);
    }

    pub(super) fn leaves(&mut self, leaving: bool) {
        self.standing.leaving = leaving;
    }

    /// Lets files and playlists go to the store, or not.
    pub(super) fn regulate(&self, wanted: &Desired, aim: Aim) {
        let (holds_back, writes) = match aim {
            // What a node that leaves has captured may have to be cut where the next one begins.
            Aim::Record => (self.standing.leaving, true),
            Aim::Stop | Aim::Interrupt => (false, true),
            Aim::Release => (true, false),
        };
        let standby = wanted.terms.standby;
        self.spool.hold_back((standby || holds_back) && !self.released);
        let writes = writes && !standby && !self.released;
        let writing = self.standing.writing(writes, self.spool.learned_to());
        self.writing
            .send_if_modified(|told| std::mem::replace(told, writing) != writing);
    }

    /// Gives up what another node has, once nothing is captured any more and the edge wants it.
    pub(super) async fn release_if_wanted(&mut self, wanted: &Desired, aim: Aim) -> Result<(), String> {
        match aim {
            Aim::Release if !self.released => {}
            Aim::Release | Aim::Record | Aim::Stop | Aim::Interrupt => return Ok(()),
        }
        let (standby, cuts) = (wanted.terms.standby, self.cuts(wanted));
        tracing::info!(standby, cuts = cuts.len(), "another node has the recording");
        on_disk(&self.spool, move |spool| spool.release(&cuts, standby, &cut)).await?;
        self.released = true;
        Ok(())
    }

    /// By playlist, on the recording's timeline.
    fn cuts(&self, wanted: &Desired) -> BTreeMap<String, i64> {
        let on_timeline = |ms: u64| {
            let us = (i128::from(ms) - i128::from(self.started_ms)) * 1_000;
            i64::try_from(us).unwrap_or(i64::MAX)
        };
        let cuts = wanted.terms.cuts.iter();
        cuts.map(|(playlist, ms)| (playlist.clone(), on_timeline(*ms)))
            .collect()
    }

    pub(super) fn report(&self, aim: Aim) -> SpoolReport {
        let records = match aim {
            Aim::Record => true,
            Aim::Stop | Aim::Release | Aim::Interrupt => false,
        };
        self.standing.report(&self.spool, records, self.started_ms)
    }

    /// Everything that has to be in the store is there.
    pub(super) fn has_done_everything(&self, wanted: &Desired, progress: Progress) -> Result<bool, String> {
        let spool = &self.spool;
        if !progress.captured || spool.cause().is_none() || spool.pending() > 0 || !spool.is_backup_clear() {
            return Ok(false);
        }
        if !spool.is_done() {
            return Err("slices were left open when capture ended; the next opening finishes them".to_owned());
        }
        let are_playlists_written = self.standing.knows_all(spool.learned_to()) && !wanted.terms.standby;
        Ok(self.released || are_playlists_written)
    }

    /// The last report carries all that is not confirmed, and the edge has noted all slices.
    pub(super) fn has_told_everything(&self) -> bool {
        self.spool.unconfirmed() <= MAX_OCCURRENCES && self.standing.has_told(self.spool.confirmed())
    }
}
