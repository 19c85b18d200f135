use std::collections::BTreeMap;

use protocol::{Confirmed, Happening, Report};
use serde::{Deserialize, Serialize};

use super::outbox::{Outbox, Room, Scribe, Settled, Weight};
use super::told::Told;
use super::{Delivery, Event, Incident, Row, Subject, What};
use crate::recording::publication::RETENTION_MS;
use crate::recording::state::{Recording, State};
use crate::recording::{CallId, Effect, Outcome, Replay, Reply};

/// Ledgers of one recorder; the oldest make room. More recordings than this start within the days that ledgers are kept
/// only where each lasts for minutes.
const MAX_LEDGERS: usize = 1_000;
/// Lines of a recording's history: the first ones and the newest ones are kept.
const FIRST_INCIDENTS: u64 = 50;
const NEWEST_INCIDENTS: u64 = 450;
/// Nodes that one recording hears of, and their logs.
const MAX_NODES: usize = 64;
/// Between two events about calls that did not fit.
const MISFIT_EVERY_MS: u64 = 10_000;
const MAX_MISFIT_FILES: usize = 32;

/// What has been told of one recording, and what waits to be. Outlives the recording: its log is kept as long as its
/// session document, and longer where events still wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    subject: Subject,
    told: Told,
    outbox: Outbox,
    /// The number of the next line of the history.
    incidents: u64,
    /// That have, or had, the recording.
    nodes: Vec<String>,
    /// How far their logs have been taken over.
    logs: Vec<Log>,
    misfit_ms: u64,
    /// The place of the newest event about progress.
    progress: Option<u64>,
    /// 0 until the recording has started.
    kept_until_ms: u64,
    /// What nodes have told since the last settling.
    #[serde(skip)]
    heard: Vec<Happening>,
}

/// By sid.
pub type Ledgers = BTreeMap<String, Ledger>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Log {
    node: String,
    log: u64,
    through: u64,
}

impl Ledger {
    fn new(recording: &Recording) -> Self {
        Self {
            subject: Subject {
                key: recording.key.clone(),
                sid: recording.sid.clone(),
                mode: recording.mode,
                pictures_only: recording.snapshots.is_some_and(|snapshots| snapshots.alone),
            },
            told: Told::default(),
            outbox: Outbox::default(),
            incidents: 0,
            nodes: Vec::new(),
            logs: Vec::new(),
            misfit_ms: 0,
            progress: None,
            kept_until_ms: 0,
            heard: Vec::new(),
        }
    }

    /// Events that wait because the oldest of them could not be delivered.
    pub(in crate::recording) fn held_up(&self) -> u64 {
        self.outbox.held_up()
    }

    fn tell(&mut self, event: Event, scribe: &mut Scribe<'_>) {
        let weight = match &event {
            Event::Happened(_) | Event::Progress { .. } | Event::Misfit { .. } | Event::Problem(_) => Weight::Droppable,
            _ => Weight::Needed,
        };
        if matches!(event, Event::Progress { .. }) {
            // One that has not been delivered is outdated by now, but two are no better.
            if self.progress.is_some_and(|position| self.outbox.waits(position)) {
                return;
            }
            self.progress = Some(self.outbox.end());
        }
        match self.outbox.push(event, weight, scribe) {
            Room::Taken | Room::Dropped => {}
            Room::FirstDropped => self.note(What::NoticesDropped, scribe),
            Room::TakenAgain { dropped } => self.note(What::NoticesResumed { count: dropped }, scribe),
        }
    }

    fn note(&mut self, what: What, scribe: &mut Scribe<'_>) {
        let (number, sid) = (self.incidents, scribe.sid.to_owned());
        self.incidents += 1;
        let at_ms = scribe.now_ms;
        scribe.rows.push(Row::Incident {
            sid: sid.clone(),
            number,
            incident: Incident { at_ms, what },
        });
        if number >= FIRST_INCIDENTS + NEWEST_INCIDENTS {
            let below = self.incidents - NEWEST_INCIDENTS;
            scribe.rows.push(Row::IncidentsPruned {
                sid,
                from: FIRST_INCIDENTS,
                below,
            });
        }
    }

    fn hear(&mut self, report: &Report) {
        let told = &report.occurrences;
        let Some(newest) = told.list.iter().map(|occurrence| occurrence.number).max() else {
            return;
        };
        let is_this = |log: &&mut Log| log.node == report.node_id && log.log == told.log;
        let through = match self.logs.iter_mut().find(is_this) {
            Some(log) => {
                let through = log.through;
                log.through = through.max(newest);
                through
            }
            None => {
                if self.logs.len() >= MAX_NODES {
                    self.logs.remove(0);
                }
                self.logs.push(Log {
                    node: report.node_id.clone(),
                    log: told.log,
                    through: newest,
                });
                0
            }
        };
        let news = told.list.iter().filter(|occurrence| occurrence.number > through);
        self.heard.extend(news.map(|occurrence| occurrence.what.clone()));
    }
}

/// Takes over what a report tells of the recording's course, if it comes from a node that has, or had, the recording.
pub(in crate::recording) fn hear(state: &mut State, report: &Report) {
    if let Some(ledger) = state.ledgers.get_mut(&report.sid)
        && ledger.nodes.contains(&report.node_id)
    {
        ledger.hear(report);
    }
}

/// How far the log of a report has been taken over.
pub(in crate::recording) fn confirmed(state: &State, report: &Report) -> Option<Confirmed> {
    let logs = &state.ledgers.get(&report.sid)?.logs;
    let log = logs
        .iter()
        .find(|log| log.node == report.node_id && log.log == report.occurrences.log)?;
    Some(Confirmed {
        log: log.log,
        through: log.through,
    })
}

/// Tells what is news. `effects`: of the same step, for the calls that did not fit.
pub(in crate::recording) fn settle(state: &mut State, effects: &[Effect], now_ms: u64) {
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
            .or_insert_with(|| Ledger::new(recording));
        if let Some(expires_ms) = recording.expires_ms() {
            ledger.kept_until_ms = expires_ms.saturating_add(RETENTION_MS);
        }
        if let Some(lease) = recording.lease()
            && !ledger.nodes.contains(&lease.node.id)
        {
            if ledger.nodes.len() >= MAX_NODES {
                ledger.nodes.remove(0);
            }
            ledger.nodes.push(lease.node.id.clone());
        }
        let mut scribe = Scribe {
            sid: &recording.sid,
            pacing,
            now_ms,
            rows,
        };
        let heard = std::mem::take(&mut ledger.heard);
        let news = ledger.told.news(recording, heard, now_ms);
        for what in news.incidents {
            ledger.note(what, &mut scribe);
        }
        for event in news.events {
            ledger.tell(event, &mut scribe);
        }
        if !ledger.told.is_exited()
            && now_ms >= ledger.misfit_ms.saturating_add(MISFIT_EVERY_MS)
            && effects.iter().any(|effect| is_misfit(effect, &recording.sid))
        {
            ledger.misfit_ms = now_ms;
            ledger.tell(misfit(recording), &mut scribe);
        }
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
    let mut view = recording.view();
    view.files.truncate(MAX_MISFIT_FILES);
    Event::Misfit { view: Box::new(view) }
}

/// Takes over how a delivery went.
pub(in crate::recording) fn delivered(
    state: &mut State,
    sid: &str,
    position: u64,
    result: Delivery,
    chance: u32,
    now_ms: u64,
) {
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
    match ledger.outbox.delivered(position, result, chance, &mut scribe) {
        Settled::Nothing => {}
        Settled::GivenUp { count } => ledger.note(What::NoticesGivenUp { count }, &mut scribe),
    }
}

/// Puts events that wait no longer into the queue once more.
pub(in crate::recording) fn replay(state: &mut State, by: CallId, replay: &Replay, now_ms: u64, out: &mut Vec<Effect>) {
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

/// Asks for the deliveries that are due.
pub(in crate::recording) fn flush(state: &mut State, now_ms: u64, out: &mut Vec<Effect>) {
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
pub(in crate::recording) fn forget(state: &mut State, now_ms: u64) {
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
pub(in crate::recording) fn next_due(state: &State) -> Option<u64> {
    let due = state.ledgers.iter().flat_map(|(sid, ledger)| {
        let delivery = ledger.outbox.due_ms(&state.pacing);
        let (token, end) = match state.find(sid) {
            Some(recording) if recording.started_ms().is_some() && ledger.told.token_is_news() => {
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
