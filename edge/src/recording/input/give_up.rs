use crate::recording::contract::What;
use crate::recording::notice::Scribe;
use crate::recording::state::{State, find_mut};

/// Waits no longer for media that is still on a node: what it takes to upload it is forgotten.
///
/// # Errors
/// Why there is nothing to give up.
pub(super) fn give_up(state: &mut State, sid: &str, now_ms: u64) -> Result<(), String> {
    let State {
        recordings,
        ledgers,
        rows,
        pacing,
        ..
    } = state;
    let recording = find_mut(recordings, sid).ok_or("no such recording, or it has been forgotten")?;
    if !recording.awaits_media() {
        return Err("nothing of this recording is awaited: it runs, or everything is uploaded".to_owned());
    }
    if let Some(lease) = &recording.nodes.lease {
        return Err(format!("node {} is at work on it", lease.node.id));
    }
    let nodes = recording.inventory.awaited().map(|(node, _)| node.to_owned());
    let what = What::MediaGivenUp { nodes: nodes.collect() };
    recording.inventory.give_up();
    recording.nodes.give_up();
    if let Some(ledger) = ledgers.get_mut(sid) {
        let mut scribe = Scribe {
            sid,
            pacing,
            now_ms,
            rows,
        };
        ledger.note(what, &mut scribe);
    }
    Ok(())
}
