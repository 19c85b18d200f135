use std::collections::BTreeMap;

use serde::Deserialize;
use worker::{Env, Error, SqlStorage, console_error};

use super::ledger;
use crate::access::{KeyRing, Purpose};
use crate::recording::{Effect, Reply, Secrets, State};
use crate::worker::bindings::{self, Misconfigured};

/// The state with what its row holds.
pub(super) struct Kept {
    pub(super) state: State,
    written: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    state: String,
    secrets: String,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS recorder \
    (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, secrets TEXT NOT NULL)";

/// The secrets are sealed one by one, each for its own sid.
type Sealed = BTreeMap<String, String>;

pub(super) fn load(sql: &SqlStorage, env: &Env) -> worker::Result<Kept> {
    // Asking about what does not exist must not leave a table behind.
    let table = sql.exec(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'recorder'",
        None,
    )?;
    let rows: Vec<Row> = match table.to_array::<serde_json::Value>()?.is_empty() {
        true => Vec::new(),
        false => sql.exec("SELECT state, secrets FROM recorder", None)?.to_array()?,
    };
    let mut kept = Kept {
        state: State::default(),
        written: None,
    };
    if let Some(row) = rows.into_iter().next() {
        kept.state = serde_json::from_str(&row.state)?;
        kept.state
            .restore_secrets(open(&serde_json::from_str(&row.secrets)?, &keys(env)?));
        kept.written = Some(row.state);
    }
    kept.state.wake(bindings::policy(env), bindings::now_ms());
    Ok(kept)
}

impl Kept {
    /// Writes the state and what effects add to the ledger or remove from it, and reads from the ledger what a reply
    /// needs. Returns the effects that are left.
    pub(super) fn save(&mut self, sql: &SqlStorage, env: &Env, effects: Vec<Effect>) -> worker::Result<Vec<Effect>> {
        let mut left = Vec::with_capacity(effects.len());
        let mut forgotten = Vec::new();
        for effect in effects {
            match effect {
                // Before the state that counts them: should that fail, they are written again.
                Effect::Note {
                    sid,
                    spool,
                    first,
                    slices,
                } => ledger::note(sql, &sid, spool, first, &slices)?,
                Effect::Forget { sid } => forgotten.push(sid),
                Effect::Answer { to, mut answer, page } => {
                    if let Some(wish) = page {
                        ledger::read(sql, &wish, &mut answer.ledger)?;
                    }
                    left.push(Effect::Reply {
                        to,
                        reply: Reply::Report(answer),
                    });
                }
                other => left.push(other),
            }
        }
        self.save_state(sql, env)?;
        for sid in forgotten {
            ledger::forget(sql, &sid)?;
        }
        Ok(left)
    }

    /// Writes the row if the state has changed, and removes the tables when nothing is worth keeping.
    fn save_state(&mut self, sql: &SqlStorage, env: &Env) -> worker::Result<()> {
        if self.state.is_empty() {
            if self.written.take().is_some() {
                sql.exec("DROP TABLE recorder", None)?;
                ledger::drop_table(sql)?;
            }
            return Ok(());
        }
        let text = serde_json::to_string(&self.state)?;
        if self.written.as_ref() != Some(&text) {
            let secrets = serde_json::to_string(&seal(&self.state.secrets(), &keys(env)?)?)?;
            if self.written.is_none() {
                sql.exec(CREATE, None)?;
            }
            let values = vec![text.as_str().into(), secrets.into()];
            sql.exec(
                "INSERT OR REPLACE INTO recorder (id, state, secrets) VALUES (1, ?, ?)",
                values,
            )?;
            self.written = Some(text);
        }
        Ok(())
    }
}

fn seal(secrets: &Secrets, keys: &KeyRing) -> worker::Result<Sealed> {
    let sealed = secrets.iter().map(|(sid, spec)| {
        let text = keys.seal_text(Purpose::Storage(sid), &serde_json::to_vec(spec)?, &bindings::random());
        Ok((
            sid.clone(),
            text.map_err(|_| Error::RustError("a recording's secrets cannot be sealed".to_owned()))?,
        ))
    });
    sealed.collect()
}

/// What does not open is left out: such a recording goes on, but its node cannot be given its job again.
fn open(sealed: &Sealed, keys: &KeyRing) -> Secrets {
    let opened = sealed.iter().filter_map(|(sid, text)| {
        let plain = keys.open_text(Purpose::Storage(sid), text).ok();
        let spec = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        if spec.is_none() {
            console_error!("the secrets of recording {sid} do not open: is the key that sealed them still configured?");
        }
        Some((sid.clone(), spec?))
    });
    opened.collect()
}

fn keys(env: &Env) -> worker::Result<KeyRing> {
    bindings::seal_keys(env).map_err(|error: Misconfigured| Error::RustError(error.to_string()))
}
