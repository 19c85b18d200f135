use std::collections::BTreeMap;

use worker::{Env, SqlStorage, Storage};

use super::log::{self, Log};
use super::texts::{self, Name};
use super::{inventory, seals};
use crate::recording::{Changes, Effect, Reply, Row, State, Written};
use crate::worker::bindings;
use crate::worker::objects::counting;
use crate::worker::objects::sql::{rows, run, text, transaction};

/// The state with what its rows hold.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) state: State,
    written: Written,
}

pub(super) fn load(sql: &SqlStorage, env: &Env) -> worker::Result<Kept> {
    let mut kept = Kept::default();
    if let Some(texts) = texts::read(sql)? {
        log::create(sql)?;
        let mut ledgers = BTreeMap::new();
        // The core lets go of ledgers that are too many.
        for mut row in rows(sql, "SELECT sid, ledger FROM ledgers", Vec::new())? {
            let (sid, ledger) = (row.text(), row.text());
            ledgers.insert(sid, ledger);
        }
        let secrets = seals::open(&texts.secrets, env)?;
        (kept.state, kept.written) = Written::read(texts.state, secrets, ledgers)?;
    }
    kept.state.set_pacing(bindings::pacing(env));
    kept.state.wake(bindings::policy(env), bindings::now_ms());
    Ok(kept)
}

impl Kept {
    /// What can be read of the log.
    pub(super) fn log(&self, sql: SqlStorage) -> Log {
        // Asking about what does not exist must not leave tables behind.
        Log::new(self.written.is_something().then_some(sql))
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
        let changes = self.written.changes(&mut self.state)?;
        if self.state.is_empty() {
            if self.written.is_something() {
                transaction(storage, || {
                    texts::drop_all(&sql)?;
                    inventory::drop_table(&sql)?;
                    log::drop_all(&sql)
                })?;
                self.written = Written::default();
            }
            return Ok(());
        }
        if changes.is_empty() && slices.is_empty() {
            return Ok(());
        }
        let sealed = changes.secrets.as_ref().map(|secrets| seals::seal(secrets, env));
        let sealed = sealed.transpose()?;
        let is_first = !self.written.is_something();
        transaction(storage, || {
            if is_first {
                texts::create(&sql)?;
                log::create(&sql)?;
            }
            if let Some(state) = &changes.state {
                texts::write(&sql, Name::State, state)?;
            }
            if let Some(sealed) = &sealed {
                texts::write(&sql, Name::Secrets, sealed)?;
            }
            write_slices(&sql, slices)?;
            write_rows(&sql, &changes)
        })?;
        let given_up = changes.rows.iter().map(Row::given_up).fold(0, u64::saturating_add);
        counting::count(|counts| counts.notices.given_up(given_up));
        self.written.keep(changes);
        Ok(())
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

fn write_rows(sql: &SqlStorage, changes: &Changes) -> worker::Result<()> {
    for row in &changes.rows {
        log::write(sql, row)?;
    }
    for (sid, ledger) in &changes.ledgers {
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
