//! The object's tables: its memo, and a row for each recording that the node holds.

use worker::{SqlStorage, console_error};

use crate::line::{Held, Holding, Memo};
use crate::worker::objects::sql::{has_table, row, rows, run, text};

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS memo (id INTEGER PRIMARY KEY CHECK (id = 1), memo TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS held (sid TEXT PRIMARY KEY, recorder TEXT NOT NULL, held TEXT NOT NULL, report TEXT)",
];

/// What was kept, with the recordings whose rows can be read: as many as the core takes.
pub(super) fn load(sql: &SqlStorage) -> worker::Result<(Memo, Vec<(Holding, Held)>)> {
    // A node that never had a lease leaves no tables behind.
    if !has_table(sql, "memo")? {
        return Ok(Default::default());
    }
    let memo = row(sql, "SELECT memo FROM memo", Vec::new())?;
    let memo = memo.map(|mut row| row.json()).transpose()?;
    let mut held = Vec::new();
    for mut row in rows(sql, "SELECT sid, recorder, held FROM held", Vec::new())? {
        let sid = row.text();
        match (row.json(), row.json()) {
            (Ok(recorder), Ok(is_held)) => held.push((Holding { recorder, sid }, is_held)),
            (Err(error), _) | (_, Err(error)) => console_error!("how a node holds {sid} cannot be read: {error}"),
        }
    }
    Ok((memo.unwrap_or_default(), held))
}

pub(super) fn write(sql: &SqlStorage, memo: &Memo) -> worker::Result<()> {
    CREATE
        .iter()
        .try_for_each(|statement| run(sql, statement, Vec::new()))?;
    let values = vec![serde_json::to_string(memo)?.into()];
    run(sql, "INSERT OR REPLACE INTO memo (id, memo) VALUES (1, ?)", values)
}

pub(super) fn hold(sql: &SqlStorage, holding: &Holding, held: &Held, report: Option<&str>) -> worker::Result<()> {
    let recorder = serde_json::to_string(&holding.recorder)?;
    let kept = serde_json::to_string(held)?;
    // A report that is kept stays while another line is noted.
    let report_of = match (held.kept_seq, report) {
        (Some(_), None) => "report",
        (Some(_), Some(_)) | (None, _) => "excluded.report",
    };
    let statement = format!(
        "INSERT INTO held (sid, recorder, held, report) VALUES (?, ?, ?, ?) \
         ON CONFLICT (sid) DO UPDATE SET held = excluded.held, report = {report_of}"
    );
    run(
        sql,
        &statement,
        vec![text(&holding.sid), text(&recorder), text(&kept), report.into()],
    )
}

pub(super) fn let_go(sql: &SqlStorage, sid: &str) -> worker::Result<()> {
    run(sql, "DELETE FROM held WHERE sid = ?", vec![text(sid)])
}

/// The reports of these recordings that are kept and can be read.
pub(super) fn reports(sql: &SqlStorage, sids: &[String]) -> worker::Result<Vec<protocol::Report>> {
    let mut reports = Vec::new();
    for sid in sids {
        let kept = row(
            sql,
            "SELECT report FROM held WHERE sid = ? AND report IS NOT NULL",
            vec![text(sid)],
        )?;
        match kept.map(|mut row| row.json()).transpose() {
            Ok(report) => reports.extend(report),
            Err(error) => console_error!("what a node told last of {sid} cannot be read: {error}"),
        }
    }
    Ok(reports)
}
