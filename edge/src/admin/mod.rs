//! The operator's API under `/admin/v1`: tenants, their credentials, apps; nodes and recordings by way of the shell. It
//! knows the directory and the recording's words, no dialect.

use protocol::Secret;

use crate::access::{Directory, Entropy, Store};
use crate::http::{Request, Response};
use crate::recording::Outcome;

/// What becomes of a request.
#[derive(Debug)]
pub enum Handled {
    /// The answer is known.
    Respond(Response),
    /// The shell has to ask its objects.
    Ask(Question),
}

/// What the operator asks of the objects. The shell answers with [`page`], [`recording`] or [`failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// `GET /nodes`: all nodes that the fleet knows; answered by [`page`].
    Nodes,
    /// `GET /apps/{app_id}/recordings?limit=&cursor=`, newest first where the store allows; answered by [`page`].
    Recordings {
        app_id: String,
        limit: usize,
        cursor: Option<String>,
    },
    /// `GET /apps/{app_id}/recordings/{sid}`; answered by [`recording`].
    Recording { app_id: String, sid: String },
    /// `POST /apps/{app_id}/recordings/{sid}/stop`; answered by [`recording`].
    Stop { app_id: String, sid: String },
}

/// Handles a request whose path begins with `/admin/v1`.
pub async fn handle<S: Store>(
    _request: &Request,
    _token: &Secret,
    _directory: &Directory<'_, S>,
    _now_ms: u64,
    _entropy: &Entropy,
) -> Handled {
    Handled::Respond(Response::empty(501))
}

/// Answers a question about one recording.
pub fn recording(_outcome: &Outcome) -> Response {
    Response::empty(501)
}

/// One page of a listing that the shell has made; the rows must hold no secrets.
pub fn page<T: serde::Serialize>(page: &crate::access::Page<T>) -> Response {
    Response::json(200, page)
}

/// The shell could not ask its objects: ours, and worth another try.
pub fn failure() -> Response {
    Response::empty(500)
}
