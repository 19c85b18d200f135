use crate::recording::contract::Delivery;
use crate::recording::notice::Scribe;
use crate::recording::state::State;

/// Takes over how a delivery went.
pub(super) fn delivered(state: &mut State, sid: &str, position: u64, result: Delivery, chance: u32, now_ms: u64) {
    let State {
        ledgers, rows, pacing, ..
    } = state;
    let Some(ledger) = ledgers.get_mut(sid) else { return };
    let mut scribe = Scribe {
        sid,
        pacing,
        now_ms,
        rows,
    };
    ledger.delivered(position, result, chance, &mut scribe);
}
