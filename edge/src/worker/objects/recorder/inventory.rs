use protocol::{ConfirmedSlice, InventoryPage};
use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue};

use crate::recording::PageWish;

/// Slices in one answer: some hundred kilobytes.
const PAGE_SLICES: usize = 1_000;

/// One row for each report that told slices: their places, the spool that they are of, and themselves.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS inventory (sid TEXT NOT NULL, first INTEGER NOT NULL, \
    last INTEGER NOT NULL, spool INTEGER NOT NULL, slices TEXT NOT NULL, PRIMARY KEY (sid, first))";

#[derive(Deserialize)]
struct Row {
    last: u64,
    slices: String,
}

/// Written again, slices of the same place replace the ones before.
pub(super) fn note(
    sql: &SqlStorage,
    sid: &str,
    spool: u64,
    first: u64,
    slices: &[ConfirmedSlice],
) -> worker::Result<()> {
    sql.exec(CREATE, None)?;
    let last = first.saturating_add(slices.len() as u64).saturating_sub(1);
    let values = vec![
        sid.into(),
        integer(first),
        integer(last),
        integer(spool),
        serde_json::to_string(slices)?.into(),
    ];
    sql.exec(
        "INSERT OR REPLACE INTO inventory (sid, first, last, spool, slices) VALUES (?, ?, ?, ?, ?)",
        values,
    )?;
    Ok(())
}

/// Fills in the slices behind `page.after`.
pub(super) fn read(sql: &SqlStorage, wish: &PageWish, page: &mut InventoryPage) -> worker::Result<()> {
    let values = vec![
        wish.sid.as_str().into(),
        integer(wish.except_spool),
        integer(page.after),
    ];
    let rows = sql.exec(
        "SELECT last, slices FROM inventory WHERE sid = ? AND spool <> ? AND last > ? ORDER BY first",
        values,
    )?;
    for row in rows.next() {
        let Row { last, slices } = row?;
        let slices: Vec<ConfirmedSlice> = serde_json::from_str(&slices)?;
        page.slices.extend(slices);
        if page.slices.len() >= PAGE_SLICES {
            page.next = last;
            break;
        }
    }
    Ok(())
}

pub(super) fn forget(sql: &SqlStorage, sid: &str) -> worker::Result<()> {
    sql.exec(CREATE, None)?;
    sql.exec("DELETE FROM inventory WHERE sid = ?", vec![sid.into()])?;
    Ok(())
}

pub(super) fn drop_table(sql: &SqlStorage) -> worker::Result<()> {
    sql.exec("DROP TABLE IF EXISTS inventory", None)?;
    Ok(())
}

fn integer(value: u64) -> SqlStorageValue {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}
