//! The tables beside the state: events with what became of them, and the history.

use serde::{Deserialize, Serialize};
use worker::{SqlCursor, SqlStorage, SqlStorageValue};

use crate::admin::{NoticeState, Which};
use crate::recording::{Attempt, Delivery, Event, Incident, Notice, Row};

/// An event as the log has it.
#[derive(Serialize, Deserialize)]
pub(in crate::worker) struct Logged {
    pub(in crate::worker) number: u64,
    pub(in crate::worker) at_ms: u64,
    pub(in crate::worker) state: NoticeState,
    pub(in crate::worker) attempts: u64,
    pub(in crate::worker) last_ms: Option<u64>,
    pub(in crate::worker) status: Option<u16>,
    pub(in crate::worker) error: Option<String>,
    pub(in crate::worker) event: Event,
}

/// Numbers come out of the database as floats.
#[derive(Deserialize)]
struct NoticeRow {
    number: f64,
    at_ms: f64,
    state: NoticeState,
    attempts: f64,
    last_ms: Option<f64>,
    status: Option<f64>,
    error: Option<String>,
    event: String,
}

#[derive(Deserialize)]
struct IncidentRow {
    incident: String,
}

#[derive(Deserialize)]
struct NumberRow {
    number: f64,
}

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS ledgers (sid TEXT PRIMARY KEY, ledger TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS notices (sid TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, \
     at_ms INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, last_ms INTEGER, status INTEGER, \
     error TEXT, event TEXT NOT NULL, PRIMARY KEY (sid, number))",
    "CREATE INDEX IF NOT EXISTS notices_by_position ON notices (sid, position)",
    "CREATE TABLE IF NOT EXISTS incidents (sid TEXT NOT NULL, number INTEGER NOT NULL, incident TEXT NOT NULL, \
     PRIMARY KEY (sid, number))",
];
const NAMES: [&str; 3] = ["ledgers", "notices", "incidents"];
/// Events that one replay takes.
const MAX_REPLAY: usize = 10_000;

pub(super) fn create(sql: &SqlStorage) -> worker::Result<()> {
    TABLES.iter().try_for_each(|table| sql.exec(table, None).map(drop))
}

pub(super) fn drop_all(sql: &SqlStorage) -> worker::Result<()> {
    NAMES
        .iter()
        .try_for_each(|name| sql.exec(&format!("DROP TABLE IF EXISTS {name}"), None).map(drop))
}

pub(super) fn write(sql: &SqlStorage, row: &Row) -> worker::Result<()> {
    let run = |query: &str, values: Vec<SqlStorageValue>| sql.exec(query, values).map(drop);
    match row {
        Row::Notice { sid, position, notice } => run(
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
        Row::GivenUp { sid, from, below } => run(
            "UPDATE notices SET state = 'given_up' \
             WHERE sid = ? AND position >= ? AND position < ? AND state = 'waiting'",
            vec![text(sid), number(*from), number(*below)],
        ),
        Row::Unwanted { sid, from, below } => run(
            "UPDATE notices SET state = 'unwanted' \
             WHERE sid = ? AND position >= ? AND position < ? AND state = 'waiting'",
            vec![text(sid), number(*from), number(*below)],
        ),
        Row::Again {
            sid,
            number: which,
            position,
        } => run(
            "UPDATE notices SET state = 'waiting', position = ? WHERE sid = ? AND number = ?",
            vec![number(*position), text(sid), number(*which)],
        ),
        Row::Pruned { sid, finished, all } => {
            run(
                "DELETE FROM notices WHERE sid = ? AND position < ? AND state IN ('delivered', 'unwanted')",
                vec![text(sid), number(*finished)],
            )?;
            run(
                "DELETE FROM notices WHERE sid = ? AND position < ? AND state <> 'waiting'",
                vec![text(sid), number(*all)],
            )
        }
        Row::Incident {
            sid,
            number: line,
            incident,
        } => run(
            "INSERT OR REPLACE INTO incidents (sid, number, incident) VALUES (?, ?, ?)",
            vec![text(sid), number(*line), serde_json::to_string(incident)?.into()],
        ),
        Row::IncidentsPruned { sid, from, below } => run(
            "DELETE FROM incidents WHERE sid = ? AND number >= ? AND number < ?",
            vec![text(sid), number(*from), number(*below)],
        ),
        Row::Forgotten { sid } => {
            run("DELETE FROM notices WHERE sid = ?", vec![text(sid)])?;
            run("DELETE FROM incidents WHERE sid = ?", vec![text(sid)])
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
    let values = vec![
        text(state.as_str()),
        number(tried),
        number(attempt.at_ms),
        status.map(i32::from).into(),
        error.into(),
        text(sid),
        number(position),
    ];
    sql.exec(
        "UPDATE notices SET state = ?, attempts = attempts + ?, last_ms = ?, status = ?, error = ? \
         WHERE sid = ? AND position = ? AND state = 'waiting'",
        values,
    )
    .map(drop)
}

/// The event that waits at a place.
pub(super) fn waiting(sql: &SqlStorage, sid: &str, position: u64) -> worker::Result<Option<Notice>> {
    let rows = sql.exec(
        "SELECT number, at_ms, state, attempts, last_ms, status, error, event FROM notices \
         WHERE sid = ? AND position = ? AND state = 'waiting'",
        vec![text(sid), number(position)],
    )?;
    let row = logged(&rows)?.into_iter().next();
    Ok(row.map(|row| Notice {
        number: row.number,
        at_ms: row.at_ms,
        event: row.event,
    }))
}

/// The events behind the number `after`, in their order.
pub(super) fn notices(
    sql: &SqlStorage,
    sid: &str,
    after: Option<u64>,
    state: Option<NoticeState>,
    limit: usize,
) -> worker::Result<Vec<Logged>> {
    let first = after.map_or(0, |after| after.saturating_add(1));
    let rows = sql.exec(
        "SELECT number, at_ms, state, attempts, last_ms, status, error, event FROM notices \
         WHERE sid = ? AND number >= ? AND (? IS NULL OR state = ?) ORDER BY number LIMIT ?",
        vec![
            text(sid),
            number(first),
            state.map(NoticeState::as_str).into(),
            state.map(NoticeState::as_str).into(),
            number(limit as u64),
        ],
    )?;
    logged(&rows)
}

/// The numbers of the events that a replay means and that do not wait anyway, in their order.
pub(super) fn to_replay(sql: &SqlStorage, sid: &str, which: Which) -> worker::Result<Vec<u64>> {
    let rows = match which {
        Which::GivenUp => sql.exec(
            "SELECT number FROM notices WHERE sid = ? AND state = 'given_up' ORDER BY number LIMIT ?",
            vec![text(sid), number(MAX_REPLAY as u64)],
        ),
        Which::Number(which) => sql.exec(
            "SELECT number FROM notices WHERE sid = ? AND number = ? AND state <> 'waiting'",
            vec![text(sid), number(which)],
        ),
    }?;
    let rows: Vec<NumberRow> = rows.to_array()?;
    Ok(rows.iter().map(|row| row.number as u64).collect())
}

pub(super) fn incidents(sql: &SqlStorage, sid: &str) -> worker::Result<Vec<Incident>> {
    let rows = sql.exec(
        "SELECT incident FROM incidents WHERE sid = ? ORDER BY number",
        vec![text(sid)],
    )?;
    let rows: Vec<IncidentRow> = rows.to_array()?;
    rows.iter()
        .map(|row| Ok(serde_json::from_str(&row.incident)?))
        .collect()
}

fn logged(rows: &SqlCursor) -> worker::Result<Vec<Logged>> {
    let rows: Vec<NoticeRow> = rows.to_array()?;
    let logged = rows.into_iter().map(|row| {
        Ok(Logged {
            number: row.number as u64,
            at_ms: row.at_ms as u64,
            state: row.state,
            attempts: row.attempts as u64,
            last_ms: row.last_ms.map(|ms| ms as u64),
            status: row.status.map(|status| status as u16),
            error: row.error,
            event: serde_json::from_str(&row.event)?,
        })
    });
    logged.collect()
}

fn text(text: &str) -> SqlStorageValue {
    text.into()
}

/// Counts and times stay far below 2^53.
fn number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
