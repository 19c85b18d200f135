//! What a keeper tells of its recording: how it ended, and what went wrong beside what the process reports.

use std::time::Duration;

use protocol::{Fault, Problem, ProblemCode, Refusal, Report};

use super::{Death, Keeper};
use crate::clock::unix_ms;
use crate::supervisor::recording::Stage;
use crate::supervisor::vitals::Vitals;

/// A report carries so many problems.
const MOST_PROBLEMS: usize = 16;

impl Keeper {
    /// The spool is gone before the refusal is told, so that the same job can be tried again at once.
    pub(super) async fn refuse(&self, refusal: Refusal) {
        tracing::info!(sid = self.recording.sid, code = ?refusal.code, reason = refusal.reason, "refused");
        self.recording.remove_spool();
        self.recording.update(|status| {
            status.stage = Stage::Refused(refusal);
            status.vitals = Vitals::default();
        });
    }

    /// The spool cannot be gone on with. Another node, or this one under another lease, goes on with the recording.
    pub(super) fn give_up(&self, why: &str) {
        self.recording.set_aside(why);
        let refusal = Refusal::internal(format!(
            "what this node has of the recording cannot be gone on with and is set aside: {why}"
        ));
        self.recording.update(|status| {
            status.stage = Stage::Refused(refusal);
            status.vitals = Vitals::default();
        });
    }

    pub(super) fn over(&self) {
        tracing::info!(sid = self.recording.sid, "recording over");
        let acknowledged = !self.config.await_acknowledgement;
        if acknowledged {
            self.recording.remove_spool();
        }
        self.recording.update(|status| {
            status.stage = Stage::Ended;
            status.vitals = Vitals::default();
            status.acknowledged = acknowledged;
        });
    }

    pub(super) fn tell_death(&mut self, death: &Death, pause: Duration) {
        let why = &death.why;
        let pause_ms = pause.as_millis() as u64;
        tracing::error!(
            sid = self.recording.sid,
            why,
            pause_ms,
            "the recording's process is started again"
        );
        self.totals.restarted();
        let goes_on = format!("it continues after a discontinuity in {pause_ms} ms");
        if death.short_of_memory {
            let cure = "record fewer users or smaller pictures in one recording, or raise TAPEDECK_RECORDING_MEMORY";
            self.note(ProblemCode::MemoryExceeded, format!("{why}; {goes_on}. {cure}"));
        } else {
            let cure = "Keep this node's log from this time, and report it if this happens again";
            self.note(ProblemCode::RecorderRestarted, format!("{why}; {goes_on}. {cure}"));
        }
    }

    /// Tells a problem with the last report again.
    pub(super) fn note(&mut self, code: ProblemCode, message: String) {
        self.problems.push(Problem {
            fault: Fault::Ours,
            code,
            message,
            at_ms: unix_ms(),
        });
        let surplus = self.problems.len().saturating_sub(MOST_PROBLEMS);
        self.problems.drain(..surplus);
        let last = self.recording.status().borrow().report.clone();
        if let Some(report) = last {
            self.publish(Report {
                at_ms: unix_ms(),
                ..report
            });
        }
    }

    /// Sequence numbers grow over the reports of the processes and of the keeper itself.
    pub(super) fn publish(&self, mut report: Report) {
        for problem in &self.problems {
            if !report.problems.contains(problem) {
                report.problems.push(problem.clone());
            }
        }
        report.problems.sort_by_key(|problem| problem.at_ms);
        let surplus = report.problems.len().saturating_sub(MOST_PROBLEMS);
        report.problems.drain(..surplus);
        self.recording.update(|status| {
            let before = status.report.as_ref().map_or(&[][..], |last| &last.problems);
            for problem in report.problems.iter().filter(|problem| !before.contains(problem)) {
                self.totals.told(&problem.code);
            }
            if let Some(last) = status.report.as_ref().filter(|last| last.epoch == report.epoch) {
                report.seq = report.seq.max(last.seq + 1);
            }
            status.report = Some(report);
        });
    }
}
