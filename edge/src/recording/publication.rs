//! Telling others of a recording: its session document is written at each change of its status, and of its files once it
//! is over; its app is told at the same time, and every minute as long as it is not over, so that it keeps its place among
//! the app's recordings, and as long as its events are held up. One write is under way at a time, so that an older one cannot overtake a newer one; one that
//! failed is repeated.

use serde::{Deserialize, Serialize};

use super::state::{Recording, State};
use super::{Effect, Ledger, Status};

/// How long a document can be read after its resource has expired.
pub(super) const RETENTION_MS: u64 = 7 * 24 * 3_600_000;
/// After so long a write whose end was not heard of is repeated.
const WRITE_LIMIT_MS: u64 = 15_000;
/// Pause after the first failure; it doubles with each up to `MAX_PAUSE_MS`.
const PAUSE_MS: u64 = 2_000;
const MAX_PAUSE_MS: u64 = 60_000;
/// How often the app is told of a recording that is not over: a third of the time after which it takes it for gone.
const RENEWAL_MS: u64 = 60_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Publication {
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
struct Shown {
    status: Status,
    /// Of an ended recording: files, slices in the store, uploads to come. A running one's are not worth a write each.
    progress: Option<(u64, u64, u64)>,
}

/// Asks for the writes that are due.
pub(super) fn flush(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    for recording in &mut state.recordings {
        let Some(expires_ms) = recording.expires_ms() else {
            continue;
        };
        let held_up = state.ledgers.get(&recording.sid).map_or(0, Ledger::held_up);
        let (shown, is_over) = (Some(shown(recording)), recording.is_over());
        let publication = &mut recording.publication;
        publication.renewed = !is_over || held_up > 0 || publication.held_up > 0;
        let changed = publication.shown != shown;
        if changed || publication.renewal_ms().is_some_and(|due_ms| now_ms >= due_ms) {
            publication.shown = shown;
            publication.shown_ms = now_ms;
            publication.held_up = held_up;
            publication.revision += 1;
            if changed {
                publication.document = publication.revision;
            }
        }
        if !publication.is_written() && now_ms >= publication.not_before_ms {
            publication.not_before_ms = now_ms.saturating_add(WRITE_LIMIT_MS);
            let (revision, document) = (publication.revision, publication.owes_document());
            out.push(Effect::Publish {
                revision,
                document,
                view: Box::new(recording.view()),
                held_up,
                nonce: recording.ticket.nonce.clone(),
                expires_ms: expires_ms.saturating_add(RETENTION_MS),
            });
        }
    }
}

pub(super) fn published(state: &mut State, sid: &str, revision: u64, ok: bool, now_ms: u64) {
    let Some(recording) = state.find_mut(sid) else { return };
    let publication = &mut recording.publication;
    if ok {
        publication.written = publication.written.max(revision);
        publication.failures = 0;
        publication.not_before_ms = now_ms;
    } else {
        let pause_ms = PAUSE_MS
            .checked_shl(publication.failures)
            .unwrap_or(MAX_PAUSE_MS)
            .min(MAX_PAUSE_MS);
        publication.failures = publication.failures.saturating_add(1).min(16);
        publication.not_before_ms = now_ms.saturating_add(pause_ms);
    }
}

impl Publication {
    /// When something has to be written, for the first time or again.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let unwritten_ms = (!self.is_written()).then_some(self.not_before_ms);
        let renewal_ms = self.renewal_ms().map(|due_ms| due_ms.max(self.not_before_ms));
        unwritten_ms.into_iter().chain(renewal_ms).min()
    }

    /// Whether the session document is older than what it has to show.
    pub(super) fn owes_document(&self) -> bool {
        self.document > self.written
    }

    fn is_written(&self) -> bool {
        self.revision <= self.written
    }

    fn renewal_ms(&self) -> Option<u64> {
        self.renewed.then(|| self.shown_ms.saturating_add(RENEWAL_MS))
    }
}

fn shown(recording: &Recording) -> Shown {
    let seen = &recording.seen;
    let uploaded = seen
        .files
        .iter()
        .map(|file| file.uploaded_slices)
        .fold(0, u64::saturating_add);
    let progress = recording
        .is_over()
        .then_some((seen.files.len() as u64, uploaded, seen.pending_uploads));
    Shown {
        status: recording.status(),
        progress,
    }
}
