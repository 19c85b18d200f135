use std::collections::BTreeMap;

use super::{Secrets, State};
use crate::recording::contract::Row;
use crate::recording::notice::Ledgers;

/// What the storage holds of a state, so that what has not changed is not written again.
#[derive(Debug, Default)]
pub struct Written {
    state: Option<String>,
    secrets: Secrets,
    ledgers: BTreeMap<String, String>,
}

/// What has to be written of a state, all of it or nothing.
#[derive(Debug, Default)]
pub struct Changes {
    /// The state as JSON.
    pub state: Option<String>,
    /// All secrets, to be sealed.
    pub secrets: Option<Secrets>,
    /// Ledgers as JSON by sid; `None` for one that is gone.
    pub ledgers: Vec<(String, Option<String>)>,
    /// To be written in their order.
    pub rows: Vec<Row>,
}

impl Written {
    /// The state that the storage holds: its JSON, its secrets, and its ledgers' JSON by sid.
    ///
    /// # Errors
    /// When something is not the JSON that it should be.
    pub fn read(
        state: String,
        secrets: Secrets,
        ledgers: BTreeMap<String, String>,
    ) -> serde_json::Result<(State, Self)> {
        let mut read: State = serde_json::from_slice(state.as_bytes())?;
        let parsed = ledgers
            .iter()
            .map(|(sid, ledger)| Ok((sid.clone(), serde_json::from_slice(ledger.as_bytes())?)));
        read.restore_ledgers(parsed.collect::<serde_json::Result<Ledgers>>()?);
        read.restore_secrets(secrets.clone());
        let written = Self {
            state: Some(state),
            secrets,
            ledgers,
        };
        Ok((read, written))
    }

    /// Whether the storage holds anything.
    pub fn is_something(&self) -> bool {
        self.state.is_some()
    }

    /// What differs from the storage. Call [`Self::keep`] with it once it is written.
    ///
    /// # Errors
    /// When the state cannot be written as JSON.
    pub fn changes(&self, state: &mut State) -> serde_json::Result<Changes> {
        let mut text = serde_json::to_string(state)?;
        let has_changed = self.state.as_ref() != Some(&text);
        if has_changed {
            state.note();
            text = serde_json::to_string(state)?;
        }
        let has_secrets_changed = self.state.is_none() || !state.has_secrets(&self.secrets);
        Ok(Changes {
            state: has_changed.then_some(text),
            secrets: has_secrets_changed.then(|| state.secrets()),
            ledgers: self.changed_ledgers(state)?,
            rows: state.take_rows(),
        })
    }

    fn changed_ledgers(&self, state: &State) -> serde_json::Result<Vec<(String, Option<String>)>> {
        let mut changed = Vec::new();
        for (sid, ledger) in &state.ledgers {
            let text = serde_json::to_string(ledger)?;
            if self.ledgers.get(sid) != Some(&text) {
                changed.push((sid.clone(), Some(text)));
            }
        }
        let gone = self.ledgers.keys().filter(|sid| !state.ledgers.contains_key(*sid));
        changed.extend(gone.map(|sid| (sid.clone(), None)));
        Ok(changed)
    }

    /// The storage holds these changes now.
    pub fn keep(&mut self, changes: Changes) {
        if changes.state.is_some() {
            self.state = changes.state;
        }
        if let Some(secrets) = changes.secrets {
            self.secrets = secrets;
        }
        for (sid, ledger) in changes.ledgers {
            match ledger {
                Some(ledger) => self.ledgers.insert(sid, ledger),
                None => self.ledgers.remove(&sid),
            };
        }
    }
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.secrets.is_none() && self.ledgers.is_empty() && self.rows.is_empty()
    }
}
