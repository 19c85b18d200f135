use std::collections::BTreeMap;

use protocol::EndCause;
use serde::{Deserialize, Serialize};

use super::{Counts, Tally};

const MAX_APPS: usize = 10_000;

/// What has come together since the object began to count. As text it has all but the tallies, which are kept each by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totals {
    pub(super) since_ms: u64,
    pub(super) counts: Counts,
    pub(super) ended: BTreeMap<EndCause, u64>,
    /// The newest tally of each app, without what has ended, and when it came.
    #[serde(skip)]
    apps: BTreeMap<String, (Tally, u64)>,
}

impl Totals {
    /// An app that has not been heard of for so long has nothing that runs, in milliseconds: those that have tell of it every
    /// minute.
    pub const TALLY_MS: u64 = 180_000;

    pub fn new(now_ms: u64) -> Self {
        Self {
            since_ms: now_ms,
            counts: Counts::default(),
            ended: BTreeMap::new(),
            apps: BTreeMap::new(),
        }
    }

    pub fn counted(&mut self, counts: Counts) {
        self.counts.add(counts);
    }

    /// `app`: whatever name the app's tallies always come under.
    pub fn tallied(&mut self, app: String, mut tally: Tally, now_ms: u64) {
        for (cause, count) in std::mem::take(&mut tally.ended) {
            let sum = self.ended.entry(cause).or_default();
            *sum = sum.saturating_add(count);
        }
        self.apps
            .retain(|_, (_, told_ms)| now_ms.saturating_sub(*told_ms) < Self::TALLY_MS);
        if tally == Tally::default() {
            self.apps.remove(&app);
        } else if self.apps.len() < MAX_APPS || self.apps.contains_key(&app) {
            self.apps.insert(app, (tally, now_ms));
        }
    }

    /// Recordings that are not over, by status.
    pub(super) fn recordings(&self, now_ms: u64) -> BTreeMap<&'static str, u64> {
        let mut sums: BTreeMap<_, _> = Tally::default().by_status().into();
        for (status, count) in self.present(now_ms).flat_map(Tally::by_status) {
            *sums.entry(status).or_default() += count;
        }
        sums
    }

    /// Events that wait because one before them could not be delivered.
    pub(super) fn held_up(&self, now_ms: u64) -> u64 {
        let counts = self.present(now_ms).map(|tally| tally.held_up);
        counts.fold(0, u64::saturating_add)
    }

    fn present(&self, now_ms: u64) -> impl Iterator<Item = &Tally> {
        let tallies = self.apps.values();
        let heard = tallies.filter(move |(_, told_ms)| now_ms.saturating_sub(*told_ms) < Self::TALLY_MS);
        heard.map(|(tally, _)| tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn tally(recording: u64, ended: &[EndCause]) -> Tally {
        Tally {
            recording,
            ended: ended.iter().map(|cause| (*cause, 1)).collect(),
            ..Tally::default()
        }
    }

    #[test]
    fn the_newest_tally_of_each_app_counts_for_a_while() {
        let mut totals = Totals::new(NOW);
        totals.tallied("a".into(), tally(3, &[]), NOW);
        totals.tallied("b".into(), tally(4, &[EndCause::Idle]), NOW + 1);
        totals.tallied("a".into(), tally(1, &[EndCause::Idle, EndCause::Failed]), NOW + 2);
        assert_eq!(totals.recordings(NOW + 2)["recording"], 5);
        assert_eq!(
            totals.ended,
            BTreeMap::from([(EndCause::Idle, 2), (EndCause::Failed, 1)])
        );
        assert_eq!(
            totals.recordings(NOW + Totals::TALLY_MS + 1)["recording"],
            1,
            "b is silent"
        );
        totals.tallied("a".into(), tally(0, &[]), NOW + Totals::TALLY_MS + 1);
        assert_eq!(totals.recordings(NOW + Totals::TALLY_MS + 1)["recording"], 0);
        assert!(totals.apps.is_empty());
    }

    #[test]
    fn what_was_added_up_outlasts_the_object_as_text() {
        let mut totals = Totals::new(NOW);
        let mut counts = Counts::of_new_instance();
        counts.answered(crate::metrics::Route::Admin, 200);
        totals.counted(counts);
        totals.tallied("a".into(), tally(3, &[EndCause::Idle]), NOW);
        let text = serde_json::to_string(&totals).unwrap();
        let kept: Totals = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (kept.since_ms, &kept.counts, &kept.ended),
            (NOW, &totals.counts, &totals.ended)
        );
        assert_eq!(kept.recordings(NOW)["recording"], 0, "tallies are kept apart");
    }

    #[test]
    fn the_table_of_apps_is_bounded() {
        let mut totals = Totals::new(NOW);
        for app in 0..=MAX_APPS {
            totals.tallied(app.to_string(), tally(1, &[]), NOW);
        }
        assert_eq!(totals.recordings(NOW)["recording"], MAX_APPS as u64);
        totals.tallied("7".into(), tally(5, &[]), NOW);
        assert_eq!(totals.recordings(NOW)["recording"], MAX_APPS as u64 + 4);
    }
}
