use std::collections::BTreeMap;

use protocol::{Phase, Report, SpoolReport};
use serde::{Deserialize, Serialize};

use super::lease::{Lease, Way};
use super::search::{Search, Tried};
use crate::recording::limits::{MAX_DISMISSED, MAX_FILES, MAX_MEMBERS};

/// Which nodes have to do with a recording: the one that holds its lease, the one that held it last, the one that is to
/// follow it, and the one that is to let go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nodes {
    /// The lease of the node that records and writes the playlists, or, once the recording is over, ends them.
    pub(crate) lease: Option<Lease>,
    /// The lease before, while there is none in force.
    pub(crate) last: Option<Last>,
    /// The search for a node that takes the recording, or takes it over.
    pub(crate) search: Option<Search>,
    /// What the holder of the lease has said of leaving, when it wants to be relieved.
    pub(crate) leaving: Option<Leaving>,
    /// The node that captures beside the holder of the lease and is to relieve it.
    pub(crate) successor: Option<Successor>,
    /// The lease of the node that has been relieved and has not said yet that it has let go of the playlists.
    pub(crate) leaver: Option<Lease>,
    /// The leases of nodes that were to follow and do not any more, until they have been told so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dismissed: Vec<Lease>,
    /// The times from which on media is the present lease's, for nodes that have lost theirs: the name of a playlist → Unix
    /// milliseconds.
    pub(crate) cuts: BTreeMap<String, u64>,
    /// The nodes that were sent the job; nobody else is given it. Empty where an older edge kept it.
    #[serde(default)]
    members: Vec<Member>,
    /// The lane of the next node that is offered the job.
    pub(crate) next_lane: u64,
    /// Whether a node may have taken the job unheard, and have captured until it was heard.
    pub(crate) strays: bool,
}

/// A node that was sent the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    node_id: String,
    /// Whether it has taken it.
    took: bool,
}

/// The lease of a node that was lost or has done its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Last {
    pub(crate) lease: Lease,
    pub(crate) since_ms: u64,
    /// Whether it does not come back: its node has done its work, or has been told to release the recording.
    pub(crate) over: bool,
}

/// What a node that wants to be relieved has said of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leaving {
    /// The playlists of which it is writing slices.
    open: Vec<String>,
    /// Whether no other node is free.
    pub(crate) alone: bool,
}

/// A node that captures beside the holder of the lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Successor {
    pub(crate) lease: Lease,
    pub(crate) since_ms: u64,
    /// Where its media begins, as in [`Nodes::cuts`].
    pub(crate) begun: BTreeMap<String, u64>,
}

/// What a node is to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Holder,
    Successor,
    /// It has lost the lease, or took a job when nobody waited for it any more.
    Outsider,
}

impl Leaving {
    fn hear(&mut self, told: &SpoolReport) {
        let open = told.spans.iter().filter(|span| span.open).take(MAX_FILES);
        self.open = open.map(|span| span.playlist.clone()).collect();
    }

    /// Nothing would be missed without the node that leaves.
    pub(crate) fn is_covered_by(&self, successor: &Successor) -> bool {
        self.open.iter().all(|playlist| successor.begun.contains_key(playlist))
    }
}

impl Nodes {
    /// Nodes that did not take the job, in the present round of the search.
    pub(crate) fn tried(&self) -> &[Tried] {
        self.search.as_ref().map_or(&[], Search::tried)
    }

    pub(crate) fn role_of(&self, report: &Report) -> Role {
        self.role(&report.node_id, report.epoch)
    }

    /// The role of the node that a report or a request comes from.
    pub(crate) fn role(&self, node_id: &str, epoch: u64) -> Role {
        let is_of = |lease: &Lease| lease.is_of(node_id, epoch);
        if self.lease.as_ref().is_some_and(is_of) {
            Role::Holder
        } else if self.successor.as_ref().is_some_and(|successor| is_of(&successor.lease)) {
            Role::Successor
        } else {
            Role::Outsider
        }
    }

    /// The node is sent the job.
    pub(crate) fn offer(&mut self, node_id: &str) {
        if self.members.iter().any(|member| member.node_id == node_id) {
            return;
        }
        if self.members.len() >= MAX_MEMBERS {
            let place = self.members.iter().position(|member| !member.took).unwrap_or(0);
            self.members.remove(place);
        }
        self.members.push(Member {
            node_id: node_id.to_owned(),
            took: false,
        });
    }

    /// The node has taken the job.
    pub(crate) fn took(&mut self, node_id: &str) {
        let member = self.members.iter_mut().find(|member| member.node_id == node_id);
        if let Some(member) = member {
            member.took = true;
        }
    }

    /// The node has said that it does not take the job.
    pub(crate) fn refused(&mut self, node_id: &str) {
        self.members.retain(|member| member.took || member.node_id != node_id);
    }

    /// Whether the node was sent the job, and may have taken it.
    pub(crate) fn has_member(&self, node_id: &str) -> bool {
        let last = self.last.as_ref().map(|last| &last.lease);
        let successor = self.successor.as_ref().map(|successor| &successor.lease);
        let leases = [self.lease.as_ref(), last, successor, self.leaver.as_ref()];
        let is_offered = self.search.as_ref().is_some_and(|search| search.is_offered_to(node_id));
        let mut members = self.members.iter().map(|member| member.node_id.as_str());
        let mut holders = leases.into_iter().flatten().map(|lease| lease.node.id.as_str());
        is_offered || members.any(|id| id == node_id) || holders.any(|id| id == node_id)
    }

    /// The lost lease comes into force again when its node is back before another one has been asked. Otherwise it never
    /// does: the node is told to release the recording.
    pub(crate) fn reinstate(&mut self, node_id: &str, epoch: u64, way: Way, now_ms: u64) -> bool {
        let may_be_taken = self.search.as_ref().is_some_and(|search| search.offers > 0);
        let Some(last) = &mut self.last else { return false };
        if !last.lease.is_of(node_id, epoch) || last.over || last.lease.is_outlived_by_loss(way) {
            return false;
        }
        if may_be_taken || self.lease.is_some() {
            last.over = true;
            return false;
        }
        last.lease.revive(way, now_ms);
        self.lease = self.last.take().map(|last| last.lease);
        self.search = None;
        true
    }

    /// An offer has ended in a way that leaves open whether the node has taken the job.
    pub(crate) fn give_up_offer(&mut self) {
        self.next_lane = self.next_lane.saturating_add(1);
        self.strays = true;
    }

    pub(crate) fn hear_holder(&mut self, report: &Report, way: Way, now_ms: u64) {
        if let Some(lease) = &mut self.lease {
            lease.hear(way, now_ms);
        }
        add_begun(&mut self.cuts, &report.spool);
        if report.spool.leaving {
            self.leaving.get_or_insert_default().hear(&report.spool);
        } else if self.leaving.is_some() {
            self.stay();
        }
    }

    pub(crate) fn hear_successor(&mut self, report: &Report, way: Way, now_ms: u64) {
        if report.phase >= Phase::Draining {
            self.successor = None;
        } else if let Some(successor) = &mut self.successor {
            successor.lease.hear(way, now_ms);
            add_begun(&mut successor.begun, &report.spool);
        }
    }

    /// A node without a lease that has let go of the playlists need not be waited for.
    pub(crate) fn hear_leaver(&mut self, report: &Report, way: Way, now_ms: u64) {
        self.dismissed
            .retain(|lease| !lease.is_of(&report.node_id, report.epoch));
        if let Some(leaver) = &mut self.leaver
            && leaver.is_of(&report.node_id, report.epoch)
        {
            leaver.hear(way, now_ms);
            if report.phase >= Phase::Draining {
                self.leaver = None;
            }
        }
    }

    /// No node is waited for any more.
    pub(crate) fn give_up(&mut self) {
        self.stay();
        self.leaver = None;
        self.strays = false;
    }

    /// The holder of the lease has done its work.
    pub(crate) fn finish(&mut self, now_ms: u64) {
        self.stay();
        self.leaver = None;
        self.last = self.lease.take().map(|lease| Last {
            lease,
            since_ms: now_ms,
            over: true,
        });
    }

    /// What was to follow the lease does not, and what looked for it looks no more.
    pub(crate) fn stay(&mut self) {
        self.leaving = None;
        if let Some(successor) = self.successor.take().filter(|it| it.lease.has_line()) {
            self.dismissed.push(successor.lease);
            let excess = self.dismissed.len().saturating_sub(MAX_DISMISSED);
            self.dismissed.drain(..excess);
        }
        self.search = None;
    }

    /// All leases that may be in force.
    pub(crate) fn leases_mut(&mut self) -> impl Iterator<Item = &mut Lease> {
        let successor = self.successor.as_mut().map(|successor| &mut successor.lease);
        let leases = [self.lease.as_mut(), successor, self.leaver.as_mut()];
        leases.into_iter().flatten().chain(&mut self.dismissed)
    }

    /// The leases of a node's lines are over, up to this one.
    pub(crate) fn lose(&mut self, node_id: &str, line: u64, heard_ms: u64) {
        for lease in self.leases_mut().filter(|lease| lease.node.id == node_id) {
            lease.lose(line, heard_ms);
        }
    }

    /// The node is asked whether it still holds the recording. Returns whether it should.
    pub(crate) fn doubt(&mut self, node_id: &str, now_ms: u64) -> bool {
        let mut is_with_node = false;
        for lease in self.leases_mut().filter(|lease| lease.node.id == node_id) {
            is_with_node |= lease.doubt(now_ms);
        }
        is_with_node
    }

    /// The node has said that it holds nothing of the recording.
    pub(crate) fn lack(&mut self, epoch: u64) {
        for lease in self.leases_mut().filter(|lease| lease.epoch == epoch) {
            lease.lack();
        }
    }

    /// What is persisted lazily goes along with what is worth a write.
    pub(super) fn note(&mut self) {
        self.leases_mut().for_each(Lease::note);
        if let Some(last) = &mut self.last {
            last.lease.note();
        }
    }

    /// The time in which this object slept, and heard nobody, is held against no node.
    pub(crate) fn excuse(&mut self, now_ms: u64) {
        self.leases_mut().for_each(|lease| lease.excuse(now_ms));
    }
}

pub(crate) fn begun(told: &SpoolReport) -> BTreeMap<String, u64> {
    let mut begun = BTreeMap::new();
    add_begun(&mut begun, told);
    begun
}

/// Adds where the media of each playlist begins, as long as there is room. Without that of a playlist, two nodes may have some
/// of its media twice, which playlists name once.
fn add_begun(begun: &mut BTreeMap<String, u64>, told: &SpoolReport) {
    for span in &told.spans {
        if begun.len() < MAX_FILES || begun.contains_key(&span.playlist) {
            begun.insert(span.playlist.clone(), span.from_ms);
        }
    }
}
