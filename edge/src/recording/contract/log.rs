use serde::{Deserialize, Serialize};

use super::event::Notice;

/// A line of the log of a recording's events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedNotice {
    pub notice: Notice,
    pub state: Option<NoticeState>,
    pub attempts: u64,
    pub last_attempt_ms: Option<u64>,
    /// The HTTP status of the last answer, if there was one.
    pub last_status: Option<u64>,
    pub last_error: Option<String>,
}

/// How far the delivery of a notice has come.
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
