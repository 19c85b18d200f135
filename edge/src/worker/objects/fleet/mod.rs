//! The object that keeps the table of nodes, with a row for each node that bridges a restart of the object. The figures
//! for monitoring come together here as well.

mod answer;
mod figures;
mod rows;

use std::cell::RefCell;
use std::convert::Infallible;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::fleet_of::FleetOf;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::platform::Platform;
use crate::fleet;
use crate::metrics::Totals;
use crate::object::{Input, Output};
use crate::worker::bindings;
use answer::answer;

#[durable_object(fetch)]
pub struct Fleet {
    host: Host<FleetShell>,
}

impl DurableObject for Fleet {
    fn new(object: State, env: Env) -> Self {
        let shell = FleetShell {
            platform: Platform::new(object, env),
            totals: RefCell::new(Totals::new(bindings::now_ms())),
        };
        Self { host: Host::new(shell) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request).await
    }
}

struct FleetShell {
    platform: Platform,
    totals: RefCell<Totals>,
}

impl Shell for FleetShell {
    type Object = FleetOf;
    type State = fleet::Fleet;
    type Event = Infallible;
    type Effect = Infallible;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<fleet::Fleet> {
        let (sql, now_ms) = (self.platform.sql(), bindings::now_ms());
        self.totals.replace(figures::load(&sql, now_ms)?);
        Ok(fleet::Fleet::restore(rows::load(&sql)?, now_ms))
    }

    fn apply(
        &self,
        fleet: &mut fleet::Fleet,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        match input {
            Input::Asked { by, request } => {
                let sql = self.platform.sql();
                let reply = answer(fleet, &mut self.totals.borrow_mut(), &sql, request, now_ms)?;
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
