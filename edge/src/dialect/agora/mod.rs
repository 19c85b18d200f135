//! The Agora Cloud Recording API, version 1, in Agora's own flavour and in anyRTC's. Knows the vendor's paths, fields, codes and texts, and nothing of nodes,
//! objects or stores: a request becomes a response, or a call that the shell carries out and whose outcome comes back
//! here to be rendered.

mod acquire;
mod admission;
mod body;
mod error;
mod extension_config;
mod extension_state;
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

use admission::Served;
use body::Reply;
use service::Service;

use crate::access::{AccessError, Directory, DirectoryError, Entropy, Method, Store, authenticate};
use crate::http::{Request, Response};
use crate::input::Targets;
use crate::recording::{Call, Command, Outcome};

pub use admission::{Admission, with_limits};

/// A request that has been looked at.
#[derive(Debug)]
pub enum Received {
    /// The gateway has the answer, or nobody has.
    Handled(Handled),
    /// It is the `App` object's turn.
    Admit(Box<Admission>),
}

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

impl From<Handled> for Received {
    fn from(handled: Handled) -> Self {
        Self::Handled(handled)
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

    /// The sid whose place among the app's recordings is not needed, since the start did not start it.
    pub fn unused_place(&self, outcome: &Outcome) -> Option<&str> {
        let Command::Start(start) = &self.call.command else {
            return None;
        };
        let started = matches!(outcome, Outcome::Started { sid } if *sid == start.sid);
        (!started).then_some(&start.sid)
    }

    /// The answer when the recorder could not be asked: ours, and worth another try.
    pub fn unreachable(&self) -> Response {
        render::not_completed(self.reply.clone())
    }
}

/// What a request calls; `None` when it has no route.
pub fn method(request: &Request) -> Option<Method> {
    route::route(request).map(|route| route.endpoint.method())
}

/// Handles a request in the order of a gateway: route, credentials, app, limits, then the service's own checks. These last
/// are made before the limits are asked, so that one question does for all of them.
///
/// `targets`: which servers a customer may name. `now_ms`: Unix milliseconds. `entropy`: fresh for each request.
pub async fn handle<S: Store>(
    request: &Request,
    directory: &Directory<'_, S>,
    targets: Targets,
    now_ms: u64,
    entropy: &Entropy,
) -> Received {
    let respond = |response| Handled::Respond(response).into();
    let Some(route) = route::route(request) else {
        return respond(gateway::no_route());
    };
    let credential = match authenticate(request.headers.get("authorization"), directory).await {
        Ok(credential) => credential,
        Err(AccessError::Missing) => return respond(gateway::unauthorized()),
        Err(AccessError::Invalid) => return respond(gateway::invalid_credentials()),
        Err(AccessError::Unavailable(error)) => return Handled::Failed(error, gateway::unexpected_error()).into(),
    };
    let app = match directory.app(route.app_id).await {
        Ok(Some(app)) => app,
        Ok(None) => return respond(gateway::invalid_app()),
        Err(error) => return Handled::Failed(error, gateway::unexpected_error()).into(),
    };
    if app.tenant != credential.tenant {
        return respond(gateway::invalid_credentials());
    }
    let service = Service {
        request,
        app: &app,
        keys: directory.keys(),
        targets,
        now_ms,
        entropy,
    };
    let served = service.handle(route.endpoint);
    Received::Admit(Box::new(Admission::new(&app, route.endpoint, served)))
}

#[cfg(test)]
mod tests;
