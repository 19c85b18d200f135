use serde::{Deserialize, Serialize};

use crate::recording::contract::{Standing, Status};
use crate::recording::limits::{
    LATEST_RENEWAL_MS, LONGEST_WRITE_PAUSE_MS, RENEWAL_MS, WRITE_LIMIT_MS, WRITE_PAUSE_MS, after,
};

/// What others have been told of a recording: its session document and its app. One write is under way at a time, so that
/// an older one cannot overtake a newer one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Publication {
    /// What the newest revision shows.
    shown: Option<Shown>,
    revision: u64,
    /// The newest revision that the session document has to show.
    document: u64,
    written: u64,
    failures: u32,
    /// When the newest revision was made.
    shown_ms: u64,
    /// Events that were held up when it was made.
    held_up: u64,
    /// Whether another revision is due when that one is older than `RENEWAL_MS`.
    renewed: bool,
    /// No write before this time: one is under way, or the last one failed.
    not_before_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) status: Status,
    /// Of a recording that is listed with it.
    #[serde(default)]
    pub(crate) standing: Option<Standing>,
    /// The files, slices in the store and uploads to come of an ended recording. A running one's are not worth a write each.
    pub(crate) progress: Option<(u64, u64, u64)>,
    /// Spools of an ended recording that have not brought everything to the store.
    #[serde(default)]
    pub(crate) awaited: usize,
}

impl Publication {
    /// When something has to be written, for the first time or again.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let unwritten_ms = (!self.is_written()).then_some(self.not_before_ms);
        // How many events are held up is a figure that others look at.
        let pause_ms = match self.held_up {
            0 => LATEST_RENEWAL_MS,
            _ => RENEWAL_MS,
        };
        let latest_ms = self.shown_ms.saturating_add(pause_ms);
        let renewal_ms = self.renewed.then(|| latest_ms.max(self.not_before_ms));
        unwritten_ms.into_iter().chain(renewal_ms).min()
    }

    /// Whether the session document is older than what it has to show.
    pub(crate) fn owes_document(&self) -> bool {
        self.document > self.written
    }

    /// Whether everything has been told.
    pub(crate) fn is_written(&self) -> bool {
        self.revision <= self.written
    }

    fn renewal_ms(&self) -> Option<u64> {
        self.renewed.then(|| self.shown_ms.saturating_add(RENEWAL_MS))
    }

    /// Makes another revision if something changed, or if the app has to be told again.
    pub(crate) fn show(&mut self, shown: Shown, is_over: bool, held_up: u64, now_ms: u64) {
        self.renewed = !is_over || held_up > 0 || self.held_up > 0;
        let changed = self.shown != Some(shown);
        if changed || self.renewal_ms().is_some_and(|due_ms| now_ms >= due_ms) {
            self.shown = Some(shown);
            self.shown_ms = now_ms;
            self.held_up = held_up;
            self.revision += 1;
            if changed {
                self.document = self.revision;
            }
        }
    }

    /// The revision that is to be written now; from here on its write is under way.
    pub(crate) fn begin_write(&mut self, now_ms: u64) -> Option<u64> {
        if self.is_written() || now_ms < self.not_before_ms {
            return None;
        }
        self.not_before_ms = after(now_ms, WRITE_LIMIT_MS);
        Some(self.revision)
    }

    /// How a write went.
    pub(crate) fn end_write(&mut self, revision: u64, ok: bool, now_ms: u64) {
        if ok {
            self.written = self.written.max(revision);
            self.failures = 0;
            self.not_before_ms = now_ms;
        } else {
            let pause_ms = WRITE_PAUSE_MS
                .checked_shl(self.failures)
                .unwrap_or(LONGEST_WRITE_PAUSE_MS)
                .min(LONGEST_WRITE_PAUSE_MS);
            self.failures = self.failures.saturating_add(1).min(16);
            self.not_before_ms = after(now_ms, pause_ms);
        }
    }
}
