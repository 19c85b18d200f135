//! The object that numbers what happens in one app and tells those who listen, with a row for each event, channel and listener.

use worker::{DurableObject, Env, Request, Response, SqlStorage, State, console_error, durable_object};

use super::ask::ask;
use super::feed_of::FeedOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::listener_of::ListenerOf;
use super::platform::Platform;
use super::sql::{has_table, rows, run, text};
use crate::gateway::feed::{self, Effect, Event, Pushed, Row, step};
use crate::gateway::listener;
use crate::object::Output;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS feed (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID";

#[durable_object(fetch)]
pub struct Feed {
    host: Host<FeedShell>,
}

impl DurableObject for Feed {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(FeedShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }
}

struct FeedShell {
    platform: Platform,
}

impl Shell for FeedShell {
    type Object = FeedOf;
    type State = feed::Feed;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<feed::Feed> {
        Ok(feed::Feed::restore(load(&self.platform.sql())?))
    }

    fn apply(&self, feed: &mut feed::Feed, input: InputOf<Self>, _: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let sql = self.platform.sql();
        let mut left = Vec::new();
        for output in step(feed, input) {
            match output {
                Output::Effect(Effect::Save(row)) => save(&sql, &row)?,
                Output::Effect(Effect::Remove { name }) => {
                    run(&sql, "DELETE FROM feed WHERE name = ?", vec![text(&name)])?;
                }
                output => left.push(output),
            }
        }
        Ok(left)
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        match effect {
            // Carried out with the state's change.
            Effect::Save(_) | Effect::Remove { .. } => None,
            Effect::Push {
                app_id,
                listener,
                events,
            } => {
                let push = listener::Request::Push { app_id, events };
                let pushed = match ask::<ListenerOf>(self.platform.env(), &listener, &push).await {
                    Ok(listener::Reply::Done) => Pushed::Sent,
                    Ok(listener::Reply::Gone) => Pushed::Gone,
                    Err(_) => Pushed::Failed,
                };
                Some(Event::Pushed { listener, pushed })
            }
        }
    }
}

/// What cannot be read is of another version.
fn load(sql: &SqlStorage) -> worker::Result<Vec<Row>> {
    // Whoever asks about any app must not leave a table behind.
    if !has_table(sql, "feed")? {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    // As many as the core keeps.
    for mut row in rows(sql, "SELECT row FROM feed", Vec::new())? {
        match row.json::<Row>() {
            Ok(row) => kept.push(row),
            Err(error) => console_error!("a row of a feed cannot be read: {error}"),
        }
    }
    Ok(kept)
}

fn save(sql: &SqlStorage, row: &Row) -> worker::Result<()> {
    run(sql, CREATE, Vec::new())?;
    let values = vec![text(&row.name()), text(&serde_json::to_string(row)?)];
    run(sql, "INSERT OR REPLACE INTO feed (name, row) VALUES (?, ?)", values)
}
