use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Phase, Report};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::Edge;
use super::error::EdgeError;
use super::line::{ReportTurn, Session, Way};
use super::news::{News, news, told_slices};
use crate::backoff::{Backoff, chance};
use crate::clock::boot_ms;
use crate::supervisor::{Answered, Recording, Stage, Status, Supervisor};

/// Longest time between two reports of a recording that has a lease of its own.
const EVERY: Duration = Duration::from_secs(2);
/// Shortest time between two reports of a recording.
const APART: Duration = Duration::from_millis(200);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long slices that the store has confirmed are gathered before they are kept at the edge: what is lost of the playlists, if
/// the node and its disk are.
const KEEP: Duration = Duration::from_secs(4);
/// How long slices, and figures, are gathered before they are reported.
const GATHER: Duration = Duration::from_secs(60);
/// A recording without any news is reported all the same after so long, in case that something got lost on the way.
const ASSURE: Duration = Duration::from_secs(600);

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

/// Tells the edge of one recording until its end is told, and has the node's lease count for it meanwhile.
async fn report(
    edge: Edge,
    supervisor: Supervisor,
    recording: Arc<Recording>,
    interval: watch::Receiver<Duration>,
) -> Arc<Recording> {
    let (grants, granted) = watch::channel(None);
    let reporter = Reporter {
        edge,
        supervisor: supervisor.clone(),
        sid: recording.sid.clone(),
        interval,
        grants,
        told: None,
    };
    let status = recording.status();
    tokio::select! {
        () = reporter.run(status) => {}
        () = share(granted, supervisor, &recording.sid) => {}
    }
    recording
}

/// By which line's lease a recording is held, under which epoch.
type Grant = Option<(Arc<Session>, u64)>;

/// Tells a recording of each renewal of the lease that it is held by.
async fn share(mut granted: watch::Receiver<Grant>, supervisor: Supervisor, sid: &str) {
    loop {
        let grant = granted.borrow_and_update().clone();
        let lease = grant
            .as_ref()
            .and_then(|(session, epoch)| Some((session.lease.as_ref()?, *epoch)));
        let renewed = async {
            let Some((lease, epoch)) = lease else {
                return std::future::pending().await;
            };
            let mut until_ms = lease.until_ms();
            loop {
                let until_ms_now = *until_ms.borrow_and_update();
                // One that is over, or takes no orders at the moment, needs none or hears the next.
                let _ = supervisor.renew(sid, epoch, until_ms_now);
                // The lease holds the other end.
                let _ = until_ms.changed().await;
            }
        };
        tokio::select! {
            () = renewed => {}
            changed = granted.changed() => if changed.is_err() { return },
        }
    }
}

struct Reporter {
    edge: Edge,
    supervisor: Supervisor,
    sid: String,
    /// The longest time between two reports where each recording has a lease of its own.
    interval: watch::Receiver<Duration>,
    grants: watch::Sender<Grant>,
    told: Option<Told>,
}

/// What the edge has heard.
struct Told {
    report: Report,
    /// [`Status::asked`] at that time.
    asked: u64,
    at: Instant,
    /// The line that it was told over, where the node has a lease.
    session: Option<Arc<Session>>,
}

impl Reporter {
    async fn run(mut self, mut status: watch::Receiver<Status>) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let turn = self.edge.turn().await;
            let newest = status.borrow_and_update().clone();
            // What it has told is not so any more.
            if matches!(newest.stage, Stage::Refused(_)) {
                return;
            }
            let pause = match &newest.report {
                Some(report) => match self.send(turn, report, newest.asked).await {
                    Ok(()) if report.phase == Phase::Ended => return self.supervisor.acknowledge(&self.sid),
                    Ok(()) => {
                        backoff.reset();
                        APART
                    }
                    Err(error) => {
                        if backoff.failures() == 0 {
                            tracing::warn!(sid = self.sid, %error, "report failed; the newest state is reported later");
                        }
                        backoff.pause(chance())
                    }
                },
                None if newest.is_over() => return,
                None => APART,
            };
            tokio::time::sleep(pause).await;
            match self.told.as_ref().and_then(|told| told.session.clone()) {
                Some(session) => self.await_news(&session, &mut status).await,
                None => {
                    let every = (*self.interval.borrow()).min(EVERY);
                    // A time-out is the turn of a report without news.
                    let _ = timeout(every.saturating_sub(pause), status.changed()).await;
                }
            }
        }
    }

    /// Waits until something has to be reported, and has slices kept meanwhile.
    async fn await_news(&self, session: &Arc<Session>, status: &mut watch::Receiver<Status>) {
        let Some(told) = &self.told else { return };
        let mut kept = told_slices(&told.report);
        // Since when there is something that can wait, and slices that are not kept.
        let (mut waiting, mut unkept) = (None, None);
        loop {
            let newest = status.borrow_and_update().clone();
            let is_told_otherwise = matches!(newest.stage, Stage::Refused(_)) || newest.asked != told.asked;
            let Some(report) = newest.report.as_ref().filter(|_| !is_told_otherwise) else {
                return;
            };
            match news(&told.report, report) {
                News::State => return,
                News::Nothing => waiting = None,
                News::Progress | News::Slices => drop(waiting.get_or_insert_with(Instant::now)),
            }
            if told_slices(report) > kept {
                unkept.get_or_insert_with(Instant::now);
            }
            let due = waiting.map_or(told.at + ASSURE, |since| since + GATHER);
            let keep = unkept.map(|since| since + KEEP);
            tokio::select! {
                changed = status.changed() => if changed.is_err() { return },
                () = self.edge.line.left(session) => return,
                () = sleep_until(due) => return,
                () = sleep_until(keep.unwrap_or(due)), if keep.is_some() => {
                    if let Err(error) = self.edge.keep(report, session).await {
                        tracing::debug!(sid = self.sid, %error, "slices that could not be kept are reported");
                        return;
                    }
                    (kept, unkept) = (told_slices(report), None);
                }
            }
        }
    }

    /// An edge that has forgotten an ended recording needs no telling.
    async fn send(&mut self, turn: ReportTurn, report: &Report, asked: u64) -> Result<(), EdgeError> {
        self.told = None;
        let (sid, supervisor) = (&self.sid, &self.supervisor);
        // A lease counts from before the edge can have given it.
        let sent_ms = boot_ms();
        let answer = match self.edge.report(report, &turn).await {
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
        let session = match &turn.way {
            Way::Line(session) if session.lease.is_some() => Some(Arc::clone(session)),
            Way::Line(_) | Way::Http => None,
        };
        let lease = session.as_ref().filter(|_| answer.node_lease);
        let by_node = lease.and_then(|session| Some(*session.lease.as_ref()?.until_ms().borrow()));
        let by_time = answer.lease_ms.map(|lease_ms| sent_ms.saturating_add(lease_ms));
        let answered = Answered {
            lease_until_ms: by_node.or(by_time),
            inventory: answer.inventory,
            videos: report.vod.as_ref().map_or(0, |vod| vod.videos.len()),
        };
        if let Err(refusal) = supervisor.answered(sid, report.epoch, answered) {
            tracing::debug!(sid, reason = refusal.reason, "the next answer is heard");
            // What was not heard is asked for again.
            return Ok(());
        }
        if let Some(confirmed) = answer.confirmed.filter(|_| !report.occurrences.list.is_empty())
            && let Err(refusal) = supervisor.confirm(sid, confirmed)
        {
            tracing::debug!(sid, reason = refusal.reason, "what has happened is told again");
            return Ok(());
        }
        self.grants
            .send_replace(lease.map(|session| (Arc::clone(session), report.epoch)));
        self.told = Some(Told {
            report: report.clone(),
            asked,
            at: Instant::now(),
            session,
        });
        Ok(())
    }
}
