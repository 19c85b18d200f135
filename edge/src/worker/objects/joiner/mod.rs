//! The object that has files of the app's own store joined, one for each joined file.

mod asking;

use serde_json::json;
use worker::{DurableObject, Env, Error, Request, Response, State, durable_object};

use super::app_of::AppOf;
use super::ask::{Object, ask};
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::sql::{has_table, row, run, text};
use crate::access::{KeyRing, Purpose};
use crate::app;
use crate::joining::{self, Effect, Event, Join, Order, Terms, step};
use crate::object::Output;
use crate::worker::bindings;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS joining (id INTEGER PRIMARY KEY CHECK (id = 1), sid TEXT NOT NULL, state TEXT NOT NULL)";

#[durable_object]
pub struct Joiner {
    host: Host<JoinerShell>,
}

impl Object for Joiner {
    const BINDING: &'static str = "JOINER";
    /// The sid of an order is its app's alone.
    type Key = Order;
    type Request = joining::Request;
    type Reply = joining::Reply;

    fn name(order: &Order) -> String {
        json!([order.key.app_id, order.sid]).to_string()
    }
}

impl DurableObject for Joiner {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(JoinerShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }
}

struct JoinerShell {
    platform: Platform,
}

impl Shell for JoinerShell {
    type Object = Joiner;
    type State = Option<Join>;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<Option<Join>> {
        let sql = self.platform.sql();
        if !has_table(&sql, "joining")? {
            return Ok(None);
        }
        let Some(mut row) = row(&sql, "SELECT sid, state FROM joining", Vec::new())? else {
            return Ok(None);
        };
        let (sid, sealed) = (row.text(), row.text());
        let keys = self.keys()?;
        let plain = keys.open_text(Purpose::Join(&sid), &sealed);
        let plain = plain.map_err(|_| failed("it cannot be decrypted: is its key still configured?"))?;
        Ok(Some(serde_json::from_slice(&plain)?))
    }

    fn apply(&self, join: &mut Option<Join>, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let terms = Terms {
            now_ms,
            pacing: bindings::pacing(self.platform.env()),
            chance: u32::from_le_bytes(bindings::random()),
        };
        let mut left = Vec::new();
        for output in step(join, input, terms) {
            match output {
                Output::Effect(Effect::Keep) => self.keep(join.as_ref())?,
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, join: &Option<Join>) -> Option<u64> {
        join.as_ref().map(Join::next_alarm)
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        match effect {
            // Carried out with the state's change.
            Effect::Keep => None,
            Effect::Place { sid, exclude } => Some(Event::Placed(asking::place(sid, exclude, env).await)),
            Effect::Ask { node_id, name, order } => {
                let answer = asking::ask_node(&node_id, name, &order, env).await;
                Some(Event::Answered { node_id, answer })
            }
            Effect::Tell(news) => {
                let app_id = news.reservation.key.app_id.clone();
                let told = ask::<AppOf>(env, &app_id, &app::Request::News(news)).await;
                Some(match told {
                    Ok(app::Reply::Gone) => Event::Gone,
                    told => Event::Told(told.is_ok()),
                })
            }
            Effect::Clear { order, waste } => Some(Event::Cleared(asking::clear(&order, waste, env).await)),
            Effect::Deliver { order, to, result } => {
                let delivery = asking::deliver(&order, to, &result, env).await;
                Some(Event::Delivered { to, delivery })
            }
        }
    }
}

impl JoinerShell {
    fn keys(&self) -> worker::Result<KeyRing> {
        bindings::seal_keys(self.platform.env()).map_err(|error| failed(&error.to_string()))
    }

    fn keep(&self, join: Option<&Join>) -> worker::Result<()> {
        let sql = self.platform.sql();
        let Some(join) = join else {
            return run(&sql, "DROP TABLE IF EXISTS joining", Vec::new());
        };
        let keys = self.keys()?;
        let sealed = keys.seal_text(
            Purpose::Join(join.sid()),
            &serde_json::to_vec(join)?,
            &bindings::random(),
        );
        let sealed = sealed.map_err(|_| failed("it cannot be encrypted"))?;
        run(&sql, CREATE, Vec::new())?;
        let values = vec![text(join.sid()), text(&sealed)];
        run(
            &sql,
            "INSERT OR REPLACE INTO joining (id, sid, state) VALUES (1, ?, ?)",
            values,
        )
    }
}

fn failed(why: &str) -> Error {
    Error::RustError(format!("what is to be joined cannot be kept or read: {why}"))
}
