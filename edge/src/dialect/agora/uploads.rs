//! How far a recording's uploads have come.

use protocol::Phase;

use crate::recording::RecordingView;

/// Whether everything that was captured is in the store.
pub(super) fn is_uploaded(snapshot: &RecordingView) -> bool {
    let pictures = snapshot.pictures.as_ref();
    snapshot.pending_uploads == 0
        && snapshot.files.iter().all(|file| file.uploaded_slices >= file.slices)
        && pictures.is_none_or(|pictures| pictures.uploaded >= pictures.taken)
}

/// Whether everything that was captured is in a store, some of it in the backup store.
pub(super) fn is_backed_up(snapshot: &RecordingView) -> bool {
    snapshot.phase >= Some(Phase::Draining) && snapshot.backed_up.is_some_and(|backed_up| backed_up.complete)
}
