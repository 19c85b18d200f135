use std::collections::BTreeMap;

use worker::{Env, SqlStorage, Storage};

use super::log::{self, Log};
use super::{inventory, seals};
use crate::recording::{Effect, Ledger, Ledgers, Reply, Row, State};
use crate::worker::objects::sql::{has_table, row, rows, run, text, transaction};
use crate::worker::{bindings, counting};

/// The state with what its rows hold.
pub(super) struct Kept {
    pub(super) state: State,
    written: Option<String>,
    ledgers: BTreeMap<String, String>,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS recorder \
    (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, secrets TEXT NOT NULL)";

pub(super) fn load(sql: &SqlStorage, env: &Env) -> worker::Result<Kept> {
    let mut kept = Kept {
        state: State::default(),
        written: None,
        ledgers: BTreeMap::new(),
    };
    let row = match has_table(sql, "recorder")? {
        true => row(sql, "SELECT state, secrets FROM recorder", Vec::new())?,
        false => None,
    };
    if let Some(mut row) = row {
        let (state, secrets) = (row.text(), row.text());
        log::create(sql)?;
        kept.state = serde_json::from_slice(state.as_bytes())?;
        kept.state.restore_secrets(seals::open(&secrets, env)?);
        kept.written = Some(state);
        let mut ledgers = Ledgers::new();
        for row in rows(sql, "SELECT sid, ledger FROM ledgers", Vec::new())? {
            let mut row = row?;
            let (sid, ledger) = (row.text(), row.text());
            ledgers.insert(sid.clone(), serde_json::from_slice(ledger.as_bytes())?);
            kept.ledgers.insert(sid, ledger);
        }
        kept.state.restore_ledgers(ledgers);
    }
    kept.state.set_pacing(bindings::pacing(env));
    kept.state.wake(bindings::policy(env), bindings::now_ms());
    Ok(kept)
}

impl Kept {
    /// What can be read of the log.
    pub(super) fn log(&self, sql: SqlStorage) -> Log {
        // Asking about what does not exist must not leave tables behind.
        Log::new(self.written.is_some().then_some(sql))
    }

    /// Writes what has changed, all of it or nothing, and removes the tables when nothing is worth keeping. Returns the
    /// effects that are left: what they add to the inventory, or take from it, is written, and what replies need
    /// of it is read.
    pub(super) fn save(&mut self, storage: &Storage, env: &Env, effects: Vec<Effect>) -> worker::Result<Vec<Effect>> {
        let sql = storage.sql();
        let (kept, left) = effects
            .into_iter()
            .partition::<Vec<_>, _>(|effect| matches!(effect, Effect::Note { .. } | Effect::Forget { .. }));
        self.write(storage, env, &kept)?;
        let read = |effect| match effect {
            Effect::Answer { to, mut answer, page } => {
                if let Some(wish) = page {
                    inventory::read(&sql, &wish, &mut answer.inventory)?;
                }
                let reply = Reply::Desired(answer);
                Ok(Effect::Reply { to, reply })
            }
            other => Ok(other),
        };
        left.into_iter().map(read).collect()
    }

    /// `slices`: what is kept of the inventory, or no more, from here on.
    fn write(&mut self, storage: &Storage, env: &Env, slices: &[Effect]) -> worker::Result<()> {
        let sql = storage.sql();
        if self.state.is_empty() {
            self.state.take_rows();
            if self.written.take().is_some() {
                transaction(storage, || {
                    run(&sql, "DROP TABLE recorder", Vec::new())?;
                    inventory::drop_table(&sql)?;
                    log::drop_all(&sql)
                })?;
            }
            self.ledgers.clear();
            return Ok(());
        }
        let state = serde_json::to_string(&self.state)?;
        let secrets = match self.written.as_ref() == Some(&state) {
            true => None,
            false => Some(seals::seal(&self.state.secrets(), env)?),
        };
        let rows = self.state.take_rows();
        let ledgers = self.changed_ledgers()?;
        if secrets.is_none() && rows.is_empty() && ledgers.is_empty() && slices.is_empty() {
            return Ok(());
        }
        transaction(storage, || {
            if self.written.is_none() {
                run(&sql, CREATE, Vec::new())?;
                log::create(&sql)?;
            }
            if let Some(secrets) = &secrets {
                let values = vec![text(&state), text(secrets)];
                run(
                    &sql,
                    "INSERT OR REPLACE INTO recorder (id, state, secrets) VALUES (1, ?, ?)",
                    values,
                )?;
            }
            write_slices(&sql, slices)?;
            write_rows(&sql, &rows, &ledgers)
        })?;
        self.written = Some(state);
        for (sid, ledger) in ledgers {
            match ledger {
                Some(ledger) => self.ledgers.insert(sid, ledger),
                None => self.ledgers.remove(&sid),
            };
        }
        let given_up = rows.iter().map(Row::given_up).fold(0, u64::saturating_add);
        counting::count(|counts| counts.notices.given_up(given_up));
        Ok(())
    }

    /// The ledgers whose rows are not as they are, and those that are gone.
    fn changed_ledgers(&self) -> worker::Result<Vec<(String, Option<String>)>> {
        let mut changed = Vec::new();
        for (sid, ledger) in self.state.ledgers() {
            let ledger: &Ledger = ledger;
            let text = serde_json::to_string(ledger)?;
            if self.ledgers.get(sid) != Some(&text) {
                changed.push((sid.clone(), Some(text)));
            }
        }
        let gone = self
            .ledgers
            .keys()
            .filter(|sid| !self.state.ledgers().contains_key(*sid));
        changed.extend(gone.map(|sid| (sid.clone(), None)));
        Ok(changed)
    }
}

fn write_slices(sql: &SqlStorage, slices: &[Effect]) -> worker::Result<()> {
    for effect in slices {
        match effect {
            Effect::Note {
                sid,
                spool,
                first,
                slices,
            } => inventory::note(sql, sid, *spool, *first, slices)?,
            Effect::Forget { sid } => inventory::forget(sql, sid)?,
            _ => {}
        }
    }
    Ok(())
}

fn write_rows(sql: &SqlStorage, rows: &[Row], ledgers: &[(String, Option<String>)]) -> worker::Result<()> {
    for row in rows {
        log::write(sql, row)?;
    }
    for (sid, ledger) in ledgers {
        match ledger {
            Some(ledger) => run(
                sql,
                "INSERT OR REPLACE INTO ledgers (sid, ledger) VALUES (?, ?)",
                vec![text(sid), text(ledger)],
            )?,
            None => run(sql, "DELETE FROM ledgers WHERE sid = ?", vec![text(sid)])?,
        };
    }
    Ok(())
}
