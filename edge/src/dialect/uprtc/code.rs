use crate::input::FieldError;
use crate::room::Problem;

/// An answer by a code of the vendor's table, with what is particular to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: u16,
    pub(super) msg: String,
}

pub(super) const SYSTEM: u16 = 10_000;
pub(super) const NOT_CERTIFIED: u16 = 10_001;
pub(super) const PARAMETER: u16 = 10_002;
pub(super) const REQUEST: u16 = 10_003;
pub(super) const NO_FILE: u16 = 50_019;
pub(super) const NO_RECORD_SERVER: u16 = 50_021;

impl ApiError {
    /// `msg` holds no secrets.
    pub(super) fn new(code: u16, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into() }
    }

    /// When whoever knows the answer could not be asked.
    pub(super) fn unanswered() -> Self {
        Self::new(SYSTEM, Problem::System.text())
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::new(problem.code(), problem.text())
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::new(PARAMETER, error.to_string())
    }
}
