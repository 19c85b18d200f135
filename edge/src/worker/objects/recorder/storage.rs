use std::collections::BTreeMap;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::{Env, Error, SqlStorage, Storage, console_error};

use super::inventory;
use super::log::{self, Columns};
use crate::access::{KeyRing, Purpose};
use crate::recording::{Effect, Ledger, Ledgers, Reply, Row, Secrets, State};
use crate::worker::bindings::{self, Misconfigured};
use crate::worker::counting;

/// The state with what its rows hold.
pub(super) struct Kept {
    pub(super) state: State,
    written: Option<String>,
    ledgers: BTreeMap<String, String>,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS recorder \
    (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, secrets TEXT NOT NULL)";

/// The secrets are sealed one by one, each for its own sid.
type Sealed = BTreeMap<String, String>;

#[wasm_bindgen]
extern "C" {
    type RawStorage;

    /// Takes back what `run` wrote when that throws.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &RawStorage,
        run: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// Whether anything has been kept. Asking about what does not exist must not leave tables behind.
pub(super) fn exists(sql: &SqlStorage) -> worker::Result<bool> {
    let tables = log::read(
        sql,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'recorder'",
        Vec::new(),
    )?;
    Ok(!tables.is_empty())
}

pub(super) fn load(sql: &SqlStorage, env: &Env) -> worker::Result<Kept> {
    let mut kept = Kept {
        state: State::default(),
        written: None,
        ledgers: BTreeMap::new(),
    };
    let rows = match exists(sql)? {
        true => log::read(sql, "SELECT state, secrets FROM recorder", Vec::new())?,
        false => Vec::new(),
    };
    if let Some(row) = rows.into_iter().next() {
        let mut row = Columns(row.into_iter());
        let (state, secrets) = (row.text().unwrap_or_default(), row.text().unwrap_or_default());
        log::create(sql)?;
        kept.state = serde_json::from_slice(state.as_bytes())?;
        kept.state
            .restore_secrets(open(&serde_json::from_slice(secrets.as_bytes())?, &keys(env)?));
        kept.written = Some(state);
        let mut ledgers = Ledgers::new();
        for row in log::read(sql, "SELECT sid, ledger FROM ledgers", Vec::new())? {
            let mut row = Columns(row.into_iter());
            let (sid, ledger) = (row.text().unwrap_or_default(), row.text().unwrap_or_default());
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
                    sql.exec("DROP TABLE recorder", None)?;
                    inventory::drop_table(&sql)?;
                    log::drop_all(&sql)
                })?;
            }
            self.ledgers.clear();
            return Ok(());
        }
        let text = serde_json::to_string(&self.state)?;
        let secrets = match self.written.as_ref() == Some(&text) {
            true => None,
            false => Some(serde_json::to_string(&seal(&self.state.secrets(), &keys(env)?)?)?),
        };
        let rows = self.state.take_rows();
        let ledgers = self.changed_ledgers()?;
        if secrets.is_none() && rows.is_empty() && ledgers.is_empty() && slices.is_empty() {
            return Ok(());
        }
        transaction(storage, || {
            if self.written.is_none() {
                sql.exec(CREATE, None)?;
                log::create(&sql)?;
            }
            if let Some(secrets) = &secrets {
                let values = vec![text.as_str().into(), secrets.as_str().into()];
                sql.exec(
                    "INSERT OR REPLACE INTO recorder (id, state, secrets) VALUES (1, ?, ?)",
                    values,
                )?;
            }
            write_slices(&sql, slices)?;
            write_rows(&sql, &rows, &ledgers)
        })?;
        self.written = Some(text);
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
            Some(ledger) => sql.exec(
                "INSERT OR REPLACE INTO ledgers (sid, ledger) VALUES (?, ?)",
                vec![sid.as_str().into(), ledger.as_str().into()],
            )?,
            None => sql.exec("DELETE FROM ledgers WHERE sid = ?", vec![sid.as_str().into()])?,
        };
    }
    Ok(())
}

fn transaction(storage: &Storage, run: impl Fn() -> worker::Result<()>) -> worker::Result<()> {
    let raw: &RawStorage = storage.as_raw().unchecked_ref();
    let mut run = || match run() {
        Ok(()) => Ok(JsValue::UNDEFINED),
        Err(error) => Err(JsValue::from(error.to_string())),
    };
    raw.transaction_sync(&mut run)
        .map(drop)
        .map_err(|error| Error::RustError(format!("the recorder's state was not written: {error:?}")))
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
