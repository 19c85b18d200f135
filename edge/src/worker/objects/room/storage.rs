//! The object's table: a row for the room, one for each of its peers, and one for each room that it is connected with.

use worker::{SqlStorage, console_error};

use crate::room::Row;
use crate::worker::objects::sql::{has_table, rows, run, text};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS room (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID";

/// What cannot be read is of another version: of a peer, that it comes again.
pub(super) fn load(sql: &SqlStorage) -> worker::Result<Vec<Row>> {
    // Whoever opens a socket to any room must not leave a table behind.
    if !has_table(sql, "room")? {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    for mut row in rows(sql, "SELECT row FROM room", Vec::new())? {
        match row.json::<Row>() {
            Ok(row) => kept.push(row),
            Err(error) => console_error!("a row of a room cannot be read: {error}"),
        }
    }
    Ok(kept)
}

pub(super) fn save(sql: &SqlStorage, row: &Row) -> worker::Result<()> {
    if matches!(row, Row::Room(_)) {
        run(sql, CREATE, Vec::new())?;
    }
    let values = vec![text(&row.name()), text(&serde_json::to_string(row)?)];
    run(sql, "INSERT OR REPLACE INTO room (name, row) VALUES (?, ?)", values)
}

pub(super) fn remove(sql: &SqlStorage, name: &str) -> worker::Result<()> {
    match has_table(sql, "room")? {
        true => run(sql, "DELETE FROM room WHERE name = ?", vec![text(name)]),
        false => Ok(()),
    }
}
