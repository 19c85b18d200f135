use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{Assignment, Desired, Directive, MAX_OCCURRENCES, SpoolReport};
use tokio::sync::watch;

use super::cut;
use super::report::Progress;
use super::standing::Standing;
use crate::spool::{Spool, SpoolError};
use crate::supervisor::Answered;
use crate::upload::Writing;

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

    pub(super) fn leaves(&mut self, leaving: bool) {
        self.standing.leaving = leaving;
    }

    /// Lets files and playlists go to the store, or not. `interrupted`: capture ends because this process does.
    pub(super) fn regulate(&self, wanted: &Desired, interrupted: bool) {
        let to_be_released = wanted.directive == Directive::Release && !interrupted;
        // What a node that leaves has captured may have to be cut where the next one begins.
        let leaves = self.standing.leaving && wanted.directive == Directive::Record;
        let held_back = wanted.terms.standby || leaves || (to_be_released && !self.released);
        self.spool.hold_back(held_back && !self.released);
        let writes = !wanted.terms.standby && !to_be_released && !self.released;
        let writing = self.standing.writing(writes, self.spool.learned_to());
        self.writing
            .send_if_modified(|told| std::mem::replace(told, writing) != writing);
    }

    /// Gives up what another node has, once nothing is captured any more and the edge wants it.
    pub(super) async fn release_if_wanted(&mut self, wanted: &Desired, interrupted: bool) -> Result<(), String> {
        if wanted.directive != Directive::Release || interrupted || self.released {
            return Ok(());
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

    pub(super) fn report(&self, wanted: &Desired, interrupted: bool) -> SpoolReport {
        let records = wanted.directive == Directive::Record && !interrupted;
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

/// Carries out a step that waits for the disk.
pub(super) async fn on_disk(
    spool: &Arc<Spool>,
    step: impl FnOnce(&Spool) -> Result<(), SpoolError> + Send + 'static,
) -> Result<(), String> {
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || step(&spool)).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}
