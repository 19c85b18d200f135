//! The object that knows who of one tenant's callers is signed in. There is one for each tenant, since a token does not name
//! its account; the app that a call names leads to the tenant.

use std::convert::Infallible;

use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::ask::Object;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::sql::{has_table, row, run, text};
use crate::gateway;
use crate::object::{Input, Output};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS gateway (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)";

#[durable_object(fetch)]
pub struct Gateway {
    host: Host<GatewayShell>,
}

impl Object for Gateway {
    const BINDING: &'static str = "GATEWAY";
    /// The tenant's id.
    type Key = str;
    type Request = gateway::Request;
    type Reply = gateway::Reply;

    fn name(tenant: &str) -> String {
        json!([tenant]).to_string()
    }
}

impl DurableObject for Gateway {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(GatewayShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }
}

struct GatewayShell {
    platform: Platform,
}

impl Shell for GatewayShell {
    type Object = Gateway;
    type State = gateway::Gateway;
    type Event = Infallible;
    type Effect = Infallible;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<gateway::Gateway> {
        let sql = self.platform.sql();
        // Whoever asks with any token must not leave a table behind.
        let kept = match has_table(&sql, "gateway")? {
            true => row(&sql, "SELECT state FROM gateway", Vec::new())?,
            false => None,
        };
        kept.map_or_else(|| Ok(gateway::Gateway::default()), |mut row| row.json())
    }

    fn apply(
        &self,
        gateway: &mut gateway::Gateway,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        match input {
            Input::Asked { by, request } => {
                let before = gateway.clone();
                let reply = gateway.answer(request, now_ms);
                if *gateway != before {
                    save(&self.platform.sql(), gateway)?;
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

fn save(sql: &SqlStorage, gateway: &gateway::Gateway) -> worker::Result<()> {
    run(sql, CREATE, Vec::new())?;
    let values = vec![text(&serde_json::to_string(gateway)?)];
    run(sql, "INSERT OR REPLACE INTO gateway (id, state) VALUES (1, ?)", values)
}
