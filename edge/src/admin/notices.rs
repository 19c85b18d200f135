//! The log of a recording's events, and their replay.

use serde::Serialize;

use super::error::AdminError;
use super::{Admin, Question, recordings};
use crate::access::Store;
use crate::dialect::{Dialect, EventType};
use crate::input::FieldError;
use crate::recording::{LoggedNotice, NoticeState, Which};

/// A line of the log.
#[derive(Serialize)]
pub(super) struct NoticeView {
    /// The same in each delivery.
    notice_id: String,
    number: u64,
    /// What the app's dialect calls the event.
    event_type: EventType,
    at_ms: u64,
    state: Option<NoticeState>,
    attempts: u64,
    last_attempt_ms: Option<u64>,
    /// The status of the last answer, if there was one.
    last_status: Option<u64>,
    last_error: Option<String>,
}

impl NoticeView {
    pub(super) fn new(line: LoggedNotice, (notice_id, event_type): (String, EventType)) -> Self {
        Self {
            notice_id,
            number: line.notice.number,
            event_type,
            at_ms: line.notice.at_ms,
            state: line.state,
            attempts: line.attempts,
            last_attempt_ms: line.last_attempt_ms,
            last_status: line.last_status,
            last_error: line.last_error,
        }
    }
}

impl<S: Store> Admin<'_, S> {
    pub(super) async fn notices(&self, app_id: &str, sid: &str) -> Result<Question, AdminError> {
        let (app_id, sid) = recordings::ids(app_id, sid)?;
        let (limit, cursor) = self.paging()?;
        let error = |field: &str, problem: &str| FieldError {
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        let after = cursor.map(|cursor| cursor.parse::<u64>());
        let after = after
            .transpose()
            .map_err(|_| error("cursor", "must be the cursor of the previous page"))?;
        let state = match self.request.query_value("state").filter(|state| !state.is_empty()) {
            None => None,
            Some(wanted) => Some(
                NoticeState::parse(&wanted)
                    .ok_or_else(|| error("state", "must be waiting, delivered, given_up or unwanted"))?,
            ),
        };
        // The log outlives its app; without that its events are named as an app's that names no dialect.
        let app = self.directory.app(&app_id).await?;
        let dialect = app.and_then(|app| Dialect::named(&app.dialect)).unwrap_or_default();
        Ok(Question::Notices {
            app_id,
            dialect,
            sid,
            limit,
            after,
            state,
        })
    }

    pub(super) fn replay(&self, app_id: &str, sid: &str, number: Option<&str>) -> Result<Question, AdminError> {
        let (app_id, sid) = recordings::ids(app_id, sid)?;
        let which = match number {
            None => Which::GivenUp,
            Some(text) => Which::Number(text.parse().map_err(|_| AdminError::not_found("event", text))?),
        };
        Ok(Question::Replay { app_id, sid, which })
    }
}
