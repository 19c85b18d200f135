//! Spools that an earlier process has left: they wait for their jobs, are removed, or are kept for somebody who brings their media to
//! a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::JobRequest;

use super::recording::{Order, Recording, Stage, set_aside};
use super::{Supervisor, is_sid};
use crate::spool::{self, Condition, RemovalError, SpoolError};

impl Supervisor {
    /// Takes up the spools that an earlier process has left. They wait for their jobs, because secrets do not rest on
    /// the disk; a spool whose recording is over and whose end nobody has to learn is removed.
    ///
    /// # Errors
    /// When the directory of all spools cannot be read.
    pub fn adopt(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.inner.config.spool)? {
            let dir = entry?.path();
            let named = dir.file_name().is_some_and(|name| is_sid(&name.to_string_lossy()));
            if dir.is_dir() && named {
                self.adopt_spool(&dir);
            }
        }
        self.look_at_set_aside();
        Ok(())
    }

    fn adopt_spool(&self, dir: &Path) {
        let job = match spool::load_job(dir) {
            Ok(job) => job,
            Err(error) => return left_without_job(dir, &error),
        };
        if let Condition::Damaged(why) = spool::condition(dir) {
            return set_aside(dir, &why);
        }
        let unclaimed = spool::is_unclaimed(dir);
        // Nobody has to learn of its end.
        if unclaimed || !self.inner.config.await_acknowledgement {
            match spool::remove(dir) {
                Ok(()) => return tracing::info!(sid = job.sid, "nothing of this spool is needed any more: removed"),
                Err(reason) => tracing::debug!(sid = job.sid, %reason, "the spool stays"),
            }
        }
        tracing::info!(sid = job.sid, epoch = job.epoch, unclaimed, "a spool waits for its job");
        let recording = self.add(&mut self.lock(), job, false);
        let spool_bytes = spool::bytes_on_disk(dir);
        recording.update(|status| {
            status.vitals.spool_bytes = spool_bytes;
            if unclaimed {
                status.stage = Stage::Unclaimed;
            }
        });
    }

    /// Requests for the jobs of the spools that wait for theirs.
    pub fn missing_jobs(&self) -> Vec<JobRequest> {
        let request = |recording: Arc<Recording>| {
            let status = recording.status();
            let status = status.borrow();
            matches!(status.stage, Stage::Waiting | Stage::Unclaimed).then(|| JobRequest {
                node_id: self.inner.config.node.node_id.clone(),
                recorder: recording.recorder.clone(),
                sid: recording.sid.clone(),
                epoch: status.epoch,
            })
        };
        self.recordings().into_iter().filter_map(request).collect()
    }

    /// Nobody knows the recording any more. A spool that waits for its job is removed if it holds nothing that is not
    /// uploaded. Otherwise it is kept, for its job or for `media-node rescue`, and takes no room of others.
    pub async fn disown(&self, sid: &str, reason: &str) {
        let Ok(recording) = self.get(sid) else { return };
        let stage = recording.status().borrow().stage.clone();
        if !matches!(stage, Stage::Waiting | Stage::Unclaimed) {
            return;
        }
        if spool::is_done(&recording.dir) || !recording.dir.exists() {
            // Its keeper waits for a job that will not come; one that has gone needs no word.
            let _ = recording.order(Order::Interrupt(Duration::ZERO));
            recording.remove_spool();
            self.lock().remove(sid);
        } else if matches!(stage, Stage::Waiting) {
            tracing::error!(
                sid,
                reason,
                spool = %recording.dir.display(),
                bytes = recording.status().borrow().vitals.spool_bytes,
                "the edge does not know the recording of this spool any more: its media stays here; `media-node rescue` \
                 brings it to a store"
            );
            if let Err(error) = spool::mark_unclaimed(&recording.dir) {
                tracing::warn!(sid, %error, "that nobody claims this spool cannot be noted in it");
            }
            recording.update(|status| status.stage = Stage::Unclaimed);
        }
    }
}

/// For a spool whose job cannot be read, so that no process can go on with it.
fn left_without_job(dir: &Path, error: &SpoolError) {
    match (spool::remove(dir), error) {
        (Ok(()), _) => tracing::info!(dir = %dir.display(), "a spool that nothing ever came into: removed"),
        (Err(RemovalError::Needed(_)), SpoolError::BadJob { .. }) => set_aside(dir, &error.to_string()),
        (Err(RemovalError::Needed(why)), _) if !dir.join("job.json").exists() => {
            set_aside(dir, &format!("it has no job.json, and {why}"));
        }
        (Err(_), _) => tracing::error!(dir = %dir.display(), %error, "this spool cannot be read: it is left alone"),
    }
}
