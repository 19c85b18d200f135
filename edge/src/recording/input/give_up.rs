use crate::recording::state::State;

/// Waits no longer for media that is still on a node: what it takes to upload it is forgotten.
///
/// # Errors
/// Why there is nothing to give up.
pub(super) fn give_up(state: &mut State, sid: &str, now_ms: u64) -> Result<(), String> {
    let recording = state
        .find_mut(sid)
        .ok_or("no such recording, or it has been forgotten")?;
    if !recording.awaits_media() {
        return Err("nothing of this recording is awaited: it runs, or everything is uploaded".to_owned());
    }
    if let Some(lease) = &recording.nodes.lease {
        return Err(format!("node {} is at work on it", lease.node.id));
    }
    let what = recording.give_up_media();
    state.with_ledger(sid, now_ms, |ledger, scribe| ledger.note(what, scribe));
    Ok(())
}
