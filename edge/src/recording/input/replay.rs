use crate::recording::contract::{CallId, Effect, Replay, Reply};
use crate::recording::state::State;

/// Puts events that wait no longer into the queue once more.
pub(super) fn replay(state: &mut State, by: CallId, replay: &Replay, now_ms: u64, out: &mut Vec<Effect>) {
    let count = state.with_ledger(&replay.sid, now_ms, |ledger, scribe| {
        let numbers = replay.numbers.iter();
        numbers
            .map(|number| u64::from(ledger.outbox.replay(*number, scribe)))
            .sum()
    });
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Replayed {
            count: count.unwrap_or_default(),
        },
    });
}
