//! Answers in the vendor's envelope.

use serde_json::{Value, json};

use crate::access::DirectoryError;
use crate::http::Response;

/// Why a request is not carried out. The texts are the vendor's where it has one.
#[derive(Debug)]
pub(super) enum Refusal {
    NoAppId,
    UnknownApp,
    Timestamp,
    Signature,
    UserId,
    Url,
    /// A parameter is missing or cannot be read; which one stands in the text, behind the vendor's own.
    Param(&'static str),
    NoRecord,
    RecordRuns,
    TooManyRequests,
    TooLong,
    /// A recording has no file that can be joined.
    NoMp4,
    /// More or larger files than are joined to one.
    TooLarge,
    /// The app has as many recordings as it may have, and files that are being joined.
    NoRoom,
    NoStore,
    /// Ours.
    Unavailable(DirectoryError),
    /// Ours: an object did not answer.
    NoAnswer,
}

impl Refusal {
    pub(super) fn response(&self) -> Response {
        let (code, message) = match self {
            Self::NoAppId => (400, "appId is required.".to_owned()),
            Self::UnknownApp => (400, "application not found.".to_owned()),
            Self::Timestamp => (400, "invalid timestamp.".to_owned()),
            Self::Signature => (403, "invalid signature.".to_owned()),
            Self::UserId => (400, "userId is error.".to_owned()),
            Self::Url => (400, "url format error.".to_owned()),
            Self::Param(name) => (400, format!("param validate error: {name}")),
            Self::NoRecord => (400, "record file not found.".to_owned()),
            Self::RecordRuns => (400, "record file is not finished.".to_owned()),
            Self::TooManyRequests => (429, "too many requests.".to_owned()),
            Self::TooLong => (413, "request is too long.".to_owned()),
            Self::NoMp4 => (400, "record file has no mp4.".to_owned()),
            Self::TooLarge => (400, "record files are too many or too large.".to_owned()),
            Self::NoRoom => (429, "too many recordings and merges at a time.".to_owned()),
            Self::NoStore => (400, "the app has no storage.".to_owned()),
            Self::Unavailable(_) | Self::NoAnswer => (500, "internal server error.".to_owned()),
        };
        enveloped(code, "error", &message, Value::from(""))
    }
}

/// The directory cannot be read or written.
pub(super) fn unavailable() -> Response {
    Refusal::NoAnswer.response()
}

pub(super) fn success(data: Value) -> Response {
    enveloped(200, "success", "", data)
}

/// The status of HTTP is the code.
fn enveloped(code: u16, status: &str, message: &str, data: Value) -> Response {
    let body = json!({ "code": code, "status": status, "message": message, "data": data });
    Response::json(code, &body)
}
