//! What happens to one recording once a node holds its lease: it hears reports, goes on to another node, is told to stop,
//! and ends.

use std::collections::BTreeMap;

use protocol::{EndCause, Fault, Phase, Problem, RecordedFile, Report, Vod, VodVideo};

use super::message::reply;
use super::nodes::{Lease, Role};
use super::state::{Recording, Seen, Stage};
use super::{Effect, Outcome};

/// How long a node may take to answer a stop: the time in which most recordings upload their last slices.
pub(super) const STOP_WAIT_MS: u64 = 15_000;
/// A caller waits no longer for the end of a recording that was stopped.
pub(super) const STOP_LIMIT_MS: u64 = 20_000;
/// When a lost node that is back has told nothing for so long, it has most likely told everything.
pub(super) const QUIET_MS: u64 = 5_000;
/// Problems that are kept, the newest.
pub(super) const MAX_PROBLEMS: usize = 16;
/// Playlists that are kept of one recording, and of all recordings of a recorder together; with the longest names this
/// stays below the 2 MB that a row may have.
pub(super) const MAX_FILES: usize = 2_000;

const TOO_MANY_FILES: &str = "too_many_files";

impl Recording {
    pub(super) fn hold(&mut self, lease: Lease) {
        self.nodes.lease = Some(lease);
        self.seen.forget_node();
    }

    /// Another node goes on where the last one was lost.
    pub(super) fn take_over(&mut self, lease: Lease, now_ms: u64) {
        if !self.is_over() {
            let lost = self.nodes.last.as_ref().map_or("", |last| &last.lease.node.id);
            let message = format!(
                "media node {lost} was lost, and {} goes on; what was captured there and is not in the store follows when it is \
                 back",
                lease.node.id
            );
            self.remember("failed_over", message, now_ms);
        }
        self.nodes.last = None;
        self.nodes.cuts.clear();
        self.hold(lease);
    }

    /// A lost node is back before another one has been asked.
    pub(super) fn reinstate(&mut self, node_id: &str, epoch: u64, now_ms: u64) {
        if self.nodes.reinstate(node_id, epoch, now_ms) && !self.is_over() {
            self.remember(
                "node_returned",
                format!("media node {node_id} is back and goes on"),
                now_ms,
            );
        }
    }

    pub(super) fn remember(&mut self, code: &str, message: String, at_ms: u64) {
        self.history.push(Problem {
            fault: Fault::Ours,
            code: code.to_owned(),
            message,
            at_ms,
        });
        let excess = self.history.len().saturating_sub(MAX_PROBLEMS);
        self.history.drain(..excess);
    }

    /// What a video-on-demand service has made for it.
    pub(super) fn videos(&self) -> Vec<VodVideo> {
        self.seen.vod.as_ref().map(|vod| vod.videos.clone()).unwrap_or_default()
    }

    /// Takes over what a report tells, whoever sent it.
    pub(super) fn hear(&mut self, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
        let role = self.nodes.role_of(&report);
        self.inventory.note(&report, role != Role::Outsider, now_ms, out);
        match role {
            Role::Holder => self.absorb(report, now_ms, out),
            Role::Successor => self.nodes.hear_successor(&report, now_ms),
            Role::Outsider => {
                self.nodes.hear_leaver(&report, now_ms);
                // A node that has lost the lease still uploads.
                merge(&mut self.seen.files, report.files);
            }
        }
    }

    /// What the holder of the lease tells. A report that is older than the newest is ignored.
    fn absorb(&mut self, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
        if self.seen.seq.is_some_and(|newest| report.seq <= newest) {
            return;
        }
        let has_ended = report.phase == Phase::Ended;
        if has_ended {
            self.inventory.ended_by(&report);
        }
        self.nodes.hear_holder(&report, now_ms);
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
        seen.backed_up = report.backed_up;
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
        if has_ended {
            self.nodes.finish(now_ms);
            self.end(self.seen.cause.or(self.order).unwrap_or(EndCause::Failed), now_ms, out);
        } else if seen.phase >= Phase::Draining {
            self.nodes.stay();
        }
    }

    /// Ends a recording that runs; does nothing otherwise.
    pub(super) fn end(&mut self, cause: EndCause, now_ms: u64, out: &mut Vec<Effect>) {
        let Stage::Running { started_ms } = self.stage else {
            return;
        };
        self.stage = Stage::Over {
            started_ms,
            cause,
            ended_ms: now_ms,
        };
        if let Some(stopper) = self.stopper.take() {
            reply(out, stopper.by, Outcome::State(Box::new(self.view())));
        }
    }

    /// Whoever waits for the end waits no longer.
    pub(super) fn tell_stopping(&mut self, out: &mut Vec<Effect>) {
        if let Some(stopper) = self.stopper.take() {
            reply(out, stopper.by, Outcome::Stopping(Box::new(self.view())));
        }
    }

    /// Tells a recording that captures to end.
    pub(super) fn order(&mut self, cause: EndCause, wait_ms: u64, now_ms: u64, out: &mut Vec<Effect>) {
        self.order = Some(cause);
        if self.nodes.lease.is_some() {
            self.nodes.stay();
            self.send_order(wait_ms, out);
        } else if let Some(search) = &mut self.nodes.search {
            search.wait_no_longer(now_ms);
        }
    }

    /// Over, and no node has anything to do for it any more.
    pub(super) fn is_settled(&self) -> bool {
        let at_work = self.nodes.lease.is_some() || self.nodes.search.is_some();
        let is_awaited = self.nodes.strays || self.inventory.is_awaited();
        self.is_over() && !at_work && !is_awaited && !self.inventory.is_unfinished()
    }

    /// Lets go of what no node will ask for any more: the specification with its secrets, and the inventory's slices.
    pub(super) fn let_go(&mut self, out: &mut Vec<Effect>) {
        if self.is_settled() {
            self.spec = None;
            self.forget_slices(out);
        }
    }

    pub(super) fn forget_slices(&mut self, out: &mut Vec<Effect>) {
        if self.inventory.close() {
            let sid = self.sid.clone();
            out.push(Effect::Forget { sid });
        }
    }
}

impl Seen {
    /// What the next node has not told. It goes on with a recording that was about to end, and captures no more.
    fn forget_node(&mut self) {
        let Self {
            files,
            pictures,
            first_media_ms,
            phase,
            vod,
            ..
        } = std::mem::take(self);
        *self = Self {
            files,
            pictures,
            first_media_ms,
            phase: if phase < Phase::Draining {
                Phase::Starting
            } else {
                Phase::Draining
            },
            vod: vod.map(|vod| Vod { complete: false, ..vod }),
            ..Self::default()
        };
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
