//! The Agora Cloud Recording API, version 1, in Agora's own flavour and in anyRTC's. Knows the vendor's paths, fields, codes and texts, and nothing of nodes,
//! objects or stores: a request becomes a response, or a call that the shell carries out and whose outcome comes back
//! here to be rendered.

mod acquire;
mod body;
mod error;
mod extension_config;
mod flavour;
mod gateway;
mod layout;
mod mode;
mod names;
pub mod notification;
mod recording_config;
mod render;
mod route;
mod server_response;
mod service;
mod snapshot_config;
mod start;
mod start_parameter;
mod stop;
mod storage_config;
mod subscription;
mod transcoding;
mod update;

use body::Reply;
use service::Service;

use crate::access::{AccessError, Directory, DirectoryError, Entropy, Store, authenticate};
use crate::http::{Request, Response};
use crate::input::Targets;
use crate::recording::{Call, Outcome};

/// What becomes of a request.
#[derive(Debug)]
pub enum Handled {
    /// The answer is known.
    Respond(Response),
    /// A `Recorder` has to be asked.
    Call(Box<Pending>),
    /// The directory could not be read: ours. The error is for the log, the response for the customer.
    Failed(DirectoryError, Response),
}

impl Handled {
    fn call(pending: Pending) -> Self {
        Self::Call(Box::new(pending))
    }
}

/// A valid, authorized request that waits for its recorder.
#[derive(Debug)]
pub struct Pending {
    /// For the `Recorder` object of `call.key`.
    pub call: Call,
    reply: Reply,
}

impl Pending {
    /// The answer to the customer.
    pub fn render(&self, outcome: &Outcome) -> Response {
        render::render(&self.call.command, self.reply.clone(), outcome)
    }

    /// The answer when the recorder could not be asked: ours, and worth another try.
    pub fn unreachable(&self) -> Response {
        render::not_completed(self.reply.clone())
    }
}

/// Handles a request in the order of a gateway: route, credentials, app, then the service's own checks.
///
/// `targets`: which servers a customer may name. `now_ms`: Unix milliseconds. `entropy`: fresh for each request.
pub async fn handle<S: Store>(
    request: &Request,
    directory: &Directory<'_, S>,
    targets: Targets,
    now_ms: u64,
    entropy: &Entropy,
) -> Handled {
    let Some(route) = route::route(request) else {
        return Handled::Respond(gateway::no_route());
    };
    let credential = match authenticate(request.headers.get("authorization"), directory).await {
        Ok(credential) => credential,
        Err(AccessError::Missing) => return Handled::Respond(gateway::unauthorized()),
        Err(AccessError::Invalid) => return Handled::Respond(gateway::invalid_credentials()),
        Err(AccessError::Unavailable(error)) => return Handled::Failed(error, gateway::unexpected_error()),
    };
    let app = match directory.app(route.app_id).await {
        Ok(Some(app)) => app,
        Ok(None) => return Handled::Respond(gateway::invalid_app()),
        Err(error) => return Handled::Failed(error, gateway::unexpected_error()),
    };
    if app.tenant != credential.tenant {
        return Handled::Respond(gateway::invalid_credentials());
    }
    Service {
        request,
        app: &app,
        keys: directory.keys(),
        targets,
        now_ms,
        entropy,
    }
    .handle(route.endpoint)
}

#[cfg(test)]
mod tests;
