use worker::SqlStorage;

use crate::fleet::{Change, NodeRow};
use crate::worker::objects::sql::{rows, run, text};

/// The nodes whose rows can be read.
pub(super) fn load(sql: &SqlStorage) -> worker::Result<Vec<NodeRow>> {
    run(
        sql,
        "CREATE TABLE IF NOT EXISTS nodes (node_id TEXT PRIMARY KEY, node TEXT NOT NULL)",
        Vec::new(),
    )?;
    let mut nodes = Vec::new();
    for mut row in rows(sql, "SELECT node FROM nodes", Vec::new())? {
        nodes.extend(row.json::<NodeRow>().ok());
    }
    Ok(nodes)
}

pub(super) fn save(sql: &SqlStorage, change: &Change) -> worker::Result<()> {
    for node_id in &change.forget {
        run(sql, "DELETE FROM nodes WHERE node_id = ?", vec![text(node_id)])?;
    }
    if let Some(row) = &change.save {
        let values = vec![text(&row.node_id), serde_json::to_string(row)?.into()];
        run(
            sql,
            "INSERT OR REPLACE INTO nodes (node_id, node) VALUES (?, ?)",
            values,
        )?;
    }
    Ok(())
}
