//! The shell's part of keeping the state, which counts what it writes.

use std::collections::BTreeMap;

use crate::recording::{Row, Secrets, State, Written};

#[derive(Default)]
pub(super) struct Storage {
    written: Written,
    state: Option<String>,
    secrets: Secrets,
    ledgers: BTreeMap<String, String>,
    /// How often each part was written.
    pub(super) writes: Writes,
    /// All rows.
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writes {
    pub(super) state: usize,
    pub(super) secrets: usize,
    pub(super) ledgers: usize,
    pub(super) rows: usize,
}

impl Storage {
    /// Writes what has changed, and returns the rows.
    pub(super) fn save(&mut self, state: &mut State) -> Vec<Row> {
        let changes = self.written.changes(state).unwrap();
        let rows = changes.rows.clone();
        self.writes.state += usize::from(changes.state.is_some());
        self.writes.secrets += usize::from(changes.secrets.is_some());
        self.writes.ledgers += changes.ledgers.len();
        self.writes.rows += rows.len();
        self.rows.extend(rows.iter().cloned());
        self.state = changes.state.clone().or(self.state.take());
        if let Some(secrets) = &changes.secrets {
            self.secrets = secrets.clone();
        }
        for (sid, ledger) in &changes.ledgers {
            match ledger {
                Some(ledger) => self.ledgers.insert(sid.clone(), ledger.clone()),
                None => self.ledgers.remove(sid),
            };
        }
        self.written.keep(changes);
        rows
    }

    /// The state as it comes back when the process has died.
    pub(super) fn load(&mut self) -> State {
        let Some(state) = self.state.clone() else {
            return State::default();
        };
        let (state, written) = Written::read(state, self.secrets.clone(), self.ledgers.clone()).unwrap();
        self.written = written;
        state
    }

    /// The length of the state's JSON, in bytes.
    pub(super) fn state_bytes(&self) -> usize {
        self.state_text().len()
    }

    pub(super) fn state_text(&self) -> String {
        self.state.clone().unwrap_or_default()
    }

    /// The length of the longest ledger's JSON, in bytes.
    pub(super) fn ledger_bytes(&self) -> usize {
        self.ledgers.values().map(String::len).max().unwrap_or_default()
    }
}
