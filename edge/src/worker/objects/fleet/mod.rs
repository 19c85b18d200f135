use std::cell::RefCell;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::{asked, replied};
use crate::fleet::{self, Change, NodeRow, Reply};
use crate::metrics::{self, Totals};
use crate::worker::bindings;

/// Keeps the table of nodes: in memory, with a row for each node that bridges a restart of the object. The figures for
/// monitoring come together here as well; these begin anew when the object does.
#[durable_object(fetch)]
pub struct Fleet {
    sql: SqlStorage,
    fleet: RefCell<Option<fleet::Fleet>>,
    totals: RefCell<Totals>,
}

#[derive(Deserialize)]
struct Row {
    node: String,
}

impl DurableObject for Fleet {
    fn new(state: State, _env: Env) -> Self {
        Self {
            sql: state.storage().sql(),
            fleet: RefCell::new(None),
            totals: RefCell::new(Totals::new(bindings::now_ms())),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let request: fleet::Request = asked(request).await?;
        let now_ms = bindings::now_ms();
        let mut kept = self.fleet.borrow_mut();
        let fleet = match kept.as_mut() {
            Some(fleet) => fleet,
            None => kept.insert(self.load()?),
        };
        let reply = match request {
            fleet::Request::Heartbeat(heartbeat) => {
                let (answer, change) = fleet.heard(heartbeat, now_ms);
                self.save(&change)?;
                Reply::Heartbeat(answer)
            }
            fleet::Request::Place(wish) => Reply::Place(fleet.place(&wish, now_ms)),
            fleet::Request::Nodes => Reply::Nodes(fleet.view(now_ms)),
            fleet::Request::Counts(counts) => {
                self.totals.borrow_mut().counted(counts);
                Reply::Noted
            }
            fleet::Request::Tally { app, tally } => {
                self.totals.borrow_mut().tallied(app, tally, now_ms);
                Reply::Noted
            }
            fleet::Request::Metrics => {
                Reply::Metrics(metrics::render(&self.totals.borrow(), &fleet.view(now_ms), now_ms))
            }
        };
        replied(&reply)
    }
}

impl Fleet {
    fn load(&self) -> worker::Result<fleet::Fleet> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS nodes (node_id TEXT PRIMARY KEY, node TEXT NOT NULL)",
            None,
        )?;
        let rows: Vec<Row> = self.sql.exec("SELECT node FROM nodes", None)?.to_array()?;
        let nodes = rows
            .iter()
            .filter_map(|row| serde_json::from_slice::<NodeRow>(row.node.as_bytes()).ok());
        Ok(fleet::Fleet::restore(nodes))
    }

    fn save(&self, change: &Change) -> worker::Result<()> {
        for node_id in &change.forget {
            self.sql
                .exec("DELETE FROM nodes WHERE node_id = ?", vec![node_id.as_str().into()])?;
        }
        if let Some(row) = &change.save {
            let values = vec![row.node_id.as_str().into(), serde_json::to_string(row)?.into()];
            self.sql
                .exec("INSERT OR REPLACE INTO nodes (node_id, node) VALUES (?, ?)", values)?;
        }
        Ok(())
    }
}
