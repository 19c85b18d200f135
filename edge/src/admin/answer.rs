//! Answers to what the shell asked its objects.

use serde::Serialize;

use super::error::AdminError;
use crate::access::Page;
use crate::http::Response;
use crate::recording::Outcome;

/// One page of a listing; its rows must hold no secrets.
pub fn page<T: Serialize>(page: &Page<T>) -> Response {
    Response::json(200, page)
}

/// The state of one recording: 200, or 202 while a stop that was just ordered goes on.
pub fn recording(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::State(snapshot) | Outcome::AlreadyEnded(snapshot) => Response::json(200, snapshot),
        Outcome::Stopping(snapshot) => Response::json(202, snapshot),
        Outcome::NotFound { reason } => AdminError::new(404, "not_found", reason).response(),
        _ => failure(),
    }
}

/// The objects could not be asked, or gave no fitting answer: ours.
pub fn failure() -> Response {
    AdminError::new(
        503,
        "unavailable",
        "the recorder or the fleet did not answer; try again",
    )
    .response()
}
