//! Everything that happens because time passes or because something has changed, after each input. The deadlines follow from
//! the state alone, so that one alarm, set to [`next_alarm`], serves them all and a crash loses none. May not know which
//! input it follows.

mod announce;
mod end;
mod forget;
mod handover;
mod news;
mod publish;

use super::contract::Effect;
use super::state::{Search, State};

/// When [`step`](super::step) has to be called with [`Input::Alarm`](super::Input::Alarm), by Unix time in milliseconds;
/// `None` when nothing is due ever.
pub fn next_alarm(state: &State) -> Option<u64> {
    let recordings = state.recordings.iter().flat_map(|recording| {
        let dues = [
            recording.nodes.search.as_ref().map(Search::due_ms),
            recording.lease_due_ms(state.policy),
            end::idle_ms(recording),
            end::unopened_ms(recording),
            end::give_up_ms(recording, state.policy),
            recording.ending_due_ms(),
            recording.stopper.as_ref().map(|stopper| stopper.until_ms),
            forget::forget_ms(recording, state.policy),
            recording.publication.due_ms(),
        ];
        dues.into_iter().flatten()
    });
    let spent = state.spent.iter().map(|spent| spent.forget_ms);
    recordings.chain(spent).chain(announce::next_notice_ms(state)).min()
}

/// Brings about what is due. `out` has what the input has brought about.
pub(super) fn settle(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    settle_recordings(state, now_ms, out);
    forget::give_up(state, now_ms);
    announce::announce(state, out, now_ms);
    publish::publish(state, now_ms, out);
    forget::forget(state, now_ms, out);
    announce::forget_ledgers(state, now_ms);
    announce::deliver(state, now_ms, out);
}

fn settle_recordings(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    state.spent.retain(|spent| spent.forget_ms > now_ms);
    end::give_up_starts(state, now_ms, out);
    let (epoch, policy) = (&mut state.epoch, state.policy);
    for recording in &mut state.recordings {
        recording.settle_lease(epoch, policy, now_ms, out);
        end::settle_end(recording, policy, now_ms, out);
        recording.settle_ending(epoch, now_ms, out);
        recording.settle_search(epoch, now_ms, out);
        recording.inform(now_ms, out);
        recording.let_go(out);
    }
}
