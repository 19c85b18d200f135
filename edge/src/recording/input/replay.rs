use crate::recording::contract::{CallId, Effect, Replay, Reply};
use crate::recording::notice::Scribe;
use crate::recording::state::State;

/// Puts events that wait no longer into the queue once more.
pub(super) fn replay(state: &mut State, by: CallId, replay: &Replay, now_ms: u64, out: &mut Vec<Effect>) {
    let State {
        ledgers, rows, pacing, ..
    } = state;
    let mut count = 0;
    if let Some(ledger) = ledgers.get_mut(&replay.sid) {
        let mut scribe = Scribe {
            sid: &replay.sid,
            pacing,
            now_ms,
            rows,
        };
        for number in &replay.numbers {
            count += u64::from(ledger.outbox.replay(*number, &mut scribe));
        }
    }
    out.push(Effect::Reply {
        to: by,
        reply: Reply::Replayed { count },
    });
}
