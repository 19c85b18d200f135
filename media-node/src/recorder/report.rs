//! What is told of a recording to the edge.

use protocol::{Fault, Job, Phase, Pictures, Problem, ProblemCode, Report, SpoolReport, StorageKind, Vod, VodVideo};

use super::fit::fit;
use super::part::Progress;
use crate::record::Status;
use crate::spool::{self, KeptVideo, Spool};

const MOST_PROBLEMS: usize = 16;

/// Makes the reports of one process. Sequence numbers grow with the spool's openings first, so that they grow over
/// restarts.
pub(super) struct Reporter {
    node_id: String,
    job: Job,
    seq: u64,
    /// The problems of uploads, oldest first. Each begins an episode; later words of the same episode replace the first ones.
    upload_problems: Vec<Problem>,
    /// Since when not all files are listed, Unix milliseconds.
    unlisted_since_ms: Option<u64>,
}

impl Reporter {
    pub(super) fn new(node_id: String, job: Job, incarnation: u64) -> Self {
        Self {
            node_id,
            job,
            seq: incarnation << 32,
            upload_problems: Vec::new(),
            unlisted_since_ms: None,
        }
    }

    pub(super) fn note(&mut self, problem: Problem) {
        let is_same = |noted: &&mut Problem| noted.code == problem.code && noted.at_ms == problem.at_ms;
        match self.upload_problems.iter_mut().find(is_same) {
            Some(noted) => *noted = problem,
            None => self.upload_problems.push(problem),
        }
        let surplus = self.upload_problems.len().saturating_sub(MOST_PROBLEMS);
        self.upload_problems.drain(..surplus);
    }

    /// `told`: what other nodes have to know.
    pub(super) fn report(
        &mut self,
        spool: &Spool,
        status: &Status,
        progress: Progress,
        told: SpoolReport,
        now_ms: u64,
    ) -> Report {
        self.seq += 1;
        let files = spool.files(&self.job.spec.storage.prefix);
        let problems = status.problems.iter().chain(&self.upload_problems).cloned().collect();
        let taken = spool.pictures();
        let slices_ms = files.iter().map(|file| file.start_ms).min();
        let recorded_ms = slices_ms.into_iter().chain(taken.first_ms).min();
        let mut report = Report {
            node_id: self.node_id.clone(),
            recorder: self.job.recorder.clone(),
            sid: self.job.sid.clone(),
            epoch: self.job.epoch,
            seq: self.seq,
            at_ms: now_ms,
            phase: phase(progress, status.first_media_ms.or(recorded_ms).is_some(), spool),
            cause: spool.cause(),
            idle_since_ms: status.idle_since_ms,
            first_media_ms: [status.first_media_ms, recorded_ms].into_iter().flatten().min(),
            files,
            pictures: self.job.spec.snapshots.map(|_| self.pictures(&taken)),
            pending_uploads: spool.pending(),
            backed_up: spool.backed_up(),
            lost_packets: status.lost_packets,
            restamped_units: status.restamped_units,
            mix: status.mix,
            speaker: status.speaker.clone(),
            problems,
            occurrences: spool.occurrences(&self.job.spec.storage.prefix),
            vod: (self.job.spec.storage.kind == StorageKind::AliyunVod).then(|| vod(spool)),
            spool: told,
        };
        let unlisted = fit(&mut report);
        report.problems.extend(self.too_many_files(unlisted, now_ms));
        report.problems.sort_by_key(|problem| problem.at_ms);
        let surplus = report.problems.len().saturating_sub(MOST_PROBLEMS);
        report.problems.drain(..surplus);
        report
    }

    fn too_many_files(&mut self, unlisted: usize, now_ms: u64) -> Option<Problem> {
        let at_ms = match unlisted {
            0 => return None,
            _ => *self.unlisted_since_ms.get_or_insert(now_ms),
        };
        Some(Problem {
            fault: Fault::Ours,
            code: ProblemCode::TooManyFiles,
            message: format!("{unlisted} playlists are not listed: a report has no room for more; the bucket has them"),
            at_ms,
        })
    }

    fn pictures(&self, taken: &spool::Pictures) -> Pictures {
        let key = |name: &String| spool::object_key(&self.job.spec.storage.prefix, name);
        Pictures {
            taken: taken.taken,
            uploaded: taken.uploaded,
            last: taken.last.as_ref().map(key),
        }
    }
}

fn vod(spool: &Spool) -> Vod {
    let videos: Vec<_> = spool
        .videos()
        .into_iter()
        .map(|KeptVideo { name, video_id, .. }| VodVideo { name, video_id })
        .collect();
    Vod {
        complete: !videos.is_empty() && spool.is_done(),
        videos,
    }
}

fn phase(progress: Progress, has_media: bool, spool: &Spool) -> Phase {
    if progress.done {
        Phase::Ended
    } else if progress.captured && spool.cause().is_some() {
        Phase::Draining
    } else if has_media {
        Phase::Recording
    } else {
        Phase::Starting
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ConfirmedSlice, MAX_MESSAGE_BYTES, TrackKind};
    use serde_json::{from_value, json};

    use super::*;
    use crate::recorder::opening::open_spool;
    use crate::spool::Opening;

    fn job() -> Job {
        let subscription = json!({"version": 1, "types": "both", "audio": "all", "video": "all"});
        from_value(json!({
            "sid": "38f8e3cfdc474cd56fc1ceba380d7e1a",
            "epoch": 1,
            "recorder": {"app_id": "a", "channel": "c", "uid": "1"},
            "mode": "individual",
            "source": {"type": "builtin"},
            "subscription": subscription,
            "playlist": {"strict_extinf": true},
            "storage": {
                "kind": "s3", "endpoint": "https://s3", "region": "r", "addressing": "path", "bucket": "b",
                "access_key": "ak", "secret_key": "", "prefix": "some/where",
            },
        }))
        .unwrap()
    }

    /// As a version that had no limit has left them.
    fn slice_of(user: usize) -> ConfirmedSlice {
        ConfirmedSlice {
            playlist: format!("{user:0>800}.m3u8"),
            uid: user.to_string(),
            track: TrackKind::Audio,
            epoch: 1,
            name: format!("{user}.ts"),
            start_us: 0,
            duration_us: 1_000_000,
            start_ms: 1,
            bytes: 1,
            discontinuity: false,
            tags: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_spool_with_too_many_playlists_is_reported_as_far_as_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let spool = open_spool(dir.path(), Opening { epoch: 1, at_ms: 1 }).await.unwrap();
        spool.learn(0, (0..5_000).map(slice_of).collect(), 5_000).unwrap();
        let mut reporter = Reporter::new("n".to_owned(), job(), 1);
        let mut report = |now_ms| {
            let progress = Progress {
                captured: false,
                done: false,
            };
            reporter.report(&spool, &Status::default(), progress, SpoolReport::default(), now_ms)
        };
        let (first, second) = (report(100), report(200));
        assert!(serde_json::to_vec(&first).unwrap().len() < MAX_MESSAGE_BYTES);
        assert!((3_000..5_000).contains(&first.files.len()), "{}", first.files.len());
        let [problem] = &first.problems[..] else {
            panic!("{:?}", first.problems)
        };
        assert_eq!((&problem.code, problem.at_ms), (&ProblemCode::TooManyFiles, 100));
        assert!(problem.message.starts_with(&(5_000 - first.files.len()).to_string()));
        assert_eq!(second.problems, first.problems, "it is the same problem");
    }
}
