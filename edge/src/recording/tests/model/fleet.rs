//! The nodes' side: they take jobs and orders, work, report, die and come back.

use protocol::{Desired, Directive, Job, JobRequest, RefusalCode};

use super::super::samples::refusal;
use super::node::Held;
use super::world::{Message, NODES, World, id_of};
use crate::recording::{NodeAnswer, Reply, Request};

impl World {
    pub(super) fn put_job(&mut self, index: usize, job: Job) -> NodeAnswer {
        self.tally.endings += u64::from(job.assignment.directive != Some(Directive::Record));
        let fate = if self.kind { 9 } else { self.chance.below(10) };
        let (now, state) = (self.now, &mut self.nodes[index]);
        if state.down || now < state.asleep_ms || fate == 0 {
            return NodeAnswer::Unreachable;
        }
        let sid = job.sid.clone();
        match state.held.get_mut(&sid) {
            Some(held) if job.epoch < held.job.epoch => {
                return NodeAnswer::Refused(refusal(RefusalCode::StaleEpoch));
            }
            Some(held) if job.epoch > held.job.epoch || held.process.is_none() => held.begin(job, now, self.seq),
            Some(_) => {}
            None if state.leaving || fate == 1 => return NodeAnswer::Refused(refusal(RefusalCode::NoCapacity)),
            None => drop(state.held.insert(sid.clone(), Held::new(job, now, self.seq))),
        }
        self.seq += 1_000_000;
        let Some(held) = state.held.get_mut(&sid) else {
            return NodeAnswer::Unreachable;
        };
        let report = held.report(&id_of(index), state.leaving, now);
        match fate {
            2 => NodeAnswer::Unreachable,
            _ => NodeAnswer::Report(Box::new(report)),
        }
    }

    pub(super) fn post_desired(&mut self, index: usize, sid: &str, desired: &Desired) -> NodeAnswer {
        let gets_lost = !self.kind && self.chance.one_in(8);
        if gets_lost || !self.is_in_touch(index) || self.is_away(index) {
            return NodeAnswer::Unreachable;
        }
        let (now, state) = (self.now, &mut self.nodes[index]);
        let Some(held) = state.held.get_mut(sid) else {
            return NodeAnswer::Refused(refusal(RefusalCode::UnknownRecording));
        };
        if held.process.is_none() {
            return NodeAnswer::Unreachable;
        }
        if desired.epoch < held.job.epoch {
            return NodeAnswer::Refused(refusal(RefusalCode::StaleEpoch));
        }
        held.asked += 1;
        held.told(desired);
        held.work(now);
        NodeAnswer::Report(Box::new(held.report(&id_of(index), state.leaving, now)))
    }

    /// A node works for a moment and reports.
    pub(super) fn tick(&mut self, node: usize) {
        if self.is_away(node) {
            return;
        }
        let sids: Vec<_> = self.nodes[node].held.keys().cloned().collect();
        for sid in sids {
            self.ask_job(node, &sid);
            self.work(node, &sid);
        }
    }

    /// A spool that an earlier process has left needs its job again.
    fn ask_job(&mut self, node: usize, sid: &str) {
        let held = self.nodes[node].held.get(sid);
        let Some(held) = held.filter(|held| held.process.is_none()) else {
            return;
        };
        let request = JobRequest {
            node_id: id_of(node),
            recorder: held.job.recorder.clone(),
            sid: sid.to_owned(),
            epoch: held.job.epoch,
        };
        // Asked over the line, it is answered at once or not at all.
        let line = self.wire(node).and_then(|wire| wire.number());
        if self.wire(node).is_some() && (line.is_none() || !self.is_in_touch(node)) {
            return;
        }
        let job = match self.ask(Request::Job { request, line }) {
            Some(Reply::Job(Ok(job))) => serde_json::from_str(job.as_str()).unwrap(),
            Some(Reply::Job(Err(_))) => return,
            other => panic!("{other:?}"),
        };
        if let Some(held) = self.nodes[node].held.get_mut(sid) {
            held.begin(job, self.now, self.seq);
            self.seq += 1_000_000;
        }
    }

    fn work(&mut self, node: usize, sid: &str) {
        let now = self.now;
        let leaving = self.nodes[node].leaving;
        let Some(held) = self.nodes[node].held.get_mut(sid).filter(|held| held.process.is_some()) else {
            return;
        };
        held.work(now);
        let promised = self.promised.entry(sid.to_owned()).or_default();
        for slice in held.due(leaving) {
            if self.kind || !self.chance.one_in(3) {
                promised.confirmed.insert(slice.name.clone());
                held.spool.confirmed.push(slice.name);
            }
        }
        if held.may_write(now)
            && let Some(written) = held.playlist()
            && (self.kind || !self.chance.one_in(3))
        {
            held.has_written(written.ended);
            self.written(node, sid, written);
        }
        let Some(held) = self.nodes[node].held.get_mut(sid) else {
            return;
        };
        held.finish();
        let report = held.report(&id_of(node), leaving, now);
        let asked = held.asked;
        self.tell(|| format!("node {node} reports"));
        if self.wires.contains_key(&node) {
            return self.report_over_line(node, report, asked);
        }
        self.messages.push(Message::Report {
            report: Box::new(report),
            sent_ms: now,
        });
    }

    pub(super) fn kill(&mut self, node: usize) {
        self.tell(|| format!("node {node} dies"));
        let state = &mut self.nodes[node];
        state.down = true;
        state.leaving = false;
        for held in state.held.values_mut() {
            held.process = None;
        }
        self.end_lines(node);
    }

    /// It does nothing at present.
    pub(super) fn is_away(&self, node: usize) -> bool {
        self.nodes[node].down || self.now < self.nodes[node].asleep_ms
    }

    /// The machine stands still, and its clock does not.
    pub(super) fn sleep(&mut self, node: usize) {
        let ms = 1_000 + self.chance.below(180_000);
        self.tell(|| format!("node {node} sleeps for {ms} ms"));
        self.nodes[node].asleep_ms = self.now + ms;
    }

    pub(super) fn restart(&mut self, node: usize) {
        if self.nodes[node].down {
            self.tell(|| format!("node {node} starts"));
            self.nodes[node].down = false;
        }
    }
}

pub(super) fn index_of(id: &str) -> usize {
    (0..NODES).find(|node| *id == id_of(*node)).unwrap()
}
