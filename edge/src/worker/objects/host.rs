//! What runs every object: it loads the state when something comes in, lets the core apply one input after another, and
//! then replies, carries out effects and sets the alarm. It may not know what any object is for: that is said by its
//! [`Shell`]. What has to be decided on the way is decided in [`crate::object`].
//!
//! Whatever the platform calls, it becomes an [`Input`]:
//!
//! | handler of the object | what it calls | input |
//! |---|---|---|
//! | `fetch` | [`Host::fetch`] | [`Input::Asked`] |
//! | `alarm` | [`Host::alarm`] | [`Input::Alarm`] |
//! | none: an effect has been carried out | [`Host::happened`] | [`Input::Event`] |
//! | `websocket_message`, `websocket_close`, `websocket_error` | [`Host::happened`] | [`Input::Event`] |
//!
//! An object with sockets makes them events of its own, which name the socket by its tag, and writes to sockets as an
//! effect. A request to open one is accepted in the object's `fetch`, before [`Host::fetch`] reads it as a question.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_channel::oneshot;
use worker::{Delay, Request, Response, console_error};

use super::ask::Object;
use super::counting;
use super::platform::Platform;
use crate::metrics::Work;
use crate::object::{Alarm, Callers, Input, Kept, Order, Output};
use crate::worker::bindings;

/// What makes an object of a core: how its state is loaded and persisted, and how its effects are carried out. It lives as
/// long as the object does, longer than a state that was forgotten.
pub(super) trait Shell: Sized + 'static {
    /// Whose requests and replies it speaks.
    type Object: Object;
    /// The core's state, with what it takes to persist it.
    type State;
    /// What can happen to the object besides that it is asked.
    type Event;
    /// What takes time.
    type Effect;

    fn platform(&self) -> &Platform;

    /// The state as the storage holds it, or as it begins.
    fn load(&self) -> worker::Result<Self::State>;

    /// Applies an input, and persists what it has changed. It does not wait, so that inputs cannot interleave in it. A
    /// state for which it fails is forgotten, together with all who wait for a reply.
    fn apply(&self, state: &mut Self::State, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>>;

    /// When the state has to be given [`Input::Alarm`], in Unix milliseconds. Never, where nothing is due by itself.
    fn next_alarm(&self, _state: &Self::State) -> Option<u64> {
        None
    }

    /// Carries out an effect, in a task of its own. What it returns is the next input.
    async fn carry_out(&self, effect: Self::Effect) -> Option<Self::Event>;
}

pub(super) type InputOf<S> = Input<RequestOf<S>, <S as Shell>::Event>;
pub(super) type OutputOf<S> = Output<ReplyOf<S>, <S as Shell>::Effect>;
type RequestOf<S> = <<S as Shell>::Object as Object>::Request;
type ReplyOf<S> = <<S as Shell>::Object as Object>::Reply;

pub(super) struct Host<S: Shell>(Rc<Parts<S>>);

struct Parts<S: Shell> {
    shell: S,
    state: RefCell<Kept<S::State>>,
    callers: RefCell<Callers<oneshot::Sender<ReplyOf<S>>>>,
    alarm: RefCell<Alarm>,
}

impl<S: Shell> Clone for Host<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Shell> Host<S> {
    pub(super) fn new(shell: S) -> Self {
        Self(Rc::new(Parts {
            shell,
            state: RefCell::default(),
            callers: RefCell::default(),
            alarm: RefCell::default(),
        }))
    }

    pub(super) fn shell(&self) -> &S {
        &self.0.shell
    }

    /// Answers who asks by [`super::ask::ask`].
    pub(super) async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        self.count(|work| work.requests = 1);
        let request = serde_json::from_slice(&request.bytes().await?)?;
        let (caller, reply) = oneshot::channel();
        let by = self.0.callers.borrow_mut().enter(caller);
        self.apply(Input::Asked { by, request }).await?;
        let lost = "no reply came, and the state that knew of the request is forgotten";
        let reply = reply.await.map_err(|_| worker::Error::RustError(lost.to_owned()))?;
        Response::from_json(&reply)
    }

    /// Handles the alarm. No error of it reaches the platform, which after six of them would never call again.
    pub(super) async fn alarm(&self) -> worker::Result<Response> {
        self.count(|work| work.alarms = 1);
        self.0.alarm.borrow_mut().rang(bindings::now_ms());
        self.set_alarm().await;
        match self.apply(Input::Alarm).await {
            Ok(()) => self.0.alarm.borrow_mut().handled(),
            Err(error) => {
                console_error!("an alarm of {} is retried: {error}", S::Object::BINDING);
                self.0.alarm.borrow_mut().failed();
            }
        }
        self.set_alarm().await;
        Response::empty()
    }

    /// Takes in what happened to the object. Nobody waits for it.
    pub(super) async fn happened(&self, event: S::Event) {
        if let Err(error) = self.apply(Input::Event(event)).await {
            console_error!("{} has lost an event: {error}", S::Object::BINDING);
        }
    }

    /// Counts what the platform bills for. A call that is handled here is counted here.
    pub(super) fn count(&self, change: impl FnOnce(&mut Work)) {
        let mut work = Work::default();
        change(&mut work);
        counting::worked(S::Object::BINDING, work);
        let platform = self.0.shell.platform();
        if let Some(sending) = counting::sending_work(platform.env()) {
            platform.spawn(sending);
        }
    }

    async fn apply(&self, input: InputOf<S>) -> worker::Result<()> {
        let outputs = self.advance(input)?;
        let (mut replies, mut effects) = (Vec::new(), Vec::new());
        for output in outputs {
            match output {
                // Taken before anything is waited for: should the state be forgotten meanwhile, this reply holds.
                Output::Reply { to, reply } => replies.push((self.0.callers.borrow_mut().take(to), reply)),
                Output::Effect(effect) => effects.push(effect),
            }
        }
        self.set_alarm().await;
        for (caller, reply) in replies {
            // A caller that went away needs no reply.
            let _ = caller.map(|caller| caller.send(reply));
        }
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        Ok(())
    }

    /// The only place that touches the state.
    fn advance(&self, input: InputOf<S>) -> worker::Result<Vec<OutputOf<S>>> {
        let Parts { shell, .. } = &*self.0;
        let applied = counting::at_work(S::Object::BINDING, || {
            self.0.state.borrow_mut().with(
                || shell.load(),
                |state| {
                    let outputs = shell.apply(state, input, bindings::now_ms())?;
                    Ok((outputs, shell.next_alarm(state)))
                },
            )
        });
        match applied {
            Ok((outputs, wanted_ms)) => {
                self.0.alarm.borrow_mut().want(wanted_ms);
                Ok(outputs)
            }
            Err(error) => {
                self.0.callers.borrow_mut().dismiss();
                Err(error)
            }
        }
    }

    fn carry_out(&self, effect: S::Effect) {
        let host = self.clone();
        self.0.shell.platform().spawn(async move {
            let task = host.0.shell.carry_out(effect);
            if let Some(event) = counting::task_of(S::Object::BINDING, task).await {
                host.happened(event).await;
            }
        });
    }

    async fn set_alarm(&self) {
        if let Some(pause_ms) = self.try_alarm().await {
            self.return_to_alarm(pause_ms);
        }
    }

    /// Tells the platform when to ring, if that has changed. Returns the pause before the next try, when one is needed.
    async fn try_alarm(&self) -> Option<u64> {
        let order = self.0.alarm.borrow_mut().order(bindings::now_ms())?;
        let done = self.0.shell.platform().order_alarm(order).await;
        let mut alarm = self.0.alarm.borrow_mut();
        match done {
            Ok(()) => {
                let rows_written = u64::from(matches!(order, Order::Set { .. }));
                self.count(|work| work.rows_written = rows_written);
                alarm.accepted();
                None
            }
            Err(error) => {
                console_error!("the alarm of {} could not be set: {error}", S::Object::BINDING);
                alarm.refused(order)
            }
        }
    }

    fn return_to_alarm(&self, mut pause_ms: u64) {
        let host = self.clone();
        self.0.shell.platform().spawn(async move {
            loop {
                Delay::from(Duration::from_millis(pause_ms)).await;
                host.0.alarm.borrow_mut().returned();
                match host.try_alarm().await {
                    Some(next_ms) => pause_ms = next_ms,
                    None => return,
                }
            }
        });
    }
}
