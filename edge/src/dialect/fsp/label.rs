use serde::{Deserialize, Serialize};

use super::date;

/// What is kept with a recording that the core has no word for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    /// When it was asked for, as the names of tasks begin.
    pub(super) time: String,
    pub(super) file_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 or 2, of an automatic one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) auto: Option<u8>,
    /// Whether it has sound alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) audio_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) company_id: Option<String>,
}

impl Label {
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `None` for that of a recording which another API has started.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn record_id(&self, sid: &str) -> String {
        format!("{}_{sid}", self.time)
    }
}

/// The name of a new task.
pub(super) fn record_id(now_ms: u64, sid: &str) -> String {
    format!("{}_{sid}", date::compact(now_ms))
}

/// The sid in the name of a task; `None` for what is no such name.
pub(super) fn sid(record_id: &str) -> Option<&str> {
    let (time, sid) = record_id.split_once('_')?;
    let is_time = time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit());
    let is_sid = sid.len() == 32 && sid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_time && is_sid).then_some(sid)
}
