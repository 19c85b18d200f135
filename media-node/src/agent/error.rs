use protocol::{Refusal, RefusalCode};

/// Why a question to the edge has no answer of its kind.
#[derive(Debug, thiserror::Error)]
pub(super) enum EdgeError {
    #[error("the edge at {base} does not answer: {reason}")]
    Away { base: String, reason: String },
    /// It does not know what was asked about.
    #[error("the edge does not know it: {reason}")]
    Unknown { reason: String },
    #[error("the edge refuses: {reason}")]
    Refused { reason: String },
}

impl EdgeError {
    pub(super) fn refused(refusal: Refusal) -> Self {
        let Refusal { code, reason, .. } = refusal;
        match code {
            RefusalCode::UnknownRecording => Self::Unknown { reason },
            _ => Self::Refused { reason },
        }
    }
}
