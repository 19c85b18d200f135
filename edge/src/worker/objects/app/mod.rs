//! The object that keeps what one app uses: counts in memory, recordings in an index with a row each.

mod answer;
mod erasing;
mod index;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::app_of::AppOf;
use super::ask::ask;
use super::fleet_of::FleetOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use crate::app::{self, Doomed, Left, Usage};
use crate::fleet;
use crate::metrics::Tally;
use crate::object::{Input, Output};
use crate::worker::bindings;
use answer::{answer, save};
use index::Index;

#[durable_object]
pub struct App {
    host: Host<AppShell>,
}

impl DurableObject for App {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(AppShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }
}

struct AppShell {
    platform: Platform,
}

/// What takes time.
enum Effect {
    /// Figures for the fleet's object.
    Tell(Tally),
    /// Delete a recording, or a part of it.
    Erase(Doomed),
}

enum Event {
    /// Figures that the fleet's object has not got.
    TallyLost(Tally),
    /// How a round of deleting went.
    Erased { sid: String, left: Left },
}

impl Shell for AppShell {
    type Object = AppOf;
    type State = Usage;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<Usage> {
        let index = Index::new(self.platform.sql());
        let mut usage = Usage::restore(index.live()?, bindings::now_ms());
        usage.erases_at(index.next_erasure()?);
        Ok(usage)
    }

    fn apply(&self, usage: &mut Usage, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let index = Index::new(self.platform.sql());
        match input {
            Input::Asked { by, request } => {
                let reply = answer(usage, &index, request, now_ms)?;
                Ok(vec![Output::Reply { to: by, reply }])
            }
            Input::Alarm => {
                if usage.is_purge_due(now_ms) {
                    usage.purged(index.purge(now_ms)?, now_ms);
                }
                let mut effects: Vec<_> = usage.tally(now_ms).map(Effect::Tell).into_iter().collect();
                if usage.is_erasing_due(now_ms)
                    && let Some(row) = index.first_to_erase()?
                {
                    let (doomed, change) = app::due(row, now_ms);
                    save(usage, &index, &change)?;
                    effects.extend(doomed.map(Effect::Erase));
                }
                Ok(effects.into_iter().map(Output::Effect).collect())
            }
            Input::Event(Event::TallyLost(tally)) => {
                usage.tally_lost(tally, now_ms);
                Ok(Vec::new())
            }
            Input::Event(Event::Erased { sid, left }) => {
                let change = app::erased(index.find(&sid)?, left, now_ms);
                save(usage, &index, &change)?;
                Ok(Vec::new())
            }
        }
    }

    fn next_alarm(&self, usage: &Usage) -> Option<u64> {
        usage.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Tell(tally) => {
                let told = fleet::Request::Tally {
                    app: self.platform.id(),
                    tally: tally.clone(),
                };
                let told = ask::<FleetOf>(self.platform.env(), &(), &told).await;
                told.err().map(|_| Event::TallyLost(tally))
            }
            Effect::Erase(doomed) => {
                let left = erasing::erase(&doomed, self.platform.env()).await;
                Some(Event::Erased { sid: doomed.sid, left })
            }
        }
    }
}
