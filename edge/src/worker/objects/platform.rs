use wasm_bindgen::{JsCast as _, JsValue};
use worker::worker_sys::DurableObjectState;
use worker::{Env, SqlStorage, State, Storage};

use crate::object::Order;
use crate::worker::bindings;

/// What the platform gives an object.
pub(super) struct Platform {
    object: State,
    /// The same, for what the library does not offer.
    raw: JsValue,
    env: Env,
}

impl Platform {
    pub(super) fn new(object: State, env: Env) -> Self {
        let raw: JsValue = object._inner().into();
        Self {
            object: State::from(raw.clone().unchecked_into::<DurableObjectState>()),
            raw,
            env,
        }
    }

    /// For its sockets.
    pub(super) fn object(&self) -> &State {
        &self.object
    }

    pub(super) fn raw(&self) -> &JsValue {
        &self.raw
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    pub(super) fn storage(&self) -> Storage {
        self.object.storage()
    }

    pub(super) fn sql(&self) -> SqlStorage {
        self.storage().sql()
    }

    /// Names the object among all of its kind.
    pub(super) fn id(&self) -> String {
        self.object.id().to_string()
    }

    /// Runs a task that nobody waits for.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.object.wait_until(task);
    }

    pub(super) async fn order_alarm(&self, order: Order) -> worker::Result<()> {
        match order {
            Order::Set { at_ms } => {
                let pause_ms = at_ms.saturating_sub(bindings::now_ms());
                self.storage()
                    .set_alarm(i64::try_from(pause_ms).unwrap_or(i64::MAX))
                    .await
            }
            Order::Delete => self.storage().delete_alarm().await,
        }
    }
}
