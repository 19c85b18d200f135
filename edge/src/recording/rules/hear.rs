use protocol::{EndCause, Phase, Report};

use crate::recording::contract::Effect;
use crate::recording::state::{Recording, Role, Way};

impl Recording {
    /// Takes over what a report tells, whoever sent it.
    pub(crate) fn hear(&mut self, report: Report, way: Way, now_ms: u64, out: &mut Vec<Effect>) {
        let role = self.nodes.role_of(&report);
        self.inventory.note(&report, role != Role::Outsider, now_ms, out);
        match role {
            Role::Holder => self.absorb(report, way, now_ms, out),
            Role::Successor => self.nodes.hear_successor(&report, way, now_ms),
            Role::Outsider => {
                self.nodes.hear_leaver(&report, way, now_ms);
                // A node that has lost the lease still uploads.
                self.seen.merge_files(report.files);
            }
        }
        if self.away {
            self.seen.files.clear();
        }
    }

    /// What the holder of the lease tells. A report that is not newer than the newest says nothing new, but that the node still
    /// has it.
    fn absorb(&mut self, report: Report, way: Way, now_ms: u64, out: &mut Vec<Effect>) {
        if self.seen.seq.get().is_some_and(|newest| report.seq <= newest) {
            if let (Way::Line(_), Some(lease)) = (way, &mut self.nodes.lease) {
                lease.hear(way, now_ms);
            }
            return;
        }
        let has_ended = report.phase == Phase::Ended;
        if has_ended {
            self.inventory.ended_by(&report);
        }
        self.nodes.hear_holder(&report, way, now_ms);
        self.seen.absorb(report, now_ms);
        if has_ended {
            self.nodes.finish(now_ms);
            let cause = self.seen.cause.or(self.wanted.end_cause());
            self.end(cause.unwrap_or(EndCause::Failed), now_ms, out);
        } else if self.seen.phase >= Phase::Draining {
            self.nodes.stay();
        }
    }
}
