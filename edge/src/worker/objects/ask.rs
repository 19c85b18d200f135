//! How an object is asked. A request and its reply travel as JSON.

use protocol::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Env, Headers, Method, Request, RequestInit, Response, console_error};

use crate::worker::bindings;

/// A kind of object: where it is found, and in which words it is talked to.
pub(in crate::worker) trait Object {
    /// The name of its namespace among the bindings.
    const BINDING: &'static str;
    /// What tells one object of this kind from another.
    type Key: ?Sized;
    type Request: Serialize + DeserializeOwned;
    type Reply: Serialize + DeserializeOwned;

    /// The name of the object in its namespace: different keys have different names.
    fn name(key: &Self::Key) -> String;
}

/// An object did not answer. Why is in the log.
#[derive(Debug)]
pub(in crate::worker) struct Unanswered;

/// Asks one object, and waits for its reply.
pub(in crate::worker) async fn ask<O: Object>(
    env: &Env,
    key: &O::Key,
    request: &O::Request,
) -> Result<O::Reply, Unanswered> {
    let unanswered = |error: &dyn std::fmt::Display| {
        console_error!("{} did not answer: {error}", O::BINDING);
        Unanswered
    };
    let namespace = bindings::objects(env, O::BINDING).map_err(|error| unanswered(&error))?;
    let asked = async {
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_headers(Headers::new())
            .with_body(Some(serde_json::to_string(request)?.into()));
        let request = Request::new_with_init("https://object/", &init)?;
        let object = namespace.get_by_name(&O::name(key))?;
        let mut response = object.fetch_with_request(request).await?;
        match response.status_code() {
            200 => Ok(serde_json::from_slice(&response.bytes().await?)?),
            status => Err(worker::Error::RustError(format!(
                "status {status}: {}",
                response.text().await?
            ))),
        }
    };
    asked.await.map_err(|error: worker::Error| unanswered(&error))
}

/// Hands a request on to one object as it is, such as one that opens a WebSocket, and returns its response.
pub(in crate::worker) async fn open<O: Object>(
    env: &Env,
    key: &O::Key,
    request: Request,
) -> Result<Response, Unanswered> {
    let unanswered = |error: &dyn std::fmt::Display| {
        console_error!("{} did not take a request: {error}", O::BINDING);
        Unanswered
    };
    let namespace = bindings::objects(env, O::BINDING).map_err(|error| unanswered(&error))?;
    let object = namespace
        .get_by_name(&O::name(key))
        .map_err(|error| unanswered(&error))?;
    let response = object.fetch_with_request(request).await;
    response.map_err(|error| unanswered(&error))
}

/// What a node is told when an object does not answer.
pub(in crate::worker) fn unavailable() -> Refusal {
    Refusal::internal("the edge could not reach its objects; try again")
}
