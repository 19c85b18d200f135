use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Phase, Report};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Edge;
use super::error::EdgeError;
use super::line::ReportTurn;
use crate::backoff::{Backoff, chance};
use crate::clock::boot_ms;
use crate::supervisor::{Answered, Recording, Stage, Supervisor};

/// Longest time between two reports of a recording.
const EVERY: Duration = Duration::from_secs(2);
/// Shortest time between two reports of a recording.
const APART: Duration = Duration::from_millis(200);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Reports every recording for itself, so that one that the edge is slow about keeps no other back.
pub(super) async fn run(edge: &Edge, supervisor: &Supervisor, interval: watch::Receiver<Duration>) {
    let mut changes = supervisor.changes();
    let mut reporters = JoinSet::new();
    let mut reported: BTreeMap<String, Arc<Recording>> = BTreeMap::new();
    loop {
        changes.borrow_and_update();
        for recording in supervisor.recordings() {
            let known = reported.insert(recording.sid.clone(), Arc::clone(&recording));
            // One that goes on under another lease after its end is another one.
            if known.is_none_or(|known| !Arc::ptr_eq(&known, &recording)) {
                reporters.spawn(report(edge.clone(), supervisor.clone(), recording, interval.clone()));
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Some(done) = reporters.join_next(), if !reporters.is_empty() => match done {
                Ok(done) => {
                    if reported.get(&done.sid).is_some_and(|known| Arc::ptr_eq(known, &done)) {
                        reported.remove(&done.sid);
                    }
                }
                Err(error) => tracing::error!(%error, "a reporter has stopped"),
            }
        }
    }
}

/// Tells the edge of one recording, at each change and at least every interval, until its end is told.
async fn report(
    edge: Edge,
    supervisor: Supervisor,
    recording: Arc<Recording>,
    interval: watch::Receiver<Duration>,
) -> Arc<Recording> {
    let sid = recording.sid.clone();
    let mut status = recording.status();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let turn = edge.turn().await;
        let newest = status.borrow_and_update().clone();
        // What it has told is not so any more.
        if matches!(newest.stage, Stage::Refused(_)) {
            return recording;
        }
        let pause = match &newest.report {
            Some(report) => match send(&edge, turn, &supervisor, &sid, report).await {
                Ok(()) if report.phase == Phase::Ended => {
                    supervisor.acknowledge(&sid);
                    return recording;
                }
                Ok(()) => {
                    backoff.reset();
                    APART
                }
                Err(error) => {
                    if backoff.failures() == 0 {
                        tracing::warn!(sid, %error, "report failed; the newest state is reported later");
                    }
                    backoff.pause(chance())
                }
            },
            None if newest.is_over() => return recording,
            None => APART,
        };
        tokio::time::sleep(pause).await;
        let every = (*interval.borrow()).min(EVERY);
        // A time-out is the turn of a report without news.
        let _ = tokio::time::timeout(every.saturating_sub(pause), status.changed()).await;
    }
}

/// An edge that has forgotten an ended recording needs no telling.
async fn send(
    edge: &Edge,
    turn: ReportTurn,
    supervisor: &Supervisor,
    sid: &str,
    report: &Report,
) -> Result<(), EdgeError> {
    // A lease counts from before the edge can have given it.
    let sent_ms = boot_ms();
    let answer = match edge.report(report, turn).await {
        Ok(answer) => answer,
        Err(EdgeError::Unknown { .. }) if report.phase == Phase::Ended => return Ok(()),
        Err(error) => return Err(error),
    };
    if let Err(refusal) = supervisor.converge(sid, answer.desired) {
        tracing::warn!(
            sid,
            reason = refusal.reason,
            "the desired state from the edge cannot be applied"
        );
    }
    let answered = Answered {
        lease_until_ms: answer.lease_ms.map(|lease_ms| sent_ms.saturating_add(lease_ms)),
        inventory: answer.inventory,
        videos: report.vod.as_ref().map_or(0, |vod| vod.videos.len()),
    };
    if let Err(refusal) = supervisor.answered(sid, report.epoch, answered) {
        tracing::debug!(sid, reason = refusal.reason, "the next answer is heard");
    }
    if let Some(confirmed) = answer.confirmed.filter(|_| !report.occurrences.list.is_empty())
        && let Err(refusal) = supervisor.confirm(sid, confirmed)
    {
        tracing::debug!(sid, reason = refusal.reason, "what has happened is told again");
    }
    Ok(())
}
