//! The log of a recording's events, and their replay.

use serde::{Deserialize, Serialize};

use super::error::AdminError;
use super::{Admin, Question, recordings};
use crate::access::Store;
use crate::dialect::EventType;
use crate::input::FieldError;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// The same in each delivery.
    pub notice_id: String,
    pub number: u64,
    /// What the app's dialect calls the event.
    pub event_type: EventType,
    pub at_ms: u64,
    pub state: Option<NoticeState>,
    pub attempts: u64,
    pub last_attempt_ms: Option<u64>,
    /// Of the last answer, if there was one.
    pub last_status: Option<u64>,
    pub last_error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// For its turn, or for another try.
    Waiting,
    Delivered,
    GivenUp,
    /// The app has no callback, or wants no events of this type.
    Unwanted,
}

impl NoticeState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::GivenUp, Self::Unwanted];

    /// The inverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
            Self::Unwanted => "unwanted",
        }
    }
}

/// Which events are delivered once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All that were given up.
    GivenUp,
    Number(u64),
}

impl<S: Store> Admin<'_, S> {
    pub(super) fn notices(&self, app_id: &str, sid: &str) -> Result<Question, AdminError> {
        let (app_id, sid) = recordings::ids(app_id, sid)?;
        let (limit, cursor) = self.paging()?;
        let error = |field: &str, problem: &str| FieldError {
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        let after = cursor.map(|cursor| cursor.parse::<u64>());
        let after = after
            .transpose()
            .map_err(|_| error("cursor", "must be the cursor of the page before"))?;
        let state = match self.request.query_value("state").filter(|state| !state.is_empty()) {
            None => None,
            Some(wanted) => Some(
                NoticeState::parse(&wanted)
                    .ok_or_else(|| error("state", "must be waiting, delivered, given_up or unwanted"))?,
            ),
        };
        Ok(Question::Notices {
            app_id,
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
