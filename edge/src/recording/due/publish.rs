//! Telling others of a recording: its session document is written at each change of its status, and of its files once it
//! is over; its app is told at the same time, and every minute as long as it is not over, so that it keeps its place among
//! the app's recordings, and as long as its events are held up.

use crate::recording::contract::Effect;
use crate::recording::limits::{RETENTION_MS, after};
use crate::recording::notice::Ledger;
use crate::recording::state::{Recording, Shown, State};

/// Asks for the writes that are due.
pub(super) fn publish(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    let policy = state.policy;
    for recording in &mut state.recordings {
        let Some(expires_ms) = recording.expires_ms() else {
            continue;
        };
        let held_up = state.ledgers.get(&recording.sid).map_or(0, Ledger::held_up);
        let (shown, is_over) = (shown(recording), recording.is_over());
        let publication = &mut recording.publication;
        publication.show(shown, is_over, held_up, now_ms);
        if let Some(revision) = publication.begin_write(now_ms) {
            // What was put away does not know its files any more.
            let document = publication.owes_document() && !recording.away;
            let awaited = recording.awaited(policy);
            let kept_ms = awaited.iter().map(|awaited| awaited.until_ms).max();
            out.push(Effect::Publish {
                revision,
                document,
                view: Box::new(recording.view()),
                awaited,
                held_up,
                nonce: recording.ticket.nonce.clone(),
                expires_ms: after(kept_ms.unwrap_or_default().max(expires_ms), RETENTION_MS),
            });
        }
    }
}

fn shown(recording: &Recording) -> Shown {
    let seen = &recording.seen;
    let uploaded = seen
        .files
        .iter()
        // What is known of a whole file once it is complete counts as another slice.
        .map(|file| file.uploaded_slices.saturating_add(file.md5.is_some().into()))
        .fold(0, u64::saturating_add);
    let progress = recording
        .is_over()
        .then_some((seen.files.len() as u64, uploaded, seen.pending_uploads));
    Shown {
        status: recording.status(),
        standing: recording.house.as_ref().map(|_| recording.standing()),
        progress,
        awaited: match recording.awaits_media() {
            true => recording.inventory.awaited().count(),
            false => 0,
        },
    }
}
