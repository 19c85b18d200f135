//! Answers to what the shell asked its objects.

use serde::Serialize;
use serde_json::json;

use super::TestResult;
use super::error::AdminError;
use super::notices::NoticeView;
use crate::access::Page;
use crate::app::{Cursor, Erasing, Listed, UsageView};
use crate::dialect::EventType;
use crate::http::Response;
use crate::recording::{Incident, LoggedNotice, Notice, Outcome, RecordingView, Status, Which};

/// One page of a listing; its rows must hold no secrets.
pub fn page<T: Serialize>(page: &Page<T>) -> Response {
    Response::json(200, page)
}

/// One page of an app's recordings.
pub fn recordings(items: Vec<Listed>, next: Option<&Cursor>) -> Response {
    page(&Page {
        items,
        cursor: next.map(Cursor::to_text),
    })
}

/// A recording that is made of others, which has no recorder: as the index has it.
pub fn made(listed: &Listed) -> Response {
    Response::json(200, listed)
}

/// How much of its limits an app uses.
pub fn usage(view: &UsageView) -> Response {
    Response::json(200, view)
}

#[derive(Serialize)]
struct WithHistory<'a> {
    #[serde(flatten)]
    snapshot: &'a RecordingView,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a [Incident]>,
}

/// The state of one recording: 200, or 202 to a stop while the recording has not come to its end. With its history, a list
/// of incidents with the oldest first, where that was asked for.
pub fn recording(outcome: &Outcome, history: Option<&[Incident]>) -> Response {
    let view = |status, snapshot| Response::json(status, &WithHistory { snapshot, history });
    match outcome {
        Outcome::State(snapshot) => view(200, snapshot),
        Outcome::AlreadyEnded(snapshot) if snapshot.status > Status::Stopping => view(200, snapshot),
        Outcome::AlreadyEnded(snapshot) | Outcome::Stopping(snapshot) => view(202, snapshot),
        Outcome::NotFound { reason } => AdminError::new(404, "not_found", reason).response(),
        _ => failure(),
    }
}

/// 202: it is being deleted, and will be; 409 when that is not possible.
pub fn erasing(erasing: Erasing, sid: &str) -> Response {
    match erasing {
        Erasing::Begun => Response::json(202, &json!({ "sid": sid })),
        Erasing::Runs => {
            let reason = "the recording is running or uploading: stop it, or wait until it has ended";
            AdminError::new(409, "recording_runs", reason).response()
        }
        Erasing::NotOurs => {
            let reason = "the recording is in a store of the customer's, from which nothing is deleted";
            AdminError::new(409, "not_house_storage", reason).response()
        }
        Erasing::NotFound => AdminError::not_found("recording", sid).response(),
    }
}

/// 204, or 404 when nothing of the recording is awaited.
pub fn given_up(gave_up: Result<(), String>) -> Response {
    match gave_up {
        Ok(()) => Response::empty(204),
        Err(reason) => AdminError::new(404, "not_found", reason).response(),
    }
}

/// One page of the log of a recording's events. `names`: an event's id, and what the app's dialect calls its
/// type.
pub fn notices(lines: Vec<LoggedNotice>, limit: usize, names: impl Fn(&Notice) -> (String, EventType)) -> Response {
    // A page that is not full is the last one.
    let last = lines.last().filter(|_| lines.len() >= limit);
    let cursor = last.map(|last| last.notice.number.to_string());
    let items = lines.into_iter().map(|line| {
        let names = names(&line.notice);
        NoticeView::new(line, names)
    });
    page(&Page {
        items: items.collect(),
        cursor,
    })
}

/// `{"replayed": …}`, how many events wait to be delivered once more; of one that was named there must be one.
pub fn replayed(count: u64, which: Which) -> Response {
    match which {
        Which::Number(number) if count == 0 => {
            let reason =
                format!("there is no event {number} that could be replayed: it is unknown, forgotten, or waits anyway");
            AdminError::new(404, "not_found", reason).response()
        }
        _ => Response::json(202, &json!({ "replayed": count })),
    }
}

/// What the test of a callback has shown: 200, whatever it was.
pub fn tested(results: &[TestResult]) -> Response {
    Response::json(200, &json!({ "items": results }))
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
