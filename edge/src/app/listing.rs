use serde::{Deserialize, Serialize};

use crate::recording::{Standing, Status};

/// Which rows of the index are wanted.
///
/// The default asks for no rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Rows at most.
    pub limit: usize,
    /// The rows behind this one.
    pub after: Option<Cursor>,
    /// Rows that are passed over, for callers who count pages.
    pub offset: u64,
    pub sid: Option<String>,
    pub channel: Option<String>,
    /// One of these; empty for any.
    pub statuses: Vec<Status>,
    /// Only recordings whose start was asked for at this time or later, Unix milliseconds,
    pub from_ms: Option<u64>,
    /// and before this one.
    pub before_ms: Option<u64>,
    /// Only recordings that ended before this time.
    pub ended_before_ms: Option<u64>,
    /// Only recordings that were over by this time; one that is not over counts as if it ended now.
    pub over_by_ms: Option<u64>,
    /// One of these; empty for any.
    pub standings: Vec<Standing>,
    /// Only recordings with media that is still on a node though they are over.
    pub awaited: bool,
    /// Only recordings in the app's own store, with their files, without those that are being deleted or are hidden.
    pub house: bool,
    /// Whether all rows that fit are counted.
    pub counted: bool,
}

/// A position in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub created_ms: u64,
    pub sid: String,
}

impl Cursor {
    /// Reads what [`Cursor::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (created_ms, sid) = text.split_once('.')?;
        let is_sid = (1..=64).contains(&sid.len()) && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // Above 2^53 a number is not the same everywhere.
        let created_ms = created_ms.parse().ok().filter(|ms| *ms < 1 << 53)?;
        is_sid.then(|| Self {
            created_ms,
            sid: sid.to_owned(),
        })
    }

    pub fn to_text(&self) -> String {
        format!("{}.{}", self.created_ms, self.sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_and_nothing_else_is() {
        let cursor = Cursor {
            created_ms: 1_700_000_000_000,
            sid: "38f8e3cfdc474cd56fc1ceba380d7e1a".into(),
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        for text in ["", ".", "1.", ".a", "x.a", "-1.a", "1.a'", "9007199254740992.a", "1"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
