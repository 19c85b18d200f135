//! Telling what is news of each recording, delivering what waits, and forgetting what has been told of recordings that are
//! gone.

use crate::recording::contract::{Effect, Event, Outcome, Reply, Row, Subject};
use crate::recording::limits::{MISFIT_EVERY_MS, RETENTION_MS, after};
use crate::recording::notice::{Ledger, Scribe};
use crate::recording::state::{Recording, State};

/// Ledgers of one recorder; the oldest make room. More recordings than this start within the days that ledgers are kept
/// only where each lasts for minutes.
const MAX_LEDGERS: usize = 1_000;

/// Tells what is news. `effects`: of the same step, for the calls that did not fit.
pub(super) fn announce(state: &mut State, effects: &[Effect], now_ms: u64) {
    let State {
        recordings,
        ledgers,
        rows,
        pacing,
        ..
    } = state;
    for recording in recordings {
        let ledger = ledgers
            .entry(recording.sid.clone())
            .or_insert_with(|| Ledger::new(subject(recording)));
        if let Some(expires_ms) = recording.expires_ms() {
            ledger.kept_until_ms = after(expires_ms, RETENTION_MS);
        }
        if let Some(lease) = recording.lease() {
            ledger.admit_node(&lease.node.id);
        }
        let mut scribe = Scribe {
            sid: &recording.sid,
            pacing,
            now_ms,
            rows,
        };
        let heard = std::mem::take(&mut ledger.heard);
        let news = ledger.announced.news(recording, heard, now_ms);
        for what in news.incidents {
            ledger.note(what, &mut scribe);
        }
        for event in news.events {
            ledger.tell(event, &mut scribe);
        }
        if !ledger.announced.is_exited()
            && now_ms >= after(ledger.misfit_ms, MISFIT_EVERY_MS)
            && effects.iter().any(|effect| is_misfit(effect, &recording.sid))
        {
            ledger.misfit_ms = now_ms;
            ledger.tell(misfit(recording), &mut scribe);
        }
    }
}

fn subject(recording: &Recording) -> Subject {
    Subject {
        key: recording.key.clone(),
        sid: recording.sid.clone(),
        mode: recording.mode,
        pictures_only: recording.snapshots.is_some_and(|snapshots| snapshots.alone),
    }
}

/// A call that a recording's state did not allow.
fn is_misfit(effect: &Effect, sid: &str) -> bool {
    match effect {
        Effect::Reply {
            reply: Reply::Outcome(outcome),
            ..
        } => match &**outcome {
            Outcome::AlreadyStarted { sid: started } => started == sid,
            Outcome::AlreadyEnded(view) => view.sid == sid,
            _ => false,
        },
        _ => false,
    }
}

fn misfit(recording: &Recording) -> Event {
    Event::Misfit {
        view: Box::new(recording.short_view()),
    }
}

/// Asks for the deliveries that are due.
pub(super) fn deliver(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
    for ledger in state.ledgers.values_mut() {
        if let Some(position) = ledger.outbox.next(&state.pacing, now_ms) {
            out.push(Effect::Deliver {
                subject: Box::new(ledger.subject.clone()),
                position,
            });
        }
    }
}

/// Lets go of the ledgers whose recordings are gone and that have served their time, or have to make room.
pub(super) fn forget_ledgers(state: &mut State, now_ms: u64) {
    let State {
        recordings,
        ledgers,
        rows,
        ..
    } = state;
    let exists = |sid: &str| recordings.iter().any(|recording| recording.sid == sid);
    let surplus = ledgers.len().saturating_sub(MAX_LEDGERS);
    let mut gone: Vec<_> = ledgers
        .iter()
        .filter(|(sid, _)| !exists(sid))
        .map(|(sid, ledger)| (ledger.outbox.waiting() > 0, ledger.kept_until_ms, sid.clone()))
        .collect();
    // Those in whose outbox nothing waits go first, the oldest first.
    gone.sort();
    for (place, (waiting, kept_until_ms, sid)) in gone.into_iter().enumerate() {
        let never_started = kept_until_ms == 0;
        let served = !waiting && now_ms >= kept_until_ms;
        if never_started || served || place < surplus {
            ledgers.remove(&sid);
            rows.push(Row::Forgotten { sid });
        }
    }
}

/// When something is due that is not of a recording's own deadlines.
pub(super) fn next_notice_ms(state: &State) -> Option<u64> {
    let due = state.ledgers.iter().flat_map(|(sid, ledger)| {
        let delivery = ledger.outbox.due_ms(&state.pacing);
        let (token, end) = match state.find(sid) {
            Some(recording) if recording.started_ms().is_some() && ledger.announced.token_is_news() => {
                (recording.token_expires_ms, None)
            }
            Some(_) => (None, None),
            None if delivery.is_some() => (None, None),
            None => (None, Some(ledger.kept_until_ms)),
        };
        [delivery, token, end].into_iter().flatten()
    });
    due.min()
}
