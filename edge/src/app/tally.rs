use std::collections::BTreeMap;

use protocol::EndCause;

/// The wait for more to change, so that a burst of starts is one message.
const PAUSE_MS: u64 = 5_000;
/// How often the tally is repeated while something runs.
const REPEAT_MS: u64 = 60_000;

/// The tally that the app owes: when it has to be told, and what has ended since the last one.
#[derive(Clone, Debug, Default)]
pub(super) struct OwedTally {
    changed_ms: Option<u64>,
    told_ms: Option<u64>,
    ended: BTreeMap<EndCause, u64>,
}

impl OwedTally {
    pub(super) fn changed(&mut self, now_ms: u64) {
        self.changed_ms.get_or_insert(now_ms);
    }

    pub(super) fn ended(&mut self, cause: EndCause, count: u64) {
        let sum = self.ended.entry(cause).or_default();
        *sum = sum.saturating_add(count);
    }

    /// What is told now; `runs`: whether it has to be repeated.
    pub(super) fn tell(&mut self, runs: bool, now_ms: u64) -> BTreeMap<EndCause, u64> {
        self.changed_ms = None;
        self.told_ms = runs.then_some(now_ms);
        std::mem::take(&mut self.ended)
    }

    pub(super) fn due_ms(&self) -> Option<u64> {
        let changed = self.changed_ms.map(|at_ms| at_ms.saturating_add(PAUSE_MS));
        let repeated = self.told_ms.map(|at_ms| at_ms.saturating_add(REPEAT_MS));
        changed.into_iter().chain(repeated).min()
    }
}
