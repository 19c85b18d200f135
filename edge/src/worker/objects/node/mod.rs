//! The object that keeps one node's tokens. There is one for each node, so that a node is let in, or is not any more, by
//! what is true at this moment, and no object is asked about all of them.

mod call_keys;

use std::convert::Infallible;

use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::ask::Object;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::sql::{has_table, row, run, text};
use crate::node;
use crate::object::{Input, Output};

pub(super) use call_keys::call_keys;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS node (id INTEGER PRIMARY KEY CHECK (id = 1), node TEXT NOT NULL)";

#[durable_object(fetch)]
pub struct Node {
    host: Host<NodeShell>,
}

impl Object for Node {
    const BINDING: &'static str = "NODE";
    /// The node's id.
    type Key = str;
    type Request = node::Request;
    type Reply = node::Reply;

    fn name(node_id: &str) -> String {
        json!([node_id]).to_string()
    }
}

impl DurableObject for Node {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(NodeShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }
}

struct NodeShell {
    platform: Platform,
}

impl Shell for NodeShell {
    type Object = Node;
    type State = node::Node;
    type Event = Infallible;
    type Effect = Infallible;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<node::Node> {
        let sql = self.platform.sql();
        // Whoever asks with any token must not leave a table behind.
        let kept = match has_table(&sql, "node")? {
            true => row(&sql, "SELECT node FROM node", Vec::new())?,
            false => None,
        };
        kept.map_or_else(|| Ok(node::Node::default()), |mut row| row.json())
    }

    fn apply(&self, node: &mut node::Node, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        match input {
            Input::Asked { by, request } => {
                let before = node.clone();
                let reply = node.answer(request, now_ms);
                if *node != before {
                    save(&self.platform.sql(), node)?;
                }
                Ok(vec![Output::Reply { to: by, reply }])
            }
            Input::Alarm => Ok(Vec::new()),
            Input::Event(event) => match event {},
        }
    }

    async fn carry_out(&self, effect: Infallible) -> Option<Infallible> {
        match effect {}
    }
}

fn save(sql: &SqlStorage, node: &node::Node) -> worker::Result<()> {
    if node.is_empty() {
        return run(sql, "DROP TABLE IF EXISTS node", Vec::new());
    }
    run(sql, CREATE, Vec::new())?;
    run(
        sql,
        "INSERT OR REPLACE INTO node (id, node) VALUES (1, ?)",
        vec![text(&serde_json::to_string(node)?)],
    )
}
