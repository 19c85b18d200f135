//! The Agora Cloud Recording API, version 1. Knows the vendor's paths, fields, codes and texts, and nothing of nodes,
//! objects or stores: a request becomes a response, or a call that the shell carries out and whose outcome comes back
//! here to be rendered.

use crate::access::{Directory, Entropy, Store};
use crate::http::{Request, Response};
use crate::recording::{Call, Outcome};

/// What becomes of a request.
#[derive(Debug)]
pub enum Handled {
    /// The answer is known.
    Respond(Response),
    /// A `Recorder` has to be asked.
    Call(Box<Pending>),
}

/// A valid, authorized request that waits for its recorder.
#[derive(Debug)]
pub struct Pending {
    /// For the `Recorder` object of `call.key`.
    pub call: Call,
    resource_id: String,
}

impl Pending {
    /// The answer to the customer.
    pub fn render(&self, _outcome: &Outcome) -> Response {
        Response::empty(501)
    }

    /// The answer when the recorder could not be asked: ours, and worth another try.
    pub fn unreachable(&self) -> Response {
        Response::empty(500)
    }
}

/// Handles a request in the order of a gateway: route, credentials, app, then the service's own checks.
pub async fn handle<S: Store>(
    _request: &Request,
    _directory: &Directory<'_, S>,
    _now_ms: u64,
    _entropy: &Entropy,
) -> Handled {
    Handled::Respond(Response::empty(501))
}
