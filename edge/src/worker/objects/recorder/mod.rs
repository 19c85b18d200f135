use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_channel::oneshot;
use serde_json::{Value, json};
use worker::{DurableObject, Env, Request, Response, console_error, durable_object};

use super::{LogQuestion, ToRecorder, asked, replied};
use crate::metrics::Counts;
use crate::recording::{self, CallId, Effect, Input, Reply};
use crate::worker::webhooks::Receiver;
use crate::worker::{bindings, counting};

mod effects;
mod inventory;
mod log;
mod storage;

/// So long the settings of the app's callback are taken as they were read.
const RECEIVER_MS: u64 = 30_000;

/// Runs one recorder's core: each input changes the state, the state is persisted, then the effects are carried out,
/// each in a task of its own whose result is the next input.
#[durable_object]
pub struct Recorder {
    shell: Rc<Shell>,
}

struct Shell {
    object: worker::State,
    env: Env,
    /// `None` until it is loaded, and again when it could not be persisted.
    core: RefCell<Option<storage::Kept>>,
    callers: RefCell<BTreeMap<CallId, oneshot::Sender<Reply>>>,
    next_call: Cell<CallId>,
    /// The alarm that is set, as far as this process knows.
    alarm_ms: Cell<Option<u64>>,
    /// Who is told of events, and since when that is known.
    receiver: RefCell<Option<(u64, Option<Receiver>)>>,
}

impl DurableObject for Recorder {
    fn new(object: worker::State, env: Env) -> Self {
        let shell = Shell {
            object,
            env,
            core: RefCell::new(None),
            callers: RefCell::default(),
            next_call: Cell::new(0),
            alarm_ms: Cell::new(None),
            receiver: RefCell::new(None),
        };
        Self { shell: Rc::new(shell) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        match asked(request).await? {
            ToRecorder::Core(request) => replied(&self.shell.ask(request).await?),
            ToRecorder::Log(question) => replied(&self.shell.answer(question).await?),
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.shell.alarm_ms.set(None);
        self.shell.clone().apply(Input::Alarm).await?;
        Response::empty()
    }
}

impl Shell {
    async fn ask(self: &Rc<Self>, request: recording::Request) -> worker::Result<Reply> {
        let by = self.next_call.get();
        self.next_call.set(by + 1);
        let (caller, reply) = oneshot::channel();
        self.callers.borrow_mut().insert(by, caller);
        if let Err(error) = self.clone().apply(Input::Asked { by, request }).await {
            self.callers.borrow_mut().remove(&by);
            return Err(error);
        }
        reply
            .await
            .map_err(|_| worker::Error::RustError("the recorder gave no reply".to_owned()))
    }

    async fn answer(self: &Rc<Self>, question: LogQuestion) -> worker::Result<Value> {
        let sql = self.object.storage().sql();
        let exists = storage::exists(&sql)?;
        match question {
            LogQuestion::Notices { .. } if !exists => Ok(json!({ "items": [] })),
            LogQuestion::Notices {
                sid,
                after,
                state,
                limit,
            } => Ok(json!(log::notices(&sql, &sid, after, state, limit)?)),
            LogQuestion::History { sid } if exists => Ok(json!(log::incidents(&sql, &sid)?)),
            LogQuestion::History { .. } => Ok(json!([])),
            LogQuestion::Replay { sid, which } => {
                let numbers = match exists {
                    true => log::to_replay(&sql, &sid, which)?,
                    false => Vec::new(),
                };
                let request = recording::Request::Replay(recording::Replay { sid, numbers });
                match self.ask(request).await? {
                    Reply::Replayed { count } => Ok(json!({ "replayed": count })),
                    _ => Err(worker::Error::RustError("no answer to a replay".to_owned())),
                }
            }
        }
    }

    async fn apply(self: Rc<Self>, input: Input) -> worker::Result<()> {
        let (effects, alarm_ms) = self.advance(input)?;
        if let Err(error) = self.set_alarm(alarm_ms).await {
            console_error!("the recorder's alarm could not be set: {error}");
        }
        for effect in effects {
            match effect {
                Effect::Reply { to, reply } => {
                    let caller = self.callers.borrow_mut().remove(&to);
                    // A caller that went away needs no reply.
                    let _ = caller.map(|caller| caller.send(reply));
                }
                effect => self.clone().carry_out(effect),
            }
        }
        Ok(())
    }

    /// The only place that touches the state. It does not wait, so that inputs cannot interleave in it.
    fn advance(&self, input: Input) -> worker::Result<(Vec<Effect>, Option<u64>)> {
        let storage = self.object.storage();
        let mut core = self.core.borrow_mut();
        let mut kept = match core.take() {
            Some(kept) => kept,
            None => storage::load(&storage.sql(), &self.env)?,
        };
        let effects = recording::step(&mut kept.state, input, bindings::now_ms());
        let effects = kept.save(&storage, &self.env, effects)?;
        let alarm_ms = recording::next_alarm(&kept.state);
        *core = Some(kept);
        Ok((effects, alarm_ms))
    }

    /// An alarm that is set too early costs one more look; it is not moved for each report.
    async fn set_alarm(&self, wanted_ms: Option<u64>) -> worker::Result<()> {
        let Some(wanted_ms) = wanted_ms else { return Ok(()) };
        if self.alarm_ms.get().is_some_and(|set_ms| set_ms <= wanted_ms) {
            return Ok(());
        }
        self.alarm_ms.set(Some(wanted_ms));
        let pause_ms = wanted_ms.saturating_sub(bindings::now_ms());
        self.object
            .storage()
            .set_alarm(i64::try_from(pause_ms).unwrap_or(i64::MAX))
            .await
    }

    /// Counts something, and sends it later even if this instance answers no requests.
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        counting::count(change);
        if let Some(sending) = counting::sending(&self.env) {
            self.object.wait_until(sending);
        }
    }

    fn carry_out(self: Rc<Self>, effect: Effect) {
        let shell = self.clone();
        self.object.wait_until(async move {
            let input = effects::carry_out(effect, &shell).await;
            let applied = match input {
                Some(input) => shell.apply(input).await,
                None => Ok(()),
            };
            if let Err(error) = applied {
                console_error!("an effect's result was lost: {error}");
            }
        });
    }
}
