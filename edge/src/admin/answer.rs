//! Answers to what the shell asked its objects.

use serde::Serialize;

use super::error::AdminError;
use crate::access::Page;
use crate::http::Response;
use crate::recording::{Outcome, Status};

/// One page of a listing; its rows must hold no secrets.
pub fn page<T: Serialize>(page: &Page<T>) -> Response {
    Response::json(200, page)
}

/// The state of one recording: 200, or 202 to a stop while the recording has not come to its end.
pub fn recording(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::State(snapshot) => Response::json(200, snapshot),
        Outcome::AlreadyEnded(snapshot) if snapshot.status > Status::Stopping => Response::json(200, snapshot),
        Outcome::AlreadyEnded(snapshot) | Outcome::Stopping(snapshot) => Response::json(202, snapshot),
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
