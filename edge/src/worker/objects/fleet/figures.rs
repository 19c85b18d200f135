//! The tables of the figures: what has been added up, and the newest tally of each app. The object sleeps as soon as nothing
//! happens, and must not begin anew with each sleep.

use worker::{SqlStorage, console_error};

use crate::metrics::{Tally, Totals};
use crate::worker::objects::sql::{number, row, rows, run, text};

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS totals (id INTEGER PRIMARY KEY CHECK (id = 1), totals TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tallies (app TEXT PRIMARY KEY, tally TEXT NOT NULL, told_ms INTEGER NOT NULL) WITHOUT ROWID",
];

/// What cannot be read begins anew.
pub(super) fn load(sql: &SqlStorage, now_ms: u64) -> worker::Result<Totals> {
    CREATE
        .iter()
        .try_for_each(|statement| run(sql, statement, Vec::new()))?;
    let kept = row(sql, "SELECT totals FROM totals", Vec::new())?;
    let mut totals = match kept.map(|mut row| row.json::<Totals>()) {
        Some(Ok(totals)) => totals,
        Some(Err(error)) => {
            console_error!("the figures begin anew, for they cannot be read: {error}");
            Totals::new(now_ms)
        }
        None => Totals::new(now_ms),
    };
    let forgotten = vec![number(now_ms.saturating_sub(Totals::TALLY_MS))];
    run(sql, "DELETE FROM tallies WHERE told_ms <= ?", forgotten)?;
    for mut row in rows(sql, "SELECT app, tally, told_ms FROM tallies", Vec::new())? {
        let app = row.text();
        if let Ok(tally) = row.json() {
            totals.tallied(app, tally, row.count());
        }
    }
    Ok(totals)
}

pub(super) fn save(sql: &SqlStorage, totals: &Totals) -> worker::Result<()> {
    let values = vec![text(&serde_json::to_string(totals)?)];
    run(sql, "INSERT OR REPLACE INTO totals (id, totals) VALUES (1, ?)", values)
}

/// Keeps an app's tally; what has ended is in the totals.
pub(super) fn save_tally(sql: &SqlStorage, app: &str, mut tally: Tally, now_ms: u64) -> worker::Result<()> {
    tally.ended.clear();
    let values = vec![text(app), text(&serde_json::to_string(&tally)?), number(now_ms)];
    run(
        sql,
        "INSERT OR REPLACE INTO tallies (app, tally, told_ms) VALUES (?, ?, ?)",
        values,
    )
}
