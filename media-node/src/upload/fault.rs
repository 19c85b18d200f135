use std::error::Error as _;

use opendal::{Error, ErrorKind};

use crate::spool::SpoolError;

/// Why an object is not where it belongs yet.
#[derive(Debug)]
pub(super) enum UploadFault {
    /// The store answered that it will not take it: wrong keys, no such bucket, no permission. Someone has to act.
    Refused(String),
    /// A video-on-demand service does not take what it is told of the video: nothing that anybody changes helps.
    Rejected(String),
    /// The store did not answer, or asked to come later.
    Unavailable(String),
    /// This node's disk.
    Disk(String),
}

impl UploadFault {
    pub(super) fn from_store(error: &Error) -> Self {
        let said = said(error);
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ConfigInvalid | ErrorKind::NotFound | ErrorKind::Unsupported => {
                Self::Refused(said)
            }
            _ => Self::Unavailable(said),
        }
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::Refused(message) | Self::Rejected(message) | Self::Unavailable(message) | Self::Disk(message) => {
                message
            }
        }
    }

    /// OSS says that keys for a time are over, or does not know them any more.
    pub(super) fn is_about_ended_keys(&self) -> bool {
        let ended = ["SecurityTokenExpired", "InvalidAccessKeyId", "InvalidSecurityToken"];
        matches!(self, Self::Refused(said) if ended.iter().any(|code| said.starts_with(code)))
    }
}

impl From<SpoolError> for UploadFault {
    fn from(error: SpoolError) -> Self {
        Self::Disk(error.to_string())
    }
}

/// The store's own words, or what kept it from answering, in at most 300 characters.
fn said(error: &Error) -> String {
    let message = error.message();
    let words = match (quoted(message, "code"), quoted(message, "message")) {
        (Some(code), Some(text)) if !text.is_empty() => format!("{code}: {text}"),
        (Some(code), _) if !code.is_empty() => code.to_owned(),
        _ => {
            let mut deepest = error.source();
            while let Some(next) = deepest.and_then(|source| source.source()) {
                deepest = Some(next);
            }
            match deepest {
                Some(cause) if message.is_empty() => cause.to_string(),
                Some(cause) => format!("{message}: {cause}"),
                None if message.is_empty() => status(error).unwrap_or_else(|| error.kind().to_string()),
                None => message.to_owned(),
            }
        }
    };
    short(&words)
}

/// Somebody else's words, in at most 300 characters.
pub(super) fn short(words: &str) -> String {
    words.chars().take(300).collect()
}

/// The status of an answer without words, from the context that OpenDAL keeps of it.
fn status(error: &Error) -> Option<String> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("HTTP status {digits}"))
}

/// The value of a field in the debug form of a struct, in which OpenDAL repeats an S3 error document.
fn quoted<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("{field}: \""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_and_text_of_an_s3_error_are_told() {
        let text = r#"S3Error { code: "NoSuchBucket", message: "The bucket does not exist", resource: "/b", request_id: "1" }"#;
        let fault = UploadFault::from_store(&Error::new(ErrorKind::ConfigInvalid, text));
        assert!(matches!(fault, UploadFault::Refused(_)) && !fault.is_about_ended_keys());
        assert_eq!(fault.message(), "NoSuchBucket: The bucket does not exist");
    }

    #[test]
    fn a_failure_without_an_answer_tells_its_deepest_cause() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = Error::new(ErrorKind::Unexpected, "send http request").set_source(cause);
        let fault = UploadFault::from_store(&error);
        assert!(matches!(fault, UploadFault::Unavailable(_)));
        assert_eq!(fault.message(), "send http request: connection refused");
    }
}
