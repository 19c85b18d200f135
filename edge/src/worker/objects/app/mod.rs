//! The object that keeps what one app uses: counts in memory, recordings in an index with a row each.

mod answer;
mod index;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::ask::{Object, ask};
use super::fleet_of::FleetOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use crate::app::{self, Usage};
use crate::fleet;
use crate::metrics::Tally;
use crate::object::{Input, Output};
use crate::worker::bindings;
use answer::answer;
use index::Index;

#[durable_object]
pub struct App {
    host: Host<AppShell>,
}

impl Object for App {
    const BINDING: &'static str = "APP";
    /// The app's id.
    type Key = str;
    type Request = app::Request;
    type Reply = app::Reply;

    fn name(app_id: &str) -> String {
        app_id.to_owned()
    }
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

/// Figures that the fleet's object has not got.
struct TallyLost(Tally);

impl Shell for AppShell {
    type Object = App;
    type State = Usage;
    type Event = TallyLost;
    /// Figures for the fleet's object.
    type Effect = Tally;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<Usage> {
        let live = Index::new(self.platform.sql()).live()?;
        Ok(Usage::restore(live, bindings::now_ms()))
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
                Ok(usage.tally(now_ms).map(Output::Effect).into_iter().collect())
            }
            Input::Event(TallyLost(tally)) => {
                usage.tally_lost(tally, now_ms);
                Ok(Vec::new())
            }
        }
    }

    fn next_alarm(&self, usage: &Usage) -> Option<u64> {
        usage.next_alarm()
    }

    async fn carry_out(&self, tally: Tally) -> Option<TallyLost> {
        let told = fleet::Request::Tally {
            app: self.platform.id(),
            tally: tally.clone(),
        };
        let told = ask::<FleetOf>(self.platform.env(), &(), &told).await;
        told.err().map(|_| TallyLost(tally))
    }
}
