//! What happens to one recording once a node holds its lease: it hears reports, is told to stop, and ends.

use std::collections::BTreeMap;

use protocol::{Desired, Directive, EndCause, Fault, Phase, Problem, RecordedFile, Report, Vod};

use super::message::reply;
use super::state::{Lease, Recording, Stage};
use super::{Effect, Node, Outcome};

/// How long a node may take to answer a stop: the time in which most recordings upload their last slices.
pub(super) const STOP_WAIT_MS: u64 = 15_000;
/// Problems that are kept, the newest.
pub(super) const MAX_PROBLEMS: usize = 16;
/// Playlists that are kept of one recording, and of all recordings of a recorder together; with the longest names this
/// stays below the 2 MB that a row may have.
pub(super) const MAX_FILES: usize = 2_000;

const TOO_MANY_FILES: &str = "too_many_files";

impl Recording {
    pub(super) fn hold(&mut self, node: Node, epoch: u64, now_ms: u64) {
        let lease = Lease {
            epoch,
            node,
            heard_ms: now_ms,
            silent: false,
        };
        self.stage = Stage::Held {
            started_ms: now_ms,
            lease,
        };
    }

    /// Takes over what a report of the lease's own node and epoch tells. One that is older than the newest is ignored.
    pub(super) fn absorb(&mut self, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
        let (Stage::Held { lease, .. } | Stage::Over { lease, .. }) = &mut self.stage else {
            return;
        };
        if self.seen.seq.is_some_and(|newest| report.seq <= newest) {
            return;
        }
        lease.heard_ms = now_ms;
        lease.silent = false;
        let seen = &mut self.seen;
        seen.seq = Some(report.seq);
        // A recording that has ended does not come back to life, whatever a confused node says.
        seen.phase = seen.phase.max(report.phase);
        seen.cause = report.cause.or(seen.cause);
        seen.idle_since_ms = report
            .idle_since_ms
            .map(|since_ms| now_ms.saturating_sub(report.at_ms.saturating_sub(since_ms)));
        seen.first_media_ms = seen.first_media_ms.or(report.first_media_ms);
        seen.pictures = report.pictures.or(seen.pictures.take());
        seen.pending_uploads = report.pending_uploads;
        if let (Some(seen), Some(told)) = (&mut seen.vod, report.vod) {
            merge_videos(seen, told);
        }
        let too_many_files_ms = seen
            .problems
            .iter()
            .find(|problem| problem.code == TOO_MANY_FILES)
            .map(|problem| problem.at_ms);
        seen.problems = report.problems;
        let dropped = merge(&mut seen.files, report.files);
        if dropped > 0 {
            let message =
                format!("{dropped} playlists are not listed: at most {MAX_FILES} are kept for each recording");
            let problem = Problem {
                fault: Fault::Ours,
                code: TOO_MANY_FILES.to_owned(),
                message,
                at_ms: too_many_files_ms.unwrap_or(now_ms),
            };
            seen.problems.push(problem);
        }
        let excess = seen.problems.len().saturating_sub(MAX_PROBLEMS);
        seen.problems.drain(..excess);
        if report.phase == Phase::Ended {
            // The node needs no job any more, so its secrets are forgotten.
            self.spec = None;
            self.end(self.seen.cause.or(self.order).unwrap_or(EndCause::Failed), now_ms, out);
        }
    }

    /// Ends a recording that is held; does nothing otherwise.
    pub(super) fn end(&mut self, cause: EndCause, now_ms: u64, out: &mut Vec<Effect>) {
        let Stage::Held { started_ms, lease } = &self.stage else {
            return;
        };
        self.stage = Stage::Over {
            started_ms: *started_ms,
            lease: lease.clone(),
            cause,
            ended_ms: now_ms,
        };
        if let Some(stopper) = self.stopper.take() {
            reply(out, stopper, Outcome::State(Box::new(self.snapshot())));
        }
    }

    /// What the holder of the lease shall do.
    pub(super) fn desired(&self, newest_epoch: u64) -> Desired {
        let (epoch, directive) = match &self.stage {
            Stage::Placing { .. } | Stage::Offered { .. } => (newest_epoch, Directive::Release),
            Stage::Held { lease, .. } => (lease.epoch, self.order.map_or(Directive::Record, Directive::Stop)),
            Stage::Over {
                cause: EndCause::NodeLost,
                ..
            } => (newest_epoch, Directive::Release),
            Stage::Over { lease, cause, .. } => (lease.epoch, Directive::Stop(*cause)),
        };
        Desired {
            epoch,
            directive,
            subscription: self.subscription.clone(),
            scene: self.scene.clone(),
        }
    }

    /// Tells the node of the order, as a shortcut to its next report.
    pub(super) fn send_order(&self, wait_ms: u64, out: &mut Vec<Effect>) {
        let Stage::Held { lease, .. } = &self.stage else { return };
        let desired = Box::new(self.desired(lease.epoch));
        out.push(Effect::SendDesired {
            url: lease.node.url.clone(),
            sid: self.sid.clone(),
            desired,
            wait_ms,
        });
    }
}

/// Adds what is new; a video does not disappear.
fn merge_videos(known: &mut Vod, told: Vod) {
    known.complete = told.complete;
    for video in told.videos {
        let is_new = known.videos.iter().all(|known| known.name != video.name);
        if is_new && known.videos.len() < MAX_FILES {
            known.videos.push(video);
        }
    }
}

/// Adds what is new and replaces what has grown; a file never disappears or shrinks. Returns how many had no room.
fn merge(known: &mut Vec<RecordedFile>, told: Vec<RecordedFile>) -> usize {
    let places: BTreeMap<String, usize> = known
        .iter()
        .enumerate()
        .map(|(place, file)| (file.name.clone(), place))
        .collect();
    let mut dropped = 0;
    for file in told {
        match places.get(&file.name) {
            Some(place) => {
                if let Some(old) = known.get_mut(*place)
                    && file.slices >= old.slices
                    && file.uploaded_slices >= old.uploaded_slices
                {
                    *old = file;
                }
            }
            None if known.len() < MAX_FILES => known.push(file),
            None => dropped += 1,
        }
    }
    dropped
}
