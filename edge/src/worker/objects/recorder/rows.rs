//! The tables beside the state: events with what became of them, and the history.

use serde_json::Value;
use worker::{Error, SqlStorage, SqlStorageValue};

use crate::access::Page;
use crate::admin::{NoticeState, NoticeView, Which};
use crate::dialect::{Dialect, notice_id};
use crate::recording::{Attempt, Delivery, Event, Notice, Row};

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
    let rows = read(
        sql,
        "SELECT number, at_ms, event FROM notices WHERE sid = ? AND position = ? AND state = 'waiting'",
        vec![text(sid), number(position)],
    )?;
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let mut row = Columns(row.into_iter());
    Ok(Some(Notice {
        number: row.count(),
        at_ms: row.count(),
        event: row.event()?,
    }))
}

/// The events behind the number `after`, in their order, as the operator sees them. The cursor is the last number.
pub(super) fn notices(
    sql: &SqlStorage,
    sid: &str,
    after: Option<u64>,
    state: Option<NoticeState>,
    limit: usize,
) -> worker::Result<Page<NoticeView>> {
    let first = after.map_or(0, |after| after.saturating_add(1));
    let state = state.map(NoticeState::as_str);
    let rows = read(
        sql,
        "SELECT number, at_ms, state, attempts, last_ms, status, error, event FROM notices \
         WHERE sid = ? AND number >= ? AND (? IS NULL OR state = ?) ORDER BY number LIMIT ?",
        vec![
            text(sid),
            number(first),
            state.into(),
            state.into(),
            number(limit as u64),
        ],
    )?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = Columns(row.into_iter());
        let number = row.count();
        items.push(NoticeView {
            notice_id: notice_id(sid, number),
            number,
            at_ms: row.count(),
            state: row.text().and_then(|state| NoticeState::parse(&state)),
            attempts: row.count(),
            last_attempt_ms: row.maybe_count(),
            last_status: row.maybe_count(),
            last_error: row.text(),
            event_type: Dialect::default().event_type(&row.event()?),
        });
    }
    // A page that is not full is the last one.
    let cursor = items
        .last()
        .filter(|_| items.len() >= limit)
        .map(|last| last.number.to_string());
    Ok(Page { items, cursor })
}

/// The numbers of the events that a replay means and that do not wait anyway, in their order.
pub(super) fn to_replay(sql: &SqlStorage, sid: &str, which: Which) -> worker::Result<Vec<u64>> {
    let rows = match which {
        Which::GivenUp => read(
            sql,
            "SELECT number FROM notices WHERE sid = ? AND state = 'given_up' ORDER BY number LIMIT ?",
            vec![text(sid), number(MAX_REPLAY)],
        ),
        Which::Number(which) => read(
            sql,
            "SELECT number FROM notices WHERE sid = ? AND number = ? AND state <> 'waiting'",
            vec![text(sid), number(which)],
        ),
    }?;
    Ok(rows.into_iter().map(|row| Columns(row.into_iter()).count()).collect())
}

/// The history, oldest line first.
pub(super) fn incidents(sql: &SqlStorage, sid: &str) -> worker::Result<Vec<Value>> {
    let rows = read(
        sql,
        "SELECT incident FROM incidents WHERE sid = ? ORDER BY number",
        vec![text(sid)],
    )?;
    let incidents = rows.into_iter().map(|row| {
        let incident = Columns(row.into_iter()).text().unwrap_or_default();
        Ok(serde_json::from_slice(incident.as_bytes())?)
    });
    incidents.collect()
}

fn run(sql: &SqlStorage, query: &str, values: Vec<SqlStorageValue>) -> worker::Result<()> {
    sql.exec(query, values).map(drop)
}

pub(super) fn read(
    sql: &SqlStorage,
    query: &str,
    values: Vec<SqlStorageValue>,
) -> worker::Result<Vec<Vec<SqlStorageValue>>> {
    sql.exec(query, values)?.raw().collect()
}

/// The values of a row, taken in their order.
pub(super) struct Columns(pub(super) std::vec::IntoIter<SqlStorageValue>);

impl Columns {
    pub(super) fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(SqlStorageValue::String(text)) => Some(text),
            _ => None,
        }
    }

    fn maybe_count(&mut self) -> Option<u64> {
        match self.0.next() {
            Some(SqlStorageValue::Integer(number)) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    fn count(&mut self) -> u64 {
        self.maybe_count().unwrap_or_default()
    }

    fn event(&mut self) -> worker::Result<Event> {
        let text = self
            .text()
            .ok_or_else(|| Error::RustError("an event's row holds no event".to_owned()))?;
        Ok(serde_json::from_slice(text.as_bytes())?)
    }
}

fn text(text: &str) -> SqlStorageValue {
    text.into()
}

/// Counts and times stay far below 2^53.
fn number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
