use super::error::{ApiError, INVALID_PARAMETER};

/// The mode in the URL of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Individual,
    Mix,
}

impl Mode {
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        match text {
            "individual" => Ok(Self::Individual),
            "mix" => Ok(Self::Mix),
            "web" => Err(not_offered("web")),
            _ => Err(ApiError::new(
                INVALID_PARAMETER,
                "the mode in the URL must be individual",
            )),
        }
    }

    pub(super) fn offered(self) -> Result<protocol::Mode, ApiError> {
        match self {
            Self::Individual => Ok(protocol::Mode::Individual),
            Self::Mix => Err(not_offered("mix")),
        }
    }
}

fn not_offered(mode: &str) -> ApiError {
    ApiError::new(
        INVALID_PARAMETER,
        format!("mode {mode} is not offered by this server: use individual"),
    )
}
