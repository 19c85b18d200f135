use worker::{SqlStorage, SqlStorageValue};

use crate::app::{Change, Cursor, Filter, Reply, Row};
use crate::worker::objects::sql::{has_table, number, row, rows, run, text};

/// Rows that are kept; the oldest of those that are over make room. Recordings in the app's own store are not among them: their
/// rows stay as long as their objects.
const MAX_ROWS: u64 = 100_000;

const CREATE: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS recordings (sid TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, channel TEXT NOT NULL, \
     status TEXT NOT NULL, live INTEGER NOT NULL, expires_ms INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS recordings_by_time ON recordings (created_ms, sid)",
    "CREATE INDEX IF NOT EXISTS recordings_by_channel ON recordings (channel, created_ms, sid)",
    "CREATE INDEX IF NOT EXISTS recordings_live ON recordings (live) WHERE live = 1",
    "CREATE INDEX IF NOT EXISTS recordings_of_house ON recordings (expires_ms) WHERE json_extract(row, '$.house') IS NOT NULL",
];

const PUT: &str = "INSERT OR REPLACE INTO recordings (sid, created_ms, channel, status, live, expires_ms, row) \
    VALUES (?, ?, ?, ?, ?, ?, ?)";

const PURGE: [&str; 2] = [
    "DELETE FROM recordings WHERE expires_ms <= ? AND json_extract(row, '$.house') IS NULL",
    "DELETE FROM recordings WHERE live = 0 AND sid IN (SELECT sid FROM recordings WHERE json_extract(row, '$.house') IS NULL \
     ORDER BY created_ms DESC LIMIT -1 OFFSET ?)",
];

/// The app's recordings in the object's storage. The table is there while it has rows.
pub(super) struct Index {
    sql: SqlStorage,
}

impl Index {
    pub(super) fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    pub(super) fn live(&self) -> worker::Result<Vec<Row>> {
        self.rows("SELECT row FROM recordings WHERE live = 1", Vec::new())
    }

    pub(super) fn find(&self, sid: &str) -> worker::Result<Option<Row>> {
        let rows = self.rows("SELECT row FROM recordings WHERE sid = ?", vec![text(sid)])?;
        Ok(rows.into_iter().next())
    }

    /// One row more than is wanted tells whether there is another page.
    pub(super) fn list(&self, filter: &Filter, now_ms: u64) -> worker::Result<Reply> {
        let mut conditions = vec!["1 = 1"];
        let mut values = Vec::<SqlStorageValue>::new();
        if let Some(channel) = &filter.channel {
            conditions.push("channel = ?");
            values.push(text(channel));
        }
        if let Some(sid) = &filter.sid {
            conditions.push("sid = ?");
            values.push(text(sid));
        }
        let statuses = vec!["?"; filter.statuses.len()].join(", ");
        let statuses = format!("status IN ({statuses})");
        if !filter.statuses.is_empty() {
            conditions.push(&statuses);
            for status in &filter.statuses {
                values.push(serde_json::to_string(status)?.into());
            }
        }
        let bounds = [
            (filter.from_ms, "created_ms >= ?"),
            (filter.before_ms, "created_ms < ?"),
            (filter.ended_before_ms, "json_extract(row, '$.ended_ms') < ?"),
        ];
        for (bound_ms, condition) in bounds {
            if let Some(bound_ms) = bound_ms {
                conditions.push(condition);
                values.push(number(bound_ms));
            }
        }
        if let Some(over_by_ms) = filter.over_by_ms {
            conditions.push("coalesce(json_extract(row, '$.ended_ms'), ?) <= ?");
            values.extend([number(now_ms), number(over_by_ms)]);
        }
        let standings = vec!["?"; filter.standings.len()].join(", ");
        let standings = format!("json_extract(row, '$.standing') IN ({standings})");
        if !filter.standings.is_empty() {
            conditions.push(&standings);
            for standing in &filter.standings {
                values.push(text(serde_json::to_string(standing)?.trim_matches('"')));
            }
        }
        if filter.awaited {
            conditions.push("json_array_length(row, '$.awaited') > 0");
        }
        if filter.house {
            conditions.push("json_extract(row, '$.house') IS NOT NULL");
            conditions
                .push("(json_extract(row, '$.erasure') IS NULL OR json_extract(row, '$.erasure.keeps_record') = 1)");
            conditions.push("json_extract(row, '$.hidden') IS NULL");
        }
        let total = match filter.counted {
            true => Some(self.count(&conditions.join(" AND "), values.clone())?),
            false => None,
        };
        if let Some(after) = &filter.after {
            conditions.push("(created_ms, sid) < (?, ?)");
            values.extend([number(after.created_ms), text(&after.sid)]);
        }
        values.extend([number(filter.limit as u64 + 1), number(filter.offset)]);
        let conditions = conditions.join(" AND ");
        let query = format!(
            "SELECT row FROM recordings WHERE {conditions} ORDER BY created_ms DESC, sid DESC LIMIT ? OFFSET ?"
        );
        let mut items: Vec<_> = self.rows(&query, values)?.into_iter().map(|row| row.listed).collect();
        if !filter.house {
            items.iter_mut().for_each(|item| item.files.clear());
        }
        let more = items.len() > filter.limit;
        items.truncate(filter.limit);
        let next = items.last().filter(|_| more).map(|last| Cursor {
            created_ms: last.created_ms,
            sid: last.sid.clone(),
        });
        Ok(Reply::List { items, next, total })
    }

    fn count(&self, conditions: &str, values: Vec<SqlStorageValue>) -> worker::Result<u64> {
        if !self.exists()? {
            return Ok(0);
        }
        let query = format!("SELECT COUNT(*) FROM recordings WHERE {conditions}");
        Ok(row(&self.sql, &query, values)?.map_or(0, |mut row| row.count()))
    }

    /// When the next recording of the app's own store has to be deleted.
    pub(super) fn next_erasure(&self) -> worker::Result<Option<u64>> {
        if !self.exists()? {
            return Ok(None);
        }
        let query = "SELECT MIN(expires_ms) FROM recordings WHERE json_extract(row, '$.house') IS NOT NULL";
        Ok(row(&self.sql, query, Vec::new())?.and_then(|mut row| row.maybe_count()))
    }

    /// The recording of the app's own store that has to be deleted first.
    pub(super) fn first_to_erase(&self) -> worker::Result<Option<Row>> {
        let query =
            "SELECT row FROM recordings WHERE json_extract(row, '$.house') IS NOT NULL ORDER BY expires_ms LIMIT 1";
        Ok(self.rows(query, Vec::new())?.into_iter().next())
    }

    pub(super) fn save(&self, change: &Change) -> worker::Result<()> {
        for sid in &change.delete {
            if self.exists()? {
                let values = vec![text(sid)];
                run(&self.sql, "DELETE FROM recordings WHERE sid = ?", values)?;
            }
        }
        let Some(row) = &change.put else { return Ok(()) };
        for statement in CREATE {
            run(&self.sql, statement, Vec::new())?;
        }
        let values = vec![
            text(&row.listed.sid),
            number(row.listed.created_ms),
            text(&row.listed.key.channel),
            serde_json::to_string(&row.listed.status)?.into(),
            number(row.is_live().into()),
            number(row.expires_ms),
            serde_json::to_string(row)?.into(),
        ];
        run(&self.sql, PUT, values)
    }

    /// Removes what has expired or is too much. True if rows are left.
    pub(super) fn purge(&self, now_ms: u64) -> worker::Result<bool> {
        if !self.exists()? {
            return Ok(false);
        }
        let [expired, surplus] = PURGE;
        run(&self.sql, expired, vec![number(now_ms)])?;
        run(&self.sql, surplus, vec![number(MAX_ROWS)])?;
        let left = !self.rows("SELECT row FROM recordings LIMIT 1", Vec::new())?.is_empty();
        if !left {
            run(&self.sql, "DROP TABLE recordings", Vec::new())?;
        }
        Ok(left)
    }

    /// Asking about what does not exist must not leave a table behind.
    fn exists(&self) -> worker::Result<bool> {
        has_table(&self.sql, "recordings")
    }

    /// The rows that can be read.
    fn rows(&self, query: &str, values: Vec<SqlStorageValue>) -> worker::Result<Vec<Row>> {
        let mut read = Vec::new();
        if self.exists()? {
            for mut row in rows(&self.sql, query, values)? {
                read.extend(row.json::<Row>().ok());
            }
        }
        Ok(read)
    }
}
