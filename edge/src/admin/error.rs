use serde_json::{Value, json};

use crate::access::DirectoryError;
use crate::http::Response;
use crate::input::FieldError;

/// Why a request of the operator is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AdminError {
    Refused {
        status: u16,
        code: &'static str,
        reason: String,
        field: Option<String>,
    },
    Directory(DirectoryError),
}

impl AdminError {
    pub(super) fn new(status: u16, code: &'static str, reason: impl Into<String>) -> Self {
        Self::Refused {
            status,
            code,
            reason: reason.into(),
            field: None,
        }
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::new(404, "not_found", format!("there is no {what} {id:?}"))
    }

    pub(super) fn exists(what: &str, id: &str) -> Self {
        Self::new(409, "already_exists", format!("there is a {what} {id:?} already"))
    }

    pub(super) fn response(&self) -> Response {
        match self {
            Self::Refused {
                status,
                code,
                reason,
                field,
            } => body(*status, code, reason, field.as_deref()),
            Self::Directory(_) => body(
                503,
                "unavailable",
                "the directory cannot be read or written; try again",
                None,
            ),
        }
    }
}

fn body(status: u16, code: &str, reason: &str, field: Option<&str>) -> Response {
    let mut error = json!({ "code": code, "reason": reason });
    if let (Some(error), Some(field)) = (error.as_object_mut(), field) {
        error.insert("field".to_owned(), Value::from(field));
    }
    Response::json(status, &json!({ "error": error }))
}

impl From<DirectoryError> for AdminError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

impl From<FieldError> for AdminError {
    fn from(error: FieldError) -> Self {
        let reason = error.to_string();
        Self::Refused {
            status: 400,
            code: "invalid_field",
            reason,
            field: Some(error.field),
        }
    }
}
