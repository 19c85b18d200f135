use protocol::Mode;

use super::error::{ApiError, INVALID_PARAMETER};

/// The mode in the URL of a request.
pub(super) fn read(text: &str) -> Result<Mode, ApiError> {
    let problem = match text {
        "individual" => return Ok(Mode::Individual),
        "mix" => return Ok(Mode::Mix),
        "web" => "mode web is not offered by this server: use individual or mix",
        _ => "the mode in the URL must be individual or mix",
    };
    Err(ApiError::new(INVALID_PARAMETER, problem))
}
