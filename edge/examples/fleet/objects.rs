//! The objects: the edge's cores with what their shells write. Each counts what it does as the platform bills it.

use std::collections::{BTreeMap, BTreeSet};

use tapedeck_edge::app::{self, Usage};
use tapedeck_edge::line::{self, Line};
use tapedeck_edge::object::{Alarm, CallId, Order};
use tapedeck_edge::recording::{self, Effect, Input, Policy, Row, State, Written, next_alarm};

use crate::bill::Sum;

/// What an object takes to handle what comes in, without what it waits for, in milliseconds: a guess, above what is seen in
/// workerd.
const HANDLING_MS: u64 = 5;
/// An object that has been idle for so long is put to sleep; when it wakes up it reads its state.
const SLEEP_MS: u64 = 10_000;

/// What is the same in all of them.
pub(crate) struct Host {
    alarm: Alarm,
    /// When the platform rings.
    pub(crate) rings_ms: Option<u64>,
    active_until_ms: u64,
    newest_call: CallId,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            alarm: Alarm::default(),
            rings_ms: None,
            active_until_ms: 0,
            newest_call: 0,
        }
    }

    pub(crate) fn new_call(&mut self) -> CallId {
        self.newest_call += 1;
        self.newest_call
    }

    /// It has been active since then, at least as long as the handling takes. True if it had been asleep.
    pub(crate) fn active(&mut self, since_ms: u64, until_ms: u64, sum: &mut Sum) -> bool {
        let was_asleep = since_ms >= self.active_until_ms + SLEEP_MS;
        let until_ms = until_ms.max(since_ms + HANDLING_MS);
        sum.active_ms += until_ms.saturating_sub(since_ms.max(self.active_until_ms)) as f64;
        self.active_until_ms = self.active_until_ms.max(until_ms);
        was_asleep
    }

    /// The alarm rings, unless another time has been set since.
    pub(crate) fn rings(&mut self, at_ms: u64, sum: &mut Sum) -> bool {
        if self.rings_ms != Some(at_ms) {
            return false;
        }
        self.rings_ms = None;
        sum.alarms += 1.0;
        self.alarm.rang(at_ms);
        self.order(at_ms, sum);
        true
    }

    /// Sets the alarm where that has changed. Returns the new time.
    pub(crate) fn want(&mut self, wanted_ms: Option<u64>, now_ms: u64, rang: bool, sum: &mut Sum) -> Option<u64> {
        self.alarm.want(wanted_ms);
        if rang {
            self.alarm.handled();
        }
        self.order(now_ms, sum);
        self.rings_ms
    }

    fn order(&mut self, now_ms: u64, sum: &mut Sum) {
        match self.alarm.order(now_ms) {
            Some(Order::Set { at_ms }) => {
                sum.rows_written += 1.0;
                self.rings_ms = Some(at_ms.max(now_ms));
            }
            Some(Order::Delete) => self.rings_ms = None,
            None => {}
        }
    }
}

/// The rows that an object reads when it wakes up and looks which tables there are, as counted in workerd.
const ROWS_WOKEN: f64 = 30.0;

pub(crate) struct Recorder {
    pub(crate) host: Host,
    state: State,
    written: Written,
}

impl Recorder {
    pub(crate) fn new(now_ms: u64) -> Self {
        let mut state = State::default();
        state.wake(Policy::default(), now_ms);
        Self {
            host: Host::new(),
            state,
            written: Written::default(),
        }
    }

    /// Applies an input and persists what it has changed. Returns the effects that are left, and when the alarm has to ring.
    pub(crate) fn apply(&mut self, input: Input, now_ms: u64, sum: &mut Sum) -> (Vec<Effect>, Option<u64>) {
        if self.host.active(now_ms, now_ms, sum) {
            sum.rows_read += ROWS_WOKEN;
        }
        let effects = recording::step(&mut self.state, input, now_ms);
        let changes = self.written.changes(&mut self.state).expect("JSON");
        sum.rows_written +=
            f64::from(u8::from(changes.state.is_some())) + f64::from(u8::from(changes.secrets.is_some()));
        // A text as primary key is an index of its own.
        sum.rows_written += 2.0 * changes.ledgers.len() as f64;
        changes.rows.iter().for_each(|row| count_row(row, sum));
        self.written.keep(changes);
        let (kept, left) = effects
            .into_iter()
            .partition::<Vec<_>, _>(|effect| matches!(effect, Effect::Note { .. } | Effect::Forget { .. }));
        sum.rows_written += 2.0 * kept.len() as f64;
        (left, next_alarm(&self.state))
    }
}

/// Rows with those of indexes.
fn count_row(row: &Row, sum: &mut Sum) {
    let written = match row {
        Row::Notice { .. } => 3.0,
        Row::Again { .. } | Row::Incident { .. } => 2.0,
        Row::Attempted { .. } | Row::GivenUp { .. } | Row::Unwanted { .. } => 1.0,
        Row::Pruned { .. } | Row::IncidentsPruned { .. } | Row::Forgotten { .. } => 3.0,
    };
    sum.rows_written += written;
    if !matches!(row, Row::Notice { .. } | Row::Incident { .. }) {
        sum.rows_read += 1.0;
    }
}

pub(crate) struct LineObject {
    pub(crate) host: Host,
    line: Line,
    /// The recordings of which something is kept.
    held: BTreeSet<String>,
}

impl LineObject {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            host: Host::new(),
            line: Line::restore(line::Kept::default(), Policy::default().lease_ms, now_ms),
            held: BTreeSet::new(),
        }
    }

    pub(crate) fn apply(
        &mut self,
        input: line::Input,
        pinged_ms: u64,
        now_ms: u64,
        sum: &mut Sum,
    ) -> Vec<line::Output> {
        if self.host.active(now_ms, now_ms, sum) {
            sum.rows_read += 2.0 + self.held.len() as f64;
        }
        let mut outputs = line::step(&mut self.line, input, &|_| Some(pinged_ms), now_ms);
        outputs.retain(|output| {
            let line::Output::Effect(effect) = output else {
                return true;
            };
            match effect {
                line::Effect::Write(_) => sum.rows_written += 1.0,
                line::Effect::Hold { holding, .. } => {
                    // The index of a new row, too.
                    let is_new = self.held.insert(holding.sid.clone());
                    sum.rows_written += 1.0 + f64::from(u8::from(is_new));
                }
                line::Effect::LetGo { sid } => {
                    self.held.remove(sid);
                    sum.rows_written += 1.0;
                }
                line::Effect::Attach { .. } => {}
                _ => return true,
            }
            false
        });
        outputs
    }

    pub(crate) fn next_alarm(&self) -> Option<u64> {
        self.line.next_alarm()
    }
}

pub(crate) struct App {
    pub(crate) host: Host,
    usage: Usage,
    rows: BTreeMap<String, app::Row>,
}

/// The row with those of its indexes, as counted in workerd.
const ROWS_A_RECORDING: f64 = 5.0;

impl App {
    pub(crate) fn new() -> Self {
        Self {
            host: Host::new(),
            usage: Usage::default(),
            rows: BTreeMap::new(),
        }
    }

    pub(crate) fn ask(&mut self, request: app::Request, now_ms: u64, sum: &mut Sum) {
        self.wake(now_ms, sum);
        let change = match request {
            app::Request::Admit(admit) => self.usage.admit(admit, now_ms).1,
            app::Request::News(news) => {
                sum.rows_read += 1.0;
                let known = self.rows.get(&news.reservation.sid).cloned();
                self.usage.told(*news, known, now_ms)
            }
            _ => app::Change::default(),
        };
        if let Some(row) = change.put {
            sum.rows_written += ROWS_A_RECORDING;
            self.rows.insert(row.listed.sid.clone(), row);
        }
    }

    /// Whether it has figures for the fleet's object.
    pub(crate) fn rang(&mut self, now_ms: u64, sum: &mut Sum) -> Option<tapedeck_edge::metrics::Tally> {
        self.wake(now_ms, sum);
        if self.usage.is_purge_due(now_ms) {
            self.rows.retain(|_, row| row.expires_ms > now_ms);
            self.usage.purged(!self.rows.is_empty(), now_ms);
        }
        self.usage.tally(now_ms)
    }

    pub(crate) fn next_alarm(&self) -> Option<u64> {
        self.usage.next_alarm()
    }

    fn wake(&mut self, now_ms: u64, sum: &mut Sum) {
        if self.host.active(now_ms, now_ms, sum) {
            sum.rows_read += ROWS_WOKEN + self.rows.values().filter(|row| row.is_live()).count() as f64;
        }
    }
}
