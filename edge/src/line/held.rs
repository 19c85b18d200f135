//! Which recordings the node holds, and the recorders among theirs that have to be told of a loss.

use std::collections::{BTreeMap, BTreeSet};

use protocol::RecorderKey;

use super::kept::{Held, Holding, LineNumber, Loss};
use super::limits::{LONGEST_TELL_PAUSE_MS, MAX_HELD, MAX_TELLING, TELL_A_SECOND, TELL_PART, TELL_PAUSE_MS};

/// How long a recording that the node has just been asked to take need not be in a beat, in milliseconds: as long as a node may
/// take to accept it, and its next beat.
const FRESH_MS: u64 = 60_000;

/// Recordings of one node: what it has told of each, and what is not known yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    by_sid: BTreeMap<String, (RecorderKey, Held)>,
    /// When the node was asked to take it, as long as it has told nothing of it.
    fresh: BTreeMap<String, u64>,
    /// Those that the node has not named, and whose recorders have not been asked about that.
    unnamed: BTreeSet<String>,
    /// Recorders that are being told.
    telling: BTreeSet<RecorderKey>,
    /// Those that could not be told: how often in a row, and when they are told again.
    failed: BTreeMap<RecorderKey, (u32, u64)>,
    /// When the present second began, and how many more are told in it.
    second_ms: u64,
    left: usize,
}

impl Holdings {
    pub(super) fn restore(held: impl IntoIterator<Item = (Holding, Held)>) -> Self {
        let by_sid = held
            .into_iter()
            .map(|(holding, held)| (holding.sid, (holding.recorder, held)))
            .collect();
        Self {
            by_sid,
            ..Self::default()
        }
    }

    /// The node has to do with a recording over this line. Returns what has to be kept, if that is news.
    pub(super) fn hold(&mut self, holding: &Holding, line: LineNumber) -> Option<Held> {
        if let Some((_, held)) = self.by_sid.get_mut(&holding.sid) {
            let is_news = held.line < line;
            held.line = held.line.max(line);
            return is_news.then(|| held.clone());
        }
        if self.by_sid.len() >= MAX_HELD {
            return None;
        }
        let held = Held { line, kept_seq: None };
        let known = (holding.recorder.clone(), held.clone());
        self.by_sid.insert(holding.sid.clone(), known);
        Some(held)
    }

    /// The node is asked to take it.
    pub(super) fn offer(&mut self, sid: &str, now_ms: u64) {
        self.fresh.insert(sid.to_owned(), now_ms);
    }

    /// The node has told of it.
    pub(super) fn arrived(&mut self, sid: &str) {
        self.fresh.remove(sid);
    }

    /// Whether the node was asked to take it, and has told nothing of it yet.
    pub(super) fn is_fresh(&self, sid: &str) -> bool {
        self.fresh.contains_key(sid)
    }

    /// A report is kept, or given to its recorder; returns what has to be kept.
    pub(super) fn keep(&mut self, sid: &str, seq: Option<u64>) -> Option<Held> {
        let (_, held) = self.by_sid.get_mut(sid)?;
        held.kept_seq = seq;
        Some(held.clone())
    }

    pub(super) fn get(&self, sid: &str) -> Option<&Held> {
        self.by_sid.get(sid).map(|(_, held)| held)
    }

    pub(super) fn let_go(&mut self, sid: &str) -> bool {
        self.fresh.remove(sid);
        self.unnamed.remove(sid);
        self.by_sid.remove(sid).is_some()
    }

    /// The node says that it holds these, and no others.
    pub(super) fn named(&mut self, sids: &BTreeSet<&str>, now_ms: u64) {
        self.fresh
            .retain(|_, since_ms| now_ms < since_ms.saturating_add(FRESH_MS));
        let known = self.by_sid.keys();
        let unnamed = known.filter(|sid| !sids.contains(sid.as_str()) && !self.fresh.contains_key(*sid));
        self.unnamed = unnamed.cloned().collect();
    }

    /// Those that the node has not named and whose recorders are to be asked now; whether a report of each is kept.
    pub(super) fn due_to_be_asked_about(&mut self, now_ms: u64) -> Vec<(Holding, bool)> {
        if self.unnamed.is_empty() {
            return Vec::new();
        }
        self.begin_second(0, now_ms);
        let mut due = Vec::new();
        while self.left > 0
            && let Some(sid) = self.unnamed.pop_first()
        {
            if let Some((recorder, held)) = self.by_sid.get(&sid) {
                let recorder = recorder.clone();
                due.push((Holding { recorder, sid }, held.kept_seq.is_some()));
                self.left -= 1;
            }
        }
        due
    }

    /// Lets some recorders more be told in each second, at least this part of those that have to be.
    fn begin_second(&mut self, lost: usize, now_ms: u64) {
        if now_ms >= self.second_ms.saturating_add(1_000) {
            self.second_ms = now_ms;
            self.left = TELL_A_SECOND.max(lost / TELL_PART);
        }
    }

    /// The recorders that are to be told now, each with the recordings of which a report is kept.
    pub(super) fn due_to_be_told(&mut self, loss: Loss, now_ms: u64) -> Vec<(RecorderKey, Vec<String>)> {
        let lost = self.lost(loss);
        if lost.is_empty() {
            return Vec::new();
        }
        self.begin_second(lost.len(), now_ms);
        let is_due = |recorder: &RecorderKey| self.failed.get(recorder).is_none_or(|(_, at_ms)| now_ms >= *at_ms);
        let room = MAX_TELLING.saturating_sub(self.telling.len()).min(self.left);
        let told: Vec<_> = lost
            .into_iter()
            .filter(|(recorder, _)| !self.telling.contains(recorder) && is_due(recorder))
            .take(room)
            .collect();
        self.left = self.left.saturating_sub(told.len());
        self.telling.extend(told.iter().map(|(recorder, _)| recorder.clone()));
        told
    }

    /// Recorders that have not noted the loss, each with the recordings of which a report is kept.
    fn lost(&self, loss: Loss) -> BTreeMap<RecorderKey, Vec<String>> {
        let mut lost: BTreeMap<RecorderKey, Vec<String>> = BTreeMap::new();
        for (sid, (recorder, held)) in self.by_sid.iter().filter(|(_, (_, held))| held.line <= loss.line) {
            let kept = lost.entry(recorder.clone()).or_default();
            kept.extend(held.kept_seq.map(|_| sid.clone()));
        }
        lost
    }

    /// A recorder has noted a loss, or could not be told. Returns the recordings that are let go.
    pub(super) fn told(&mut self, recorder: &RecorderKey, loss: Loss, ok: bool, now_ms: u64) -> Vec<String> {
        self.telling.remove(recorder);
        if !ok {
            let (failures, at_ms) = self.failed.entry(recorder.clone()).or_default();
            let pause_ms = TELL_PAUSE_MS.checked_shl(*failures).unwrap_or(LONGEST_TELL_PAUSE_MS);
            *at_ms = now_ms.saturating_add(pause_ms.min(LONGEST_TELL_PAUSE_MS));
            *failures = failures.saturating_add(1).min(16);
            return Vec::new();
        }
        self.failed.remove(recorder);
        let of_loss = |(_, (of, held)): &(&String, &(RecorderKey, Held))| of == recorder && held.line <= loss.line;
        let sids: Vec<_> = self.by_sid.iter().filter(of_loss).map(|(sid, _)| sid.clone()).collect();
        for sid in &sids {
            self.let_go(sid);
        }
        sids
    }

    /// When a recorder is to be told, or asked about what the node has not named.
    pub(super) fn tell_ms(&self, loss: Option<Loss>) -> Option<u64> {
        let lost = loss.map(|loss| self.lost(loss)).unwrap_or_default();
        let waiting = lost.keys().filter(|recorder| !self.telling.contains(*recorder));
        let next_second_ms = self.second_ms.saturating_add(1_000);
        let again_ms = waiting.map(|recorder| self.failed.get(recorder).map_or(0, |(_, at_ms)| *at_ms));
        let unnamed = self.unnamed.first().map(|_| 0);
        again_ms.chain(unnamed).min().map(|at_ms| at_ms.max(next_second_ms))
    }
}
