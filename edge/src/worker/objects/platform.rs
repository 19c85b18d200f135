use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::worker_sys::DurableObjectState;
use worker::{Env, SqlStorage, State, Storage, WebSocket, console_error, web_sys};

use crate::object::Order;
use crate::worker::bindings;

/// The platform does not answer the other side's closing by itself. Some codes are never sent, and stand for a socket that
/// just broke.
pub(super) fn answer_close(socket: &WebSocket, code: usize, reason: &str) {
    let code = u16::try_from(code)
        .ok()
        .filter(|code| matches!(code, 1_000 | 3_000..5_000));
    // One that is gone already needs no answer.
    let _ = socket.close(code, code.map(|_| reason));
}

#[wasm_bindgen]
extern "C" {
    type RawState;

    /// A `Date`, or `null` when nothing was answered over the socket yet.
    #[wasm_bindgen(method, catch, js_name = getWebSocketAutoResponseTimestamp)]
    fn auto_response_timestamp(this: &RawState, socket: &web_sys::WebSocket) -> Result<JsValue, JsValue>;
}

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

    /// When the platform has last answered a ping over a socket, Unix milliseconds; 0 when it never has, `None` when that is not
    /// known.
    pub(super) fn answered_ms(&self, socket: &WebSocket) -> Option<u64> {
        let raw: &RawState = self.raw.unchecked_ref();
        match raw.auto_response_timestamp(socket.as_ref()) {
            // Whole milliseconds, since 1970.
            Ok(at) => Some(at.dyn_into::<js_sys::Date>().map_or(0, |date| date.get_time() as u64)),
            Err(error) => {
                console_error!("when a ping came over a socket is not known: {error:?}");
                None
            }
        }
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
