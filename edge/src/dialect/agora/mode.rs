use protocol::Mode;

use super::error::{ApiError, INVALID_PARAMETER};

/// The mode in the URL of a request. The newest documents say `raw` where the older ones say `individual`.
pub(super) fn read(text: &str) -> Result<Mode, ApiError> {
    let problem = match text {
        "individual" | "raw" => return Ok(Mode::Individual),
        "mix" => return Ok(Mode::Mix),
        "web" => "mode web is not offered by this server: use raw, individual or mix",
        _ => "the mode in the URL must be individual or mix, or raw, which is a newer name of individual",
    };
    Err(ApiError::new(INVALID_PARAMETER, problem))
}
