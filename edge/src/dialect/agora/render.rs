//! From a recording's outcome to the service's reply.

use protocol::{EndCause, Fault, Refusal, RefusalCode};
use time::OffsetDateTime;

use super::error::{
    ALREADY_STARTED, ApiError, Code, EXITING, FOREIGN_SID, INTERNAL_ERROR, INVALID_LAYOUT, INVALID_OPERATION,
    INVALID_PARAMETER, NO_RECORDED_DATA, NO_WORKER, REQUEST_NOT_COMPLETED, RESOURCE_EXPIRED, TASK_CONFLICT,
    UPLOAD_TIMEOUT, WORKER_NOT_FOUND,
};
use super::reply::Reply;
use super::server_response::ServerResponse;
use super::uploads::{is_backed_up, is_uploaded};
use crate::http::Response;
use crate::recording::{Command, Outcome, RecordingView, Status, Unfit};

/// How many problems a reason quotes: the newest ones.
const QUOTED_PROBLEMS: usize = 3;

pub(super) fn render(command: &Command, reply: Reply, outcome: &Outcome) -> Response {
    match command {
        Command::Start(_) => start(reply, outcome),
        Command::Query(_) => query(reply, outcome),
        Command::Stop(order) => stop(reply, outcome, order.at_once),
        Command::Pause(_) | Command::Resume(_) => pause(reply, outcome),
        Command::Update(_) => update(reply, outcome, INVALID_PARAMETER),
        Command::UpdateLayout(_) => update(reply, outcome, INVALID_LAYOUT),
    }
}

fn start(reply: Reply, outcome: &Outcome) -> Response {
    match outcome {
        Outcome::Started { sid } => Reply {
            sid: Some(sid.clone()),
            ..reply
        }
        .answer(200),
        Outcome::AlreadyStarted { sid } => ApiError::new(ALREADY_STARTED, "").answer(Reply {
            sid: Some(sid.clone()),
            ..reply
        }),
        Outcome::Conflict { sid } => {
            let detail = format!(
                "another resource ID records this channel with this uid, sid {sid}; stop that one or use another uid"
            );
            ApiError::new(TASK_CONFLICT, detail).answer(reply)
        }
        Outcome::TicketSpent => {
            let detail = "a resource ID is good for one recording, and this one has been used; acquire a new one";
            ApiError::new(RESOURCE_EXPIRED, detail).answer(reply)
        }
        Outcome::Refused(refusal) => refused(refusal).answer(reply),
        _ => unexpected(reply),
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    match (refusal.fault, refusal.code) {
        // The same request may succeed in a moment.
        (_, RefusalCode::StorageUnavailable) => ApiError::new(REQUEST_NOT_COMPLETED, &refusal.reason),
        (Fault::Caller | Fault::Destination, _) => ApiError::new(INVALID_PARAMETER, &refusal.reason),
        (Fault::Ours, RefusalCode::NoCapacity | RefusalCode::Draining) => ApiError::new(NO_WORKER, &refusal.reason),
        (Fault::Ours, _) => ApiError::new(INTERNAL_ERROR, &refusal.reason),
    }
}

fn query(reply: Reply, outcome: &Outcome) -> Response {
    let (Outcome::State(snapshot) | Outcome::Stopping(snapshot) | Outcome::AlreadyEnded(snapshot)) = outcome else {
        return absent(reply, outcome);
    };
    let reply = Reply {
        server_response: Some(ServerResponse::of_query(snapshot, reply.flavour)),
        ..reply
    };
    match snapshot.status {
        Status::Ended | Status::Failed => ApiError::new(WORKER_NOT_FOUND, ending(snapshot)).answer(reply),
        _ => reply.answer(200),
    }
}

fn stop(reply: Reply, outcome: &Outcome, at_once: bool) -> Response {
    let (Outcome::State(snapshot) | Outcome::Stopping(snapshot) | Outcome::AlreadyEnded(snapshot)) = outcome else {
        return absent(reply, outcome);
    };
    let reply = Reply {
        server_response: Some(ServerResponse::of_stop(snapshot, reply.flavour)),
        ..reply
    };
    match outcome {
        Outcome::AlreadyEnded(_) => ApiError::new(INVALID_OPERATION, ending(snapshot)).answer(reply),
        Outcome::Stopping(_) if at_once || is_backed_up(snapshot) => reply.answer(200),
        Outcome::Stopping(_) => {
            let detail = format!(
                "{} files are waiting for the store; uploads continue",
                snapshot.pending_uploads
            );
            ApiError::new(UPLOAD_TIMEOUT, with_problems(detail, snapshot)).answer(reply)
        }
        _ if is_empty(snapshot) => ApiError::new(NO_RECORDED_DATA, nothing_recorded(snapshot)).answer(reply),
        _ if is_uploaded(snapshot) => reply.answer(200),
        _ => {
            let detail = "the recording is over, and not all of it reached the store".to_owned();
            ApiError::new(UPLOAD_TIMEOUT, with_problems(detail, snapshot)).answer(reply)
        }
    }
}

fn pause(reply: Reply, outcome: &Outcome) -> Response {
    match outcome {
        Outcome::State(_) => query(reply, outcome),
        _ => update(reply, outcome, INVALID_PARAMETER),
    }
}

/// `callers`: the code of a change that does not fit.
fn update(reply: Reply, outcome: &Outcome, callers: Code) -> Response {
    match outcome {
        Outcome::Updated => reply.answer(200),
        Outcome::Unfit(why) => ApiError::new(callers, unfit(*why)).answer(reply),
        Outcome::AlreadyEnded(snapshot) => {
            let is_over = matches!(snapshot.status, Status::Ended | Status::Failed);
            let code = if is_over { WORKER_NOT_FOUND } else { EXITING };
            ApiError::new(code, ending(snapshot)).answer(reply)
        }
        _ => absent(reply, outcome),
    }
}

fn unfit(why: Unfit) -> &'static str {
    match why {
        Unfit::NotMixed => "the recording is not mixed: it has no layout",
        Unfit::AudioOnly => "videoUidList must not be set: the recording was started for audio only",
        Unfit::VideoOnly => "audioUidList must not be set: the recording was started for video only",
        Unfit::Empty => "the lists leave nothing to record; stop the recording instead",
        Unfit::StorageLost => "the recording's storage cannot be opened: its keys cannot be renewed",
        Unfit::KeysOfVod => "storageConfig must not be set: the recording goes to a video-on-demand service",
        Unfit::SessionToken => "the recording's store, vendor 5, has no stsToken",
        Unfit::OtherBucket => "storageConfig renews the keys of the recording's bucket: it must not name another one",
        Unfit::Paused => "the recording is paused: resume it first",
    }
}

/// What is asked about what is not there.
fn absent(reply: Reply, outcome: &Outcome) -> Response {
    match outcome {
        Outcome::NotFound { reason } => ApiError::new(WORKER_NOT_FOUND, reason).answer(reply),
        Outcome::Mismatch => ApiError::new(FOREIGN_SID, "this sid was started with another resource ID").answer(reply),
        _ => unexpected(reply),
    }
}

/// The recorder could not be asked, or its answer got lost. What was asked may have been done: a repetition finds out.
pub(super) fn not_completed(reply: Reply) -> Response {
    ApiError::new(REQUEST_NOT_COMPLETED, "repeat it with the same resource ID").answer(reply)
}

/// An outcome that does not belong to the command: ours.
fn unexpected(reply: Reply) -> Response {
    ApiError::new(INTERNAL_ERROR, "try again").answer(reply)
}

fn is_empty(snapshot: &RecordingView) -> bool {
    let has_pictures = snapshot.pictures.as_ref().is_some_and(|pictures| pictures.taken > 0);
    !has_pictures && snapshot.files.iter().all(|file| file.slices == 0)
}

fn ending(snapshot: &RecordingView) -> String {
    let what = match snapshot.ended_ms {
        Some(at_ms) => format!("the recording ended at {}", utc(at_ms)),
        None => "the recording is ending".to_owned(),
    };
    with_problems(format!("{what}: {}", cause(snapshot.cause)), snapshot)
}

fn nothing_recorded(snapshot: &RecordingView) -> String {
    let why = match snapshot.cause {
        None | Some(EndCause::Stopped) => "nothing came that could be recorded of the users that it subscribes to",
        Some(EndCause::Idle) => "nothing came that could be recorded for maxIdleTime",
        other => cause(other),
    };
    with_problems(why.to_owned(), snapshot)
}

fn cause(cause: Option<EndCause>) -> &'static str {
    match cause {
        Some(EndCause::Stopped) => "it was stopped",
        Some(EndCause::Idle) => "nobody sent media in the channel for maxIdleTime",
        Some(EndCause::LeaseLost) => "another media node had taken it over",
        Some(EndCause::NoSpace) => {
            "the spool of its media node was full, because stores did not accept what was recorded"
        }
        Some(EndCause::NodeLost) => "its media node was lost, and no other took it over",
        Some(EndCause::Failed) => "the recorder failed",
        None => "the cause is not known yet",
    }
}

fn with_problems(mut text: String, snapshot: &RecordingView) -> String {
    let newest = snapshot.problems.len().saturating_sub(QUOTED_PROBLEMS);
    for problem in snapshot.problems.iter().skip(newest) {
        text.push_str("; ");
        text.push_str(&problem.message);
    }
    text
}

/// `2026-11-21 05:08:44 UTC`; what no calendar holds stays a number.
fn utc(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(
        |_| format!("{unix_ms} ms"),
        |at| {
            let (hour, minute, second) = at.to_hms();
            let (year, month, day) = at.to_calendar_date();
            format!(
                "{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC",
                u8::from(month)
            )
        },
    )
}
