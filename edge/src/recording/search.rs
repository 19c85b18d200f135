//! The search for a node: the fleet names one, the job is offered to it, and it takes the job or another one is asked. The
//! same search serves a start, the replacement of a lost node, the relief of one that leaves, and the end of playlists
//! that nobody has ended. Only a start gives up; the others pause and begin again for as long as they are wanted.

use protocol::{Phase, RefusalCode, Report};
use serde::{Deserialize, Serialize};

use super::deadlines::{START_BUDGET_MS, after};
use super::nodes::{Lease, Role, Successor, begun};
use super::placement::{self, give_up, no_node};
use super::state::{Recording, Stage, State, Tried};
use super::{Effect, Node, NodeAnswer, job, lifecycle};

/// Nodes that are asked before a start is refused.
pub(super) const MAX_ATTEMPTS: usize = 3;
/// Nodes that are asked before a search for a replacement pauses.
const MAX_ROUND: usize = 8;
/// After so long without an answer from the fleet or a node, the question was lost in a crash.
const OFFER_LIMIT_MS: u64 = 20_000;
/// Pause after the first round in vain; it doubles with each,
const PAUSE_MS: u64 = 1_000;
/// up to this while media is being missed,
const MISSING_PAUSE_MS: u64 = 4_000;
/// and up to this when playlists only wait for their end.
const ENDING_PAUSE_MS: u64 = 60_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Search {
    /// Of the present question; each has a higher one.
    epoch: u64,
    step: Step,
    /// Nodes that did not take the job, and why.
    tried: Vec<Tried>,
    /// Jobs that may have been taken.
    pub(super) offers: u32,
    pauses: u32,
    /// The node that was lost may be asked too, if it is back.
    everybody: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// The fleet is asked for a node.
    Asked {
        since_ms: u64,
    },
    /// A node is asked to take the job.
    Offered {
        node: Node,
        since_ms: u64,
    },
    Waiting {
        until_ms: u64,
    },
}

impl Search {
    pub(super) fn tried(&self) -> &[Tried] {
        &self.tried
    }

    pub(super) fn due_ms(&self) -> u64 {
        match self.step {
            Step::Asked { since_ms } | Step::Offered { since_ms, .. } => after(since_ms, OFFER_LIMIT_MS),
            Step::Waiting { until_ms } => until_ms,
        }
    }

    /// The job is offered to this node at present. Whatever it says about the job, it has taken it.
    pub(super) fn is_offer_to(&self, node_id: &str, offered: u64) -> bool {
        match &self.step {
            Step::Offered { node, .. } => self.epoch == offered && node.id == node_id,
            Step::Asked { .. } | Step::Waiting { .. } => false,
        }
    }

    pub(super) fn wait_no_longer(&mut self, now_ms: u64) {
        if let Step::Waiting { until_ms } = &mut self.step {
            *until_ms = now_ms;
        }
    }
}

impl Recording {
    pub(super) fn seek(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
        let search = Search {
            epoch: *epoch,
            step: Step::Waiting { until_ms: now_ms },
            tried: Vec::new(),
            offers: 0,
            pauses: 0,
            everybody: false,
        };
        self.ask(search, epoch, now_ms, out);
    }

    /// Asks the fleet for a node.
    fn ask(&mut self, mut search: Search, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
        *epoch = epoch.saturating_add(1);
        search.epoch = *epoch;
        search.step = Step::Asked { since_ms: now_ms };
        let lost = self.nodes.last.as_ref().filter(|_| !search.everybody);
        let spared = [lost.map(|last| &last.lease), self.nodes.lease.as_ref()];
        let spared = spared.into_iter().flatten().map(|lease| lease.node.id.clone());
        let tried = search.tried.iter().map(|tried| tried.node_id.clone());
        out.push(Effect::Place {
            key: self.key.clone(),
            sid: self.sid.clone(),
            epoch: search.epoch,
            exclude: spared.chain(tried).collect(),
            preference: self.ticket.preference.clone(),
        });
        self.nodes.search = Some(search);
    }

    /// A round was in vain; a later one may find what has changed.
    fn pause(&mut self, mut search: Search, now_ms: u64) {
        let most_ms = if self.is_over() {
            ENDING_PAUSE_MS
        } else {
            MISSING_PAUSE_MS
        };
        let pause_ms = PAUSE_MS.checked_shl(search.pauses).unwrap_or(most_ms).min(most_ms);
        search.pauses = search.pauses.saturating_add(1).min(16);
        search.tried.clear();
        search.everybody = false;
        search.step = Step::Waiting {
            until_ms: after(now_ms, pause_ms),
        };
        self.nodes.search = Some(search);
    }

    /// What is due of the search of a recording that has been started.
    pub(super) fn settle_search(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
        let Some(mut search) = self.nodes.search.take_if(|search| now_ms >= search.due_ms()) else {
            return;
        };
        if let Step::Offered { node, .. } = &search.step {
            self.nodes.give_up_offer();
            let why = "its answer was lost".to_owned();
            search.tried.push(Tried {
                node_id: node.id.clone(),
                why,
            });
        }
        self.ask(search, epoch, now_ms, out);
    }
}

/// The fleet's answer.
pub(super) fn placed(
    state: &mut State,
    sid: &str,
    epoch: u64,
    node: Result<Node, String>,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let (newest, Some(recording)) = (&mut state.epoch, find(&mut state.recordings, sid)) else {
        return;
    };
    let asked = |search: &mut Search| matches!(search.step, Step::Asked { .. }) && search.epoch == epoch;
    let Some(mut search) = recording.nodes.search.take_if(asked) else {
        return;
    };
    let is_start = recording.stage == Stage::Placing;
    let refusal = match node {
        Ok(node) => match job::offered(recording, epoch, now_ms) {
            Some(job) => {
                out.push(Effect::SendJob {
                    url: node.url.clone(),
                    job: Box::new(job),
                });
                search.offers = search.offers.saturating_add(1);
                search.step = Step::Offered { node, since_ms: now_ms };
                recording.nodes.search = Some(search);
                return;
            }
            None => job::secrets_missing(),
        },
        Err(why) => no_node(&search.tried, &why),
    };
    if is_start {
        recording.nodes.search = Some(search);
        return give_up(state, sid, refusal, out);
    }
    if let Some(leaving) = &mut recording.nodes.leaving {
        leaving.alone = true;
    } else if !search.everybody {
        search.everybody = true;
        return recording.ask(search, newest, now_ms, out);
    }
    recording.pause(search, now_ms);
}

/// The answer of the node that was offered the job.
pub(super) fn job_answered(
    state: &mut State,
    sid: &str,
    epoch: u64,
    answer: NodeAnswer,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let offered = state.find(sid).and_then(|recording| recording.nodes.search.as_ref());
    let offered = offered.and_then(|search| match &search.step {
        Step::Offered { node, .. } if search.epoch == epoch => Some(node.clone()),
        _ => None,
    });
    // A node that took the job too late is told to release it when it reports.
    let Some(node) = offered else { return };
    let (why, taken) = match answer {
        NodeAnswer::Report(report) if (&*report.sid, report.epoch, &report.node_id) != (sid, epoch, &node.id) => {
            ("its answer was about another recording".to_owned(), true)
        }
        NodeAnswer::Report(report) if report.phase == Phase::Ended => {
            let told = report.problems.last().map(|problem| problem.message.as_str());
            (told.unwrap_or("the recorder ended at once").to_owned(), true)
        }
        NodeAnswer::Report(report) => return accept(state, *report, now_ms, out),
        NodeAnswer::Refused(refusal) => {
            let is_start = state
                .find(sid)
                .is_some_and(|recording| recording.stage == Stage::Placing);
            if is_start && matches!(refusal.code, RefusalCode::BadJob | RefusalCode::StorageUnusable) {
                return give_up(state, sid, refusal, out);
            }
            (refusal.reason, false)
        }
        NodeAnswer::Unreachable => ("it did not answer".to_owned(), true),
    };
    try_next(state, sid, node, why, taken, now_ms, out);
}

/// The node has taken the offered job.
pub(super) fn accept(state: &mut State, report: Report, now_ms: u64, out: &mut Vec<Effect>) {
    let Some(recording) = find(&mut state.recordings, &report.sid) else {
        return;
    };
    let Some(Search {
        epoch,
        step: Step::Offered { node, .. },
        ..
    }) = recording
        .nodes
        .search
        .take_if(|search| search.is_offer_to(&report.node_id, report.epoch))
    else {
        return;
    };
    let nodes = &mut recording.nodes;
    let lease = Lease::new(node, epoch, nodes.next_lane, now_ms);
    nodes.next_lane = nodes.next_lane.saturating_add(1);
    match recording.stage {
        Stage::Placing => {
            state.spent.push(recording.spend_ticket());
            recording.stage = Stage::Running { started_ms: now_ms };
            recording.hold(lease);
            placement::answer_starters(recording, out);
        }
        Stage::Running { .. } if nodes.lease.is_some() => {
            nodes.successor = Some(Successor {
                lease,
                since_ms: now_ms,
                begun: begun(&report.spool),
            });
        }
        Stage::Running { .. } | Stage::Over { .. } => recording.take_over(lease, now_ms),
    }
    let role = recording.nodes.role_of(&report);
    recording.hear(report, now_ms, out);
    // The job may have been made before the recording was told to end.
    if role == Role::Holder && recording.directive() != protocol::Directive::Record {
        recording.send_order(lifecycle::STOP_WAIT_MS, out);
    }
}

/// Asks for another node, unless it is a start that has taken too long or is not wanted any more.
fn try_next(state: &mut State, sid: &str, node: Node, why: String, taken: bool, now_ms: u64, out: &mut Vec<Effect>) {
    let (newest, Some(recording)) = (&mut state.epoch, find(&mut state.recordings, sid)) else {
        return;
    };
    let Some(mut search) = recording.nodes.search.take() else {
        return;
    };
    search.tried.push(Tried { node_id: node.id, why });
    if taken {
        recording.nodes.give_up_offer();
    } else {
        search.offers = search.offers.saturating_sub(1);
    }
    if recording.stage == Stage::Placing {
        let in_time = now_ms < after(recording.requested_ms, START_BUDGET_MS);
        if recording.order.is_none() && search.tried.len() < MAX_ATTEMPTS && in_time {
            recording.ask(search, newest, now_ms, out);
        } else {
            let refusal = no_node(&search.tried, "no more are asked");
            give_up(state, sid, refusal, out);
        }
    } else if search.tried.len() < MAX_ROUND {
        recording.ask(search, newest, now_ms, out);
    } else {
        recording.pause(search, now_ms);
    }
}

fn find<'a>(recordings: &'a mut [Recording], sid: &str) -> Option<&'a mut Recording> {
    recordings.iter_mut().find(|recording| recording.sid == sid)
}
