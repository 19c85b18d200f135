use protocol::{ConfirmedSlice, InventoryPage, Phase, Report, SpoolReport};
use serde::{Deserialize, Serialize};

use crate::recording::contract::Effect;
use crate::recording::limits::{MAX_SLICES, MAX_SPOOLS};

/// Every slice of a recording that a store has confirmed, told by whichever node made it. The slices
/// themselves are kept by the shell, in the order in which they are noted; here is only how far each spool has told them.
/// Each slice is counted once, however often and in whatever order the reports of it come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    /// Slices noted so far: also the position of the newest.
    pub(crate) total: u64,
    /// When the newest was noted, Unix milliseconds.
    pub(crate) changed_ms: u64,
    /// The playlists in the store are complete and ended, and name what was noted up to this position.
    finished: Option<u64>,
    /// The spools that are remembered; the one that told something new last is last.
    spools: Vec<SpoolEntry>,
    /// The newest position among the spools that have been forgotten.
    forgotten: u64,
    /// Whether the slices are needed no longer.
    closed: bool,
}

/// What one spool has told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SpoolEntry {
    /// The epoch under which it was opened first.
    id: u64,
    node_id: String,
    /// The number of its slices that are noted.
    told: u64,
    /// The position of its newest slice.
    newest: u64,
    /// Whether it has told everything.
    ended: bool,
    /// When it last told something new, Unix milliseconds; 0 where an older edge kept it.
    #[serde(default)]
    heard_ms: u64,
}

impl SpoolEntry {
    fn new(id: u64, node_id: &str, now_ms: u64) -> Self {
        Self {
            id,
            node_id: node_id.to_owned(),
            told: 0,
            newest: 0,
            ended: false,
            heard_ms: now_ms,
        }
    }

    fn is(&self, id: u64, node_id: &str) -> bool {
        self.id == id && self.node_id == node_id
    }

    /// What is told for the first time. What is not told in its order comes again in it.
    fn fresh(&self, told: &SpoolReport) -> Vec<ConfirmedSlice> {
        let Some(known) = self.told.checked_sub(told.from) else {
            return Vec::new();
        };
        let told = told.confirmed.iter().take(SpoolReport::MOST_CONFIRMED);
        told.skip(usize::try_from(known).unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }
}

impl Inventory {
    /// Takes over what a report tells. `member`: its node has, or has had, the recording by the edge's will.
    pub(crate) fn note(&mut self, report: &Report, member: bool, now_ms: u64, out: &mut Vec<Effect>) {
        let told = &report.spool;
        if self.closed || !(member || self.knows(report) || !told.confirmed.is_empty()) {
            return;
        }
        let known = self
            .spools
            .iter()
            .position(|entry| entry.is(told.spool, &report.node_id));
        let known = known.and_then(|place| Some((place, self.spools.get(place)?.clone())));
        let mut entry = match &known {
            Some((_, entry)) => entry.clone(),
            None => SpoolEntry::new(told.spool, &report.node_id, now_ms),
        };
        entry.ended |= report.phase == Phase::Ended;
        let slices = entry.fresh(told);
        let count = slices.len() as u64;
        entry.told = entry.told.saturating_add(count);
        let first = self.total.saturating_add(1);
        let total = self.total.saturating_add(count);
        if count > 0 && total <= MAX_SLICES {
            entry.newest = total;
            entry.heard_ms = now_ms;
            self.total = total;
            self.changed_ms = now_ms;
            out.push(Effect::Note {
                sid: report.sid.clone(),
                spool: told.spool,
                first,
                slices,
            });
        }
        match known {
            // A report without news leaves everything as it is.
            Some((_, before)) if before == entry => return,
            Some((place, _)) => drop(self.spools.remove(place)),
            None => self.make_room(),
        }
        self.spools.push(entry);
    }

    fn knows(&self, report: &Report) -> bool {
        let mut entries = self.spools.iter();
        entries.any(|entry| entry.is(report.spool.spool, &report.node_id))
    }

    fn make_room(&mut self) {
        if self.spools.len() >= MAX_SPOOLS {
            // One that has told everything, if there is one.
            let oldest = self.spools.iter().position(|entry| entry.ended).unwrap_or(0);
            self.forgotten = self.forgotten.max(self.spools.remove(oldest).newest);
        }
    }

    /// The part of a report's answer; the slices come from the shell.
    pub(crate) fn page(&self, report: &Report) -> InventoryPage {
        let told = &report.spool;
        let entry = self.spools.iter().find(|entry| entry.is(told.spool, &report.node_id));
        let last = self.newest_of_others(told.spool);
        InventoryPage {
            // What is not noted any more must keep no spool waiting.
            noted: match self.closed {
                true => told_up_to(told),
                false => entry.map_or(0, |entry| entry.told),
            },
            after: told.learned,
            slices: Vec::new(),
            next: told.learned,
            last,
        }
    }

    /// A node has ended the recording's playlists, with all that it knew.
    pub(crate) fn ended_by(&mut self, report: &Report) {
        if report.spool.learned >= self.newest_of_others(report.spool.spool) {
            self.finished = Some(self.total);
        }
    }

    /// Slices are up that the playlists in the store do not name, or the playlists have no end.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.closed && self.total > 0 && self.finished != Some(self.total)
    }

    /// A spool may have slices to tell.
    pub(crate) fn is_awaited(&self) -> bool {
        self.spools.iter().any(|entry| !entry.ended)
    }

    /// The spools that may have slices to tell: their nodes, and when they last told something new.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = (&str, u64)> {
        let awaited = self.spools.iter().filter(|entry| !entry.ended);
        awaited.map(|entry| (entry.node_id.as_str(), entry.heard_ms))
    }

    pub(crate) fn has_spool_of(&self, node_id: &str) -> bool {
        self.spools.iter().any(|entry| entry.node_id == node_id)
    }

    /// What no spool has told is waited for no longer, and playlists stay as they are.
    pub(crate) fn give_up(&mut self) {
        for entry in &mut self.spools {
            entry.ended = true;
        }
        self.finished = Some(self.total);
    }

    /// Nothing more will be asked of it. True when slices are to be forgotten.
    pub(crate) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true) && self.total > 0
    }

    fn newest_of_others(&self, id: u64) -> u64 {
        let others = self.spools.iter().filter(|entry| entry.id != id);
        others.map(|entry| entry.newest).max().unwrap_or(0).max(self.forgotten)
    }
}

/// For a spool of which nothing is known and nothing has to be.
pub(crate) fn told_up_to(told: &SpoolReport) -> u64 {
    told.from.saturating_add(told.confirmed.len() as u64)
}
