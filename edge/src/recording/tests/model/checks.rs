use std::collections::BTreeMap;

use super::node::Written;
use super::world::{NODES, World};
use crate::recording::next_alarm;
use crate::recording::state::Lifecycle;

impl World {
    /// What holds after each step of the recorder.
    pub(super) fn check(&mut self) {
        let capturing = self.state.recordings.iter().filter(|recording| recording.captures());
        assert!(
            capturing.count() <= 1,
            "at most one recording captures: {:?}",
            self.state
        );
        for recording in &self.state.recordings {
            if recording.started_ms().is_some() {
                let nonce = recording.ticket.nonce.clone();
                let first = self.started.entry(nonce).or_insert(recording.sid.clone());
                assert_eq!(*first, recording.sid, "a ticket starts at most one recording");
            }
            if let Lifecycle::Over { .. } = recording.lifecycle {
                let files = &recording.seen.files;
                let files: BTreeMap<_, _> = files.iter().map(|file| (file.name.clone(), file.slices)).collect();
                let known = self.files.entry(recording.sid.clone()).or_default();
                for (name, slices) in &*known {
                    let told = files.get(name);
                    assert!(told.is_some_and(|told| told >= slices), "files never shrink: {name}");
                }
                *known = files;
            }
        }
        for sid in self.promised.keys() {
            let holders = (0..NODES).filter(|node| self.has_lease(*node, sid));
            assert!(holders.count() <= 1, "two nodes have the lease of {sid}");
        }
        if let Some(due) = next_alarm(&self.state) {
            assert!(due > self.now, "what is due has been done: {:?}", self.state);
        }
        let longest = self.waiting.values().map(|since| self.now - since).max();
        assert!(longest <= Some(60_000), "nobody waits for ever: {:?}", self.waiting);
    }

    fn has_lease(&self, node: usize, sid: &str) -> bool {
        let held = self.nodes[node].held.get(sid).filter(|_| !self.nodes[node].down);
        held.is_some_and(|held| held.has_lease(self.now))
    }

    /// A node writes a playlist.
    pub(super) fn written(&mut self, node: usize, sid: &str, written: Written) {
        for other in (0..NODES).filter(|other| *other != node) {
            assert!(
                !self.has_lease(other, sid),
                "{node} writes playlists of {sid}, and {other} may do so too"
            );
        }
        let promised = self.promised.entry(sid.to_owned()).or_default();
        assert!(
            written.names.is_subset(&promised.confirmed),
            "a playlist names what is in the store"
        );
        promised.playlist = Some(written);
    }

    /// What must have come about when the world has been kind for long enough and everything was stopped.
    pub(super) fn check_the_end(&mut self) {
        let history = self.state.recordings.iter().flat_map(|recording| &recording.history);
        for fact in history {
            self.tally.failovers += u64::from(fact.code == protocol::ProblemCode::FailedOver);
            self.tally.returns += u64::from(fact.code == protocol::ProblemCode::NodeReturned);
        }
        assert!(self.waiting.is_empty(), "every caller is answered: {:?}", self.waiting);
        for recording in &self.state.recordings {
            assert!(recording.is_over(), "a stop ends a recording: {recording:?}");
            assert!(!recording.publication.owes_document(), "the last state is published");
            let waits = recording.nodes.strays || recording.is_settled();
            assert!(
                waits && !recording.inventory.is_unfinished(),
                "nothing is left to be done: {recording:?}"
            );
        }
        for (node, state) in self.nodes.iter().enumerate() {
            let at_work = state.held.values().filter(|held| held.process.is_some());
            assert_eq!(at_work.count(), 0, "node {node} has done its work: {:?}", state.held);
        }
        for (sid, log) in &self.receiver.logs {
            let mut arrived = log.arrived.clone();
            arrived.sort_unstable();
            arrived.dedup();
            let all: Vec<_> = (0..log.notices.len() as u64).collect();
            assert_eq!(arrived, all, "{sid}: every event arrives");
            let mut happened = log.happenings();
            let told = happened.len();
            happened.sort_by_key(|happening| format!("{happening:?}"));
            happened.dedup();
            assert_eq!(told, happened.len(), "{sid}: nothing is told twice");
        }
        for (sid, promised) in &self.promised {
            if !self.state.recordings.iter().any(|recording| recording.sid == *sid) {
                continue;
            }
            let Some(playlist) = &promised.playlist else {
                assert!(promised.confirmed.is_empty(), "{sid}: slices without a playlist");
                continue;
            };
            assert!(playlist.ended, "the playlist of {sid} has its end");
            assert_eq!(
                playlist.names, promised.confirmed,
                "{sid}: the playlist names every slice"
            );
        }
    }
}
