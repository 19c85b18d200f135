use worker::SqlStorage;

use crate::channel::carried::{Carried, Entry, Kept};
use crate::worker::objects::sql::{has_table, row, rows, run, text};

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS node (id INTEGER PRIMARY KEY CHECK (id = 1), node TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS channels (entry TEXT PRIMARY KEY) WITHOUT ROWID",
];

pub(super) fn load(sql: &SqlStorage) -> worker::Result<Carried> {
    // Whoever asks in the name of any node must not leave a table behind.
    if !has_table(sql, "node")? {
        return Ok(Carried::default());
    }
    let kept = match row(sql, "SELECT node FROM node", Vec::new())? {
        Some(mut row) => row.json::<Kept>()?,
        None => Kept::default(),
    };
    let mut entries = Vec::new();
    for mut row in rows(sql, "SELECT entry FROM channels", Vec::new())? {
        entries.push(row.json::<Entry>()?);
    }
    Ok(Carried::restore(kept, entries))
}

pub(super) fn keep(sql: &SqlStorage, kept: &Kept) -> worker::Result<()> {
    create(sql)?;
    let values = vec![text(&serde_json::to_string(kept)?)];
    run(sql, "INSERT OR REPLACE INTO node (id, node) VALUES (1, ?)", values)
}

pub(super) fn put(sql: &SqlStorage, entry: &Entry) -> worker::Result<()> {
    create(sql)?;
    let values = vec![text(&serde_json::to_string(entry)?)];
    run(sql, "INSERT OR IGNORE INTO channels (entry) VALUES (?)", values)
}

pub(super) fn remove(sql: &SqlStorage, entry: &Entry) -> worker::Result<()> {
    let values = vec![text(&serde_json::to_string(entry)?)];
    run(sql, "DELETE FROM channels WHERE entry = ?", values)
}

/// A node without channels takes no space.
pub(super) fn clear(sql: &SqlStorage) -> worker::Result<()> {
    for table in ["node", "channels"] {
        run(sql, &format!("DROP TABLE IF EXISTS {table}"), Vec::new())?;
    }
    Ok(())
}

fn create(sql: &SqlStorage) -> worker::Result<()> {
    CREATE.iter().try_for_each(|statement| run(sql, statement, Vec::new()))
}
