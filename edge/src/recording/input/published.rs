use crate::recording::state::State;

/// The session document and the app have been told of a recording, or it failed and is repeated.
pub(super) fn published(state: &mut State, sid: &str, revision: u64, ok: bool, now_ms: u64) {
    if let Some(recording) = state.find_mut(sid) {
        recording.publication.end_write(revision, ok, now_ms);
    }
}
