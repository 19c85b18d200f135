use crate::recording::contract::Delivery;
use crate::recording::state::State;

/// Takes over how a delivery went.
pub(super) fn delivered(state: &mut State, sid: &str, position: u64, result: Delivery, chance: u32, now_ms: u64) {
    state.with_ledger(sid, now_ms, |ledger, scribe| {
        ledger.delivered(position, result, chance, scribe);
    });
}
