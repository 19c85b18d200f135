//! The Durable Objects, and how they are asked. A request and its reply travel as JSON, in the types of the core that
//! the object runs.

mod app;
mod fleet;
mod recorder;

use protocol::RecorderKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker::{Env, Headers, Method, Request, RequestInit, Response, console_error};

use super::bindings::{self, Misconfigured};
use crate::recording::{NoticeState, Which};
use crate::{app as app_core, fleet as fleet_core, recording};

/// An object did not answer. What it was is in the log.
#[derive(Debug)]
pub(super) struct Unanswered;

pub(super) async fn ask_recorder(
    env: &Env,
    key: &RecorderKey,
    request: &recording::Request,
) -> Result<recording::Reply, Unanswered> {
    ask(env, "RECORDER", &name_of(key)?, &ToRecorder::Core(request)).await
}

/// What a `Recorder` keeps beside its core's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LogQuestion {
    /// The events of a recording behind the number `after`.
    Notices {
        sid: String,
        after: Option<u64>,
        state: Option<NoticeState>,
        limit: usize,
    },
    History {
        sid: String,
    },
    Replay {
        sid: String,
        which: Which,
    },
}

/// Answers with the JSON that the operator gets: a page of events, a list of incidents, or `{"replayed": …}`.
pub(super) async fn ask_log(env: &Env, key: &RecorderKey, question: LogQuestion) -> Result<Value, Unanswered> {
    ask(env, "RECORDER", &name_of(key)?, &ToRecorder::<()>::Log(question)).await
}

/// Whatever a `Recorder` can be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ToRecorder<T> {
    Core(T),
    Log(LogQuestion),
}

fn name_of(key: &RecorderKey) -> Result<String, Unanswered> {
    // JSON keeps the parts of the key apart, whatever is in them.
    serde_json::to_string(&(&key.app_id, &key.channel, &key.uid)).map_err(|error| unanswered("", &error))
}

pub(super) async fn ask_app(
    env: &Env,
    app_id: &str,
    request: &app_core::Request,
) -> Result<app_core::Reply, Unanswered> {
    ask(env, "APP", app_id, request).await
}

/// All nodes are in the table of one object.
pub(super) async fn ask_fleet(env: &Env, request: &fleet_core::Request) -> Result<fleet_core::Reply, Unanswered> {
    ask(env, "FLEET", "fleet", request).await
}

async fn ask<T: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    request: &impl Serialize,
) -> Result<T, Unanswered> {
    let namespace = bindings::objects(env, binding).map_err(|error: Misconfigured| unanswered(binding, &error))?;
    let asked = async {
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_headers(Headers::new())
            .with_body(Some(serde_json::to_string(request)?.into()));
        let request = Request::new_with_init("https://object/", &init)?;
        let mut response = namespace.get_by_name(name)?.fetch_with_request(request).await?;
        match response.status_code() {
            200 => Ok(serde_json::from_slice(&response.bytes().await?)?),
            status => Err(worker::Error::RustError(format!(
                "status {status}: {}",
                response.text().await?
            ))),
        }
    };
    asked.await.map_err(|error: worker::Error| unanswered(binding, &error))
}

fn unanswered(binding: &str, error: &dyn std::fmt::Display) -> Unanswered {
    console_error!("{binding} did not answer: {error}");
    Unanswered
}

/// The object's side: what it was asked.
async fn asked<T: DeserializeOwned>(mut request: Request) -> worker::Result<T> {
    Ok(serde_json::from_slice(&request.bytes().await?)?)
}

/// The object's side: its reply.
fn replied(reply: &impl Serialize) -> worker::Result<Response> {
    Response::from_json(reply)
}
