use std::collections::{BTreeMap, BTreeSet};

use protocol::{BackedUp, EndCause, Fault, Phase, Pictures, Problem, ProblemCode, RecordedFile, Report, Vod};
use serde::{Deserialize, Serialize};

use super::lazy::Lazy;
use crate::recording::limits::{MAX_FILES, MAX_PROBLEMS};

/// By how much later than another report one may put when a channel became empty, and mean the same moment. A channel that
/// becomes empty anew has not been so for some seconds.
const TRANSIT_MS: u64 = 1_000;

/// What the nodes' reports have told. Times are the node's, except `idle_since_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The number of the newest report under the lease. What came after the one that is persisted has changed nothing, so it
    /// does no harm to hear one of those late, after a restart of this object.
    #[serde(default)]
    pub(crate) seq: Lazy<Option<u64>>,
    pub(crate) phase: Phase,
    pub(crate) cause: Option<EndCause>,
    /// By the edge's clock, so that deadlines do not depend on the node's.
    pub(crate) idle_since_ms: Option<u64>,
    pub(crate) first_media_ms: Option<u64>,
    pub(crate) files: Vec<RecordedFile>,
    #[serde(default)]
    pub(crate) pictures: Option<Pictures>,
    pub(crate) pending_uploads: u64,
    #[serde(default)]
    pub(crate) backed_up: Option<BackedUp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) speaker: Option<String>,
    pub(crate) problems: Vec<Problem>,
    /// The videos of a recording that goes to a video-on-demand service.
    #[serde(default)]
    pub(crate) vod: Option<Vod>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            seq: Lazy::default(),
            phase: Phase::Starting,
            cause: None,
            idle_since_ms: None,
            first_media_ms: None,
            files: Vec::new(),
            pictures: None,
            pending_uploads: 0,
            backed_up: None,
            speaker: None,
            problems: Vec::new(),
            vod: None,
        }
    }
}

impl Seen {
    /// What the next node has not told. It goes on with a recording that was about to end, and captures no more.
    pub(crate) fn forget_node(&mut self) {
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

    /// Takes over what the holder of the lease tells.
    pub(crate) fn absorb(&mut self, report: Report, now_ms: u64) {
        self.seq.set(Some(report.seq));
        // A recording that has ended does not come back to life, whatever a confused node says.
        self.phase = self.phase.max(report.phase);
        self.cause = report.cause.or(self.cause);
        let idle_since_ms = report
            .idle_since_ms
            .map(|since_ms| now_ms.saturating_sub(report.at_ms.saturating_sub(since_ms)));
        // The same moment looks the later the longer a report was under way: what was learnt by the fastest one stays.
        let is_as_known = |(known, told): (u64, u64)| (known..known.saturating_add(TRANSIT_MS)).contains(&told);
        if !self.idle_since_ms.zip(idle_since_ms).is_some_and(is_as_known) {
            self.idle_since_ms = idle_since_ms;
        }
        self.first_media_ms = self.first_media_ms.or(report.first_media_ms);
        self.pictures = report.pictures.or(self.pictures.take());
        self.pending_uploads = report.pending_uploads;
        self.backed_up = report.backed_up;
        self.speaker = report.speaker;
        if let (Some(known), Some(told)) = (&mut self.vod, report.vod) {
            merge_videos(known, told);
        }
        let too_many_files_ms = self
            .problems
            .iter()
            .find(|problem| problem.code == ProblemCode::TooManyFiles)
            .map(|problem| problem.at_ms);
        self.problems = report.problems;
        let dropped = self.merge_files(report.files);
        if dropped > 0 {
            let message =
                format!("{dropped} playlists are not listed: at most {MAX_FILES} are kept for each recording");
            let problem = Problem {
                fault: Fault::Ours,
                code: ProblemCode::TooManyFiles,
                message,
                at_ms: too_many_files_ms.unwrap_or(now_ms),
            };
            self.problems.push(problem);
        }
        let excess = self.problems.len().saturating_sub(MAX_PROBLEMS);
        self.problems.drain(..excess);
    }

    /// Adds what is new and replaces what has grown; a file never disappears or shrinks. Returns how many had no room.
    pub(crate) fn merge_files(&mut self, told: Vec<RecordedFile>) -> usize {
        let known = &mut self.files;
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
}

/// Adds what is new; a video does not disappear.
fn merge_videos(known: &mut Vod, told: Vod) {
    known.complete = told.complete;
    let mut names: BTreeSet<_> = known.videos.iter().map(|video| video.name.clone()).collect();
    for video in told.videos {
        if known.videos.len() < MAX_FILES && names.insert(video.name.clone()) {
            known.videos.push(video);
        }
    }
}
