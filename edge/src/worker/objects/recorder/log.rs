//! The tables beside the state: events with what became of them, and the history.

use worker::{SqlStorage, console_error};

use crate::recording::{Attempt, Delivery, Incident, LoggedNotice, Notice, NoticeState, Row, Which};
use crate::worker::objects::sql::{Columns, number, row, rows, run, text};

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS ledgers (sid TEXT PRIMARY KEY, ledger TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS notices (sid TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, \
     at_ms INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, last_ms INTEGER, status INTEGER, \
     error TEXT, event TEXT NOT NULL, PRIMARY KEY (sid, number))",
    "CREATE INDEX IF NOT EXISTS notices_by_position ON notices (sid, position)",
    "CREATE TABLE IF NOT EXISTS incidents (sid TEXT NOT NULL, number INTEGER NOT NULL, incident TEXT NOT NULL, \
     PRIMARY KEY (sid, number))",
];
const DROP_TABLES: [&str; 3] = [
    "DROP TABLE IF EXISTS ledgers",
    "DROP TABLE IF EXISTS notices",
    "DROP TABLE IF EXISTS incidents",
];
/// Events that one replay takes.
const MAX_REPLAY: u64 = 10_000;

pub(super) fn create(sql: &SqlStorage) -> worker::Result<()> {
    TABLES.iter().try_for_each(|table| run(sql, table, Vec::new()))
}

pub(super) fn drop_all(sql: &SqlStorage) -> worker::Result<()> {
    DROP_TABLES.iter().try_for_each(|table| run(sql, table, Vec::new()))
}

pub(super) fn write(sql: &SqlStorage, row: &Row) -> worker::Result<()> {
    match row {
        Row::Notice { sid, position, notice } => run(
            sql,
            "INSERT OR REPLACE INTO notices (sid, number, position, at_ms, state, attempts, event) \
             VALUES (?, ?, ?, ?, 'waiting', 0, ?)",
            vec![
                text(sid),
                number(notice.number),
                number(*position),
                number(notice.at_ms),
                serde_json::to_string(&notice.event)?.into(),
            ],
        ),
        Row::Attempted { sid, position, attempt } => attempted(sql, sid, *position, attempt),
        Row::GivenUp { sid, from, below } => ended(sql, sid, *from, *below, NoticeState::GivenUp),
        Row::Unwanted { sid, from, below } => ended(sql, sid, *from, *below, NoticeState::Unwanted),
        Row::Again {
            sid,
            number: which,
            position,
        } => run(
            sql,
            "UPDATE notices SET state = 'waiting', position = ? WHERE sid = ? AND number = ?",
            vec![number(*position), text(sid), number(*which)],
        ),
        Row::Pruned { sid, finished, all } => {
            let (finished, all) = (number(*finished), number(*all));
            run(
                sql,
                "DELETE FROM notices WHERE sid = ? AND position < ? AND state IN ('delivered', 'unwanted')",
                vec![text(sid), finished],
            )?;
            run(
                sql,
                "DELETE FROM notices WHERE sid = ? AND position < ? AND state <> 'waiting'",
                vec![text(sid), all],
            )
        }
        Row::Incident {
            sid,
            number: line,
            incident,
        } => run(
            sql,
            "INSERT OR REPLACE INTO incidents (sid, number, incident) VALUES (?, ?, ?)",
            vec![text(sid), number(*line), serde_json::to_string(incident)?.into()],
        ),
        Row::IncidentsPruned { sid, from, below } => run(
            sql,
            "DELETE FROM incidents WHERE sid = ? AND number >= ? AND number < ?",
            vec![text(sid), number(*from), number(*below)],
        ),
        Row::Forgotten { sid } => {
            run(sql, "DELETE FROM notices WHERE sid = ?", vec![text(sid)])?;
            run(sql, "DELETE FROM incidents WHERE sid = ?", vec![text(sid)])
        }
    }
}

fn attempted(sql: &SqlStorage, sid: &str, position: u64, attempt: &Attempt) -> worker::Result<()> {
    let (state, status, error) = match &attempt.result {
        Delivery::Delivered { status } => (NoticeState::Delivered, Some(*status), None),
        Delivery::Unwanted | Delivery::NoReceiver => (NoticeState::Unwanted, None, None),
        Delivery::Failed { status, error } => (NoticeState::Waiting, *status, Some(error.as_str())),
    };
    let tried = u64::from(state != NoticeState::Unwanted);
    run(
        sql,
        "UPDATE notices SET state = ?, attempts = attempts + ?, last_ms = ?, status = ?, error = ? \
         WHERE sid = ? AND position = ? AND state = 'waiting'",
        vec![
            text(state.as_str()),
            number(tried),
            number(attempt.at_ms),
            status.map(i32::from).into(),
            error.into(),
            text(sid),
            number(position),
        ],
    )
}

fn ended(sql: &SqlStorage, sid: &str, from: u64, below: u64, state: NoticeState) -> worker::Result<()> {
    run(
        sql,
        "UPDATE notices SET state = ? WHERE sid = ? AND position >= ? AND position < ? AND state = 'waiting'",
        vec![text(state.as_str()), text(sid), number(from), number(below)],
    )
}

/// The event that waits at a place.
pub(super) fn waiting(sql: &SqlStorage, sid: &str, position: u64) -> worker::Result<Option<Notice>> {
    let query = "SELECT number, at_ms, event FROM notices WHERE sid = ? AND position = ? AND state = 'waiting'";
    let row = row(sql, query, vec![text(sid), number(position)])?;
    row.map(|mut row| notice(&mut row)).transpose()
}

fn notice(row: &mut Columns) -> worker::Result<Notice> {
    Ok(Notice {
        number: row.count(),
        at_ms: row.count(),
        event: row.json()?,
    })
}

/// What can be read of the log; without tables it is empty.
pub(super) struct Log(Option<SqlStorage>);

impl Log {
    pub(super) fn new(tables: Option<SqlStorage>) -> Self {
        Self(tables)
    }

    /// The events behind the number `after`, in their order, at most `limit`.
    pub(super) fn notices(
        &self,
        sid: &str,
        after: Option<u64>,
        state: Option<NoticeState>,
        limit: usize,
    ) -> worker::Result<Vec<LoggedNotice>> {
        let Some(sql) = &self.0 else { return Ok(Vec::new()) };
        let first = after.map_or(0, |after| after.saturating_add(1));
        let state = state.map(NoticeState::as_str);
        let lines = rows(
            sql,
            "SELECT number, at_ms, event, state, attempts, last_ms, status, error FROM notices \
             WHERE sid = ? AND number >= ? AND (? IS NULL OR state = ?) ORDER BY number LIMIT ?",
            vec![
                text(sid),
                number(first),
                state.into(),
                state.into(),
                number(limit as u64),
            ],
        )?;
        let line = |mut row: Columns| {
            Ok(LoggedNotice {
                notice: notice(&mut row)?,
                state: NoticeState::parse(&row.text()),
                attempts: row.count(),
                last_attempt_ms: row.maybe_count(),
                last_status: row.maybe_count(),
                last_error: row.maybe_text(),
            })
        };
        lines.map(line).collect()
    }

    /// The numbers of the events that a replay means and that do not wait anyway, in their order.
    pub(super) fn to_replay(&self, sid: &str, which: Which) -> worker::Result<Vec<u64>> {
        let Some(sql) = &self.0 else { return Ok(Vec::new()) };
        let (query, value) = match which {
            Which::GivenUp => (
                "SELECT number FROM notices WHERE sid = ? AND state = 'given_up' ORDER BY number LIMIT ?",
                MAX_REPLAY,
            ),
            Which::Number(number) => (
                "SELECT number FROM notices WHERE sid = ? AND number = ? AND state <> 'waiting'",
                number,
            ),
        };
        let numbers = rows(sql, query, vec![text(sid), number(value)])?;
        Ok(numbers.map(|mut row| row.count()).collect())
    }

    /// The history, oldest line first, without lines that cannot be read.
    pub(super) fn incidents(&self, sid: &str) -> worker::Result<Vec<Incident>> {
        let Some(sql) = &self.0 else { return Ok(Vec::new()) };
        let query = "SELECT incident FROM incidents WHERE sid = ? ORDER BY number";
        let mut incidents = Vec::new();
        for mut row in rows(sql, query, vec![text(sid)])? {
            match row.json() {
                Ok(incident) => incidents.push(incident),
                Err(error) => console_error!("a line in the history of {sid} cannot be read: {error}"),
            }
        }
        Ok(incidents)
    }
}
