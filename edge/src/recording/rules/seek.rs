//! The search for a node: the fleet names one, the job is offered to it, and it takes the job or another one is asked. The
//! same search serves a start, the replacement of a lost node, the relief of one that leaves, and the end of playlists
//! that nobody has ended. Only a start gives up; the others pause and begin again for as long as they are wanted.

use crate::recording::contract::Effect;
use crate::recording::limits::{AWAY_PAUSE_MS, ENDING_PAUSE_MS, MISSING_PAUSE_MS, SEARCH_PAUSE_MS, after};
use crate::recording::state::{Recording, Search, Step, Tried};

impl Recording {
    pub(crate) fn seek(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
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
    pub(crate) fn ask(&mut self, mut search: Search, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
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
    pub(crate) fn pause(&mut self, mut search: Search, now_ms: u64) {
        let most_ms = if self.away {
            AWAY_PAUSE_MS
        } else if self.is_over() {
            ENDING_PAUSE_MS
        } else {
            MISSING_PAUSE_MS
        };
        let pause_ms = SEARCH_PAUSE_MS
            .checked_shl(search.pauses)
            .unwrap_or(most_ms)
            .min(most_ms);
        search.pauses = search.pauses.saturating_add(1).min(16);
        search.tried.clear();
        search.everybody = false;
        search.step = Step::Waiting {
            until_ms: after(now_ms, pause_ms),
        };
        self.nodes.search = Some(search);
    }

    /// What is due of the search of a recording that has been started.
    pub(crate) fn settle_search(&mut self, epoch: &mut u64, now_ms: u64, out: &mut Vec<Effect>) {
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
