use super::reply::Reply;
use crate::http::Response;
use crate::input::FieldError;

/// A row of the API's error table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) code: u32,
    pub(super) status: u16,
    /// What every answer with this code begins with; empty where the documents have no fixed text.
    pub(super) text: &'static str,
}

const fn code(code: u32, status: u16, text: &'static str) -> Code {
    Code { code, status, text }
}

// Success and error in one: a client takes 201 as a start that has already happened.
pub(super) const ALREADY_STARTED: Code = code(7, 201, "already started");
// The recording is over, but not every file is in the store yet, or there is none.
pub(super) const UPLOAD_TIMEOUT: Code = code(50, 206, "upload timeout");
// Nobody knows whether it was done; the same request again is safe.
pub(super) const REQUEST_NOT_COMPLETED: Code = code(65, 206, "request not completed");
pub(super) const NO_RECORDED_DATA: Code = code(435, 206, "no recorded data");

pub(super) const INVALID_PARAMETER: Code = code(2, 400, "");
pub(super) const BAD_REQUEST: Code = code(8, 400, "");
pub(super) const INVALID_OPERATION: Code = code(49, 400, "invalid operation");
pub(super) const TASK_CONFLICT: Code = code(53, 400, "task conflict");
// Of acquire alone: elsewhere the documents give 62 another meaning.
pub(super) const NOT_ENABLED: Code = code(62, 400, "service not enabled");
pub(super) const TOKEN_EXPIRED: Code = code(109, 400, "token expired");
pub(super) const TOKEN_INVALID: Code = code(110, 400, "token invalid");
pub(super) const NO_ACTIVE_STATUS: Code = code(405, 400, "no_active_status");
pub(super) const VENDOR_OVER_LOAD: Code = code(406, 400, "vendor_over_load");
pub(super) const FOREIGN_RESOURCE: Code = code(432, 400, "resource ID mismatch");
pub(super) const RESOURCE_EXPIRED: Code = code(433, 400, "resource ID expired");
pub(super) const UNREADABLE_RESOURCE: Code = code(1001, 400, "resource ID cannot be decrypted");
pub(super) const FOREIGN_SID: Code = code(1003, 400, "sid mismatch");
pub(super) const INVALID_CHANNEL: Code = code(1013, 400, "invalid_channel_name");
pub(super) const INVALID_LAYOUT: Code = code(1028, 400, "");

pub(super) const EXITING: Code = code(501, 404, "recording service is exiting");
pub(super) const WORKER_NOT_FOUND: Code = code(404, 404, "failed to find worker");

pub(super) const INTERNAL_ERROR: Code = code(500, 500, "internal_error");
pub(super) const NO_WORKER: Code = code(502, 500, "Failed to allocate worker");

/// An answer from the error table, with what is particular to this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    code: Code,
    reason: String,
}

impl ApiError {
    /// `detail` goes behind the row's own text and holds no secrets; empty for the bare text.
    pub(super) fn new(code: Code, detail: impl AsRef<str>) -> Self {
        let detail = detail.as_ref();
        let reason = match (code.text, detail) {
            ("", _) => detail.to_owned(),
            (text, "") => text.to_owned(),
            (text, _) => format!("{text}: {detail}"),
        };
        Self { code, reason }
    }

    /// What it says to a person.
    pub(super) fn reason(self) -> String {
        self.reason
    }

    /// `reply` says whom and what the answer is about.
    pub(super) fn answer(self, reply: Reply) -> Response {
        Reply {
            code: Some(self.code.code),
            reason: Some(self.reason),
            ..reply
        }
        .answer(self.code.status)
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::new(INVALID_PARAMETER, error.to_string())
    }
}
