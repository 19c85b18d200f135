use std::time::Duration;

use super::Edge;
use super::error::EdgeError;
use crate::backoff::{Backoff, chance};
use crate::supervisor::Supervisor;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Asks for the jobs of the spools that an earlier process has left, until each has one: also for those that the edge does
/// not know, because it may be set back, or mended.
pub(super) async fn run(edge: &Edge, supervisor: &Supervisor) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let missing = supervisor.missing_jobs();
        if missing.is_empty() {
            return;
        }
        for request in missing {
            match edge.job(&request).await {
                Ok(job) => {
                    let sid = job.sid.clone();
                    match supervisor.put(job).await {
                        Ok(_) => tracing::info!(sid, "recording resumed"),
                        Err(refusal) => tracing::warn!(sid, reason = refusal.reason, "not resumed"),
                    }
                }
                Err(EdgeError::Unknown { reason }) => {
                    tracing::debug!(
                        sid = request.sid,
                        reason,
                        "the edge does not know the recording of this spool"
                    );
                    supervisor.disown(&request.sid, &reason).await;
                }
                Err(error) => {
                    tracing::warn!(sid = request.sid, %error, "the job of this spool will be requested again")
                }
            }
        }
        tokio::time::sleep(backoff.pause(chance())).await;
    }
}
