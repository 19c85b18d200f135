use std::cell::{Cell, RefCell};

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::{ask_fleet, asked, replied};
use crate::app::{self, Change, Reply, Usage};
use crate::fleet;
use crate::worker::bindings;

mod index;

use index::Index;

/// Keeps what one app uses: counts in memory, recordings in an index with a row each.
#[durable_object]
pub struct App {
    object: State,
    env: Env,
    usage: RefCell<Option<Usage>>,
    /// The alarm that is set, as far as this process knows.
    alarm_ms: Cell<Option<u64>>,
}

impl DurableObject for App {
    fn new(object: State, env: Env) -> Self {
        Self {
            object,
            env,
            usage: RefCell::new(None),
            alarm_ms: Cell::new(None),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let request: app::Request = asked(request).await?;
        let reply = self.with(|usage, index, now_ms| answer(usage, index, request, now_ms))?;
        self.set_alarm().await?;
        replied(&reply)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm_ms.set(None);
        let tally = self.with(|usage, index, now_ms| {
            if usage.is_purge_due(now_ms) {
                usage.purged(index.purge(now_ms)?, now_ms);
            }
            Ok(usage.tally(now_ms))
        })?;
        if let Some(tally) = tally {
            let app = self.object.id().to_string();
            let told = fleet::Request::Tally {
                app,
                tally: tally.clone(),
            };
            if ask_fleet(&self.env, &told).await.is_err() {
                self.with(|usage, _, now_ms| {
                    usage.tally_lost(tally, now_ms);
                    Ok(())
                })?;
            }
        }
        self.set_alarm().await?;
        Response::empty()
    }
}

impl App {
    /// Works on the usage without waiting, so that requests cannot interleave in it. What could not be persisted is
    /// forgotten, and loaded again.
    fn with<T>(&self, work: impl FnOnce(&mut Usage, &Index, u64) -> worker::Result<T>) -> worker::Result<T> {
        let now_ms = bindings::now_ms();
        let index = Index::new(self.object.storage().sql());
        let mut kept = self.usage.borrow_mut();
        let mut usage = match kept.take() {
            Some(usage) => usage,
            None => Usage::restore(index.live()?, now_ms),
        };
        let done = work(&mut usage, &index, now_ms)?;
        *kept = Some(usage);
        Ok(done)
    }

    async fn set_alarm(&self) -> worker::Result<()> {
        let wanted_ms = self.usage.borrow().as_ref().and_then(Usage::next_alarm);
        let Some(wanted_ms) =
            wanted_ms.filter(|wanted_ms| self.alarm_ms.get().is_none_or(|set_ms| *wanted_ms < set_ms))
        else {
            return Ok(());
        };
        self.alarm_ms.set(Some(wanted_ms));
        let pause_ms = wanted_ms.saturating_sub(bindings::now_ms());
        let storage = self.object.storage();
        storage.set_alarm(i64::try_from(pause_ms).unwrap_or(i64::MAX)).await
    }
}

fn answer(usage: &mut Usage, index: &Index, request: app::Request, now_ms: u64) -> worker::Result<Reply> {
    let (reply, change) = match request {
        app::Request::Admit(admit) => {
            let (verdict, change) = usage.admit(admit, now_ms);
            (Reply::Verdict(verdict), change)
        }
        app::Request::Release { sid } => (Reply::Done, usage.release(&sid, now_ms)),
        app::Request::News(news) => {
            let known = index.find(&news.place.sid)?;
            (Reply::Done, usage.told(*news, known, now_ms))
        }
        app::Request::List(filter) => (index.list(&filter)?, Change::default()),
        app::Request::Find { sid } => {
            let row = index.find(&sid)?;
            (Reply::Find(row.map(|row| Box::new(row.listed))), Change::default())
        }
        app::Request::Usage { limits } => (Reply::Usage(usage.view(limits, now_ms)), Change::default()),
    };
    index.save(&change)?;
    Ok(reply)
}
