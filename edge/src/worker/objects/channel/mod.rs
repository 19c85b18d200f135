//! The object that keeps where one channel lives, with a row for each node that carries or follows it.

mod automatic;
mod listening;

use worker::{DurableObject, Env, Request, Response, SqlStorage, State, console_error, durable_object};

use super::channel_of::ChannelOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use super::relaying;
use super::sql::{has_table, rows, run, text};
use crate::channel::{self, Effect, Event, Row, step};
use crate::object::Output;
use crate::worker::bindings;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS nodes (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID";

#[durable_object]
pub struct Channel {
    host: Host<ChannelShell>,
}

impl DurableObject for Channel {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(ChannelShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }
}

struct ChannelShell {
    platform: Platform,
}

impl Shell for ChannelShell {
    type Object = ChannelOf;
    type State = channel::Channel;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<channel::Channel> {
        Ok(channel::Channel::restore(
            load(&self.platform.sql())?,
            bindings::now_ms(),
        ))
    }

    fn apply(
        &self,
        channel: &mut channel::Channel,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        let sql = self.platform.sql();
        let mut left = Vec::new();
        for output in step(channel, input, now_ms) {
            match output {
                Output::Effect(Effect::Save(row)) => save(&sql, &row)?,
                Output::Effect(Effect::Remove { name }) => remove(&sql, &name)?,
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, channel: &channel::Channel) -> Option<u64> {
        channel.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        match effect {
            // Carried out with the state's change.
            Effect::Save(_) | Effect::Remove { .. } => None,
            Effect::Tell {
                channel,
                node_id,
                told,
                standing,
            } => {
                let ok = relaying::tell(&node_id, &channel, standing, self.platform.env()).await;
                Some(Event::Told { node_id, told, ok })
            }
            Effect::Announce { channel, told, users } => {
                let heard = listening::announce(&channel, users, self.platform.env()).await;
                Some(Event::Heard { told, heard })
            }
            Effect::Begin { channel } => Some(Event::Begun(automatic::begin(&channel, self.platform.env()).await)),
        }
    }
}

/// What cannot be read is of another version, whose node tells it again.
fn load(sql: &SqlStorage) -> worker::Result<Vec<Row>> {
    // Whoever asks for any channel must not leave a table behind.
    if !has_table(sql, "nodes")? {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    for mut row in rows(sql, "SELECT row FROM nodes", Vec::new())? {
        match row.json::<Row>() {
            Ok(row) => kept.push(row),
            Err(error) => console_error!("a row of a channel cannot be read: {error}"),
        }
    }
    Ok(kept)
}

fn save(sql: &SqlStorage, row: &Row) -> worker::Result<()> {
    run(sql, CREATE, Vec::new())?;
    let values = vec![text(&row.name()), text(&serde_json::to_string(row)?)];
    run(sql, "INSERT OR REPLACE INTO nodes (name, row) VALUES (?, ?)", values)
}

/// The table goes with its last row: a channel that nobody is in takes no space.
fn remove(sql: &SqlStorage, name: &str) -> worker::Result<()> {
    run(sql, "DELETE FROM nodes WHERE name = ?", vec![text(name)])?;
    match rows(sql, "SELECT 1 FROM nodes LIMIT 1", Vec::new())?.next() {
        Some(_) => Ok(()),
        None => run(sql, "DROP TABLE nodes", Vec::new()),
    }
}
