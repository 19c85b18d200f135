use protocol::{ConfirmedSlice, InventoryPage};
use worker::SqlStorage;

use crate::recording::{PageWish, fill_page};
use crate::worker::objects::sql::{number, rows, run, text};

/// Rows that are read at a time: with the longest names some megabytes.
const BATCH: u64 = 8;

/// One row for each report that told slices: their places, the spool that they are of, and themselves.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS inventory (sid TEXT NOT NULL, first INTEGER NOT NULL, \
    last INTEGER NOT NULL, spool INTEGER NOT NULL, slices TEXT NOT NULL, PRIMARY KEY (sid, first))";

/// Written again, slices of the same place replace the ones before.
pub(super) fn note(
    sql: &SqlStorage,
    sid: &str,
    spool: u64,
    first: u64,
    slices: &[ConfirmedSlice],
) -> worker::Result<()> {
    run(sql, CREATE, Vec::new())?;
    let last = first.saturating_add(slices.len() as u64).saturating_sub(1);
    let values = vec![
        text(sid),
        number(first),
        number(last),
        number(spool),
        serde_json::to_string(slices)?.into(),
    ];
    run(
        sql,
        "INSERT OR REPLACE INTO inventory (sid, first, last, spool, slices) VALUES (?, ?, ?, ?, ?)",
        values,
    )
}

/// Fills in the slices behind `page.after`.
pub(super) fn read(sql: &SqlStorage, wish: &PageWish, page: &mut InventoryPage) -> worker::Result<()> {
    let query = "SELECT last, slices FROM inventory WHERE sid = ? AND spool <> ? AND last > ? ORDER BY first LIMIT ?";
    fill_page(page, |after| {
        let values = vec![text(&wish.sid), number(wish.except_spool), number(after), number(BATCH)];
        let rows = rows(sql, query, values)?;
        rows.map(|mut row| Ok((row.count(), row.text()))).collect()
    })
}

pub(super) fn forget(sql: &SqlStorage, sid: &str) -> worker::Result<()> {
    run(sql, CREATE, Vec::new())?;
    run(sql, "DELETE FROM inventory WHERE sid = ?", vec![text(sid)])
}

pub(super) fn drop_table(sql: &SqlStorage) -> worker::Result<()> {
    run(sql, "DROP TABLE IF EXISTS inventory", Vec::new())
}
