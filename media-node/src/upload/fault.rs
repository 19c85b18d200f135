use std::error::Error as _;

use opendal::{Error, ErrorKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::spool::SpoolError;

/// Codes by which a store says that this node's clock is wrong.
const CLOCK_CODES: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];
/// Codes by which a store says that temporary keys have ended.
const ENDED_CODES: [&str; 5] = [
    "ExpiredToken",
    "InvalidSecurityToken",
    "SecurityTokenExpired",
    "TokenRefreshRequired",
    "InvalidToken",
];

/// Why an object is not where it belongs yet.
#[derive(Debug)]
pub(super) enum UploadFault {
    /// The store answered that it will not take it: wrong keys, no such bucket, no permission. Someone has to act.
    Refused(String),
    /// The store's temporary keys have ended.
    KeysEnded(String),
    /// A video-on-demand service does not take what it is told of the video: nothing that anybody changes helps.
    Rejected(String),
    /// The store did not answer, or asked to come later.
    Unavailable(String),
    /// The store does not believe this node's clock.
    Clock(String),
    /// What the backup store holds could not be read there. Names the store.
    Backup(String),
    /// This node's disk.
    Disk(String),
}

impl UploadFault {
    /// `now_ms`: by this node's clock.
    pub(super) fn from_store(error: &Error, now_ms: u64) -> Self {
        let said = said(error);
        let code = quoted(error.message(), "code").unwrap_or_default();
        // Azure has one code for all that is wrong with a signature.
        if CLOCK_CODES.contains(&code) || error.message().contains("Request date header too old") {
            let apart = store_ms(error).map(|store_ms| apart(now_ms, store_ms));
            return Self::Clock(match apart {
                Some(apart) => format!("this node's clock is {apart} the store's: {said}"),
                None => format!("this node's clock and the store's differ too much: {said}"),
            });
        }
        if ENDED_CODES.contains(&code) {
            return Self::KeysEnded(format!(
                "the temporary keys have ended, an update with a new storageConfig renews them: {said}"
            ));
        }
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ConfigInvalid | ErrorKind::NotFound | ErrorKind::Unsupported => {
                Self::Refused(said)
            }
            // An answer with words, and no invitation to come again.
            _ if !code.is_empty() && !error.is_temporary() => Self::Refused(said),
            _ => Self::Unavailable(said),
        }
    }

    pub(super) fn from_backup(place: &str, error: &Error) -> Self {
        Self::Backup(format!("{place}, the backup store, cannot be read: {}", said(error)))
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::Refused(message)
            | Self::KeysEnded(message)
            | Self::Rejected(message)
            | Self::Unavailable(message)
            | Self::Clock(message)
            | Self::Backup(message)
            | Self::Disk(message) => message,
        }
    }

    /// OSS says that keys for a time are over, or does not know them any more.
    pub(super) fn is_about_ended_keys(&self) -> bool {
        match self {
            Self::KeysEnded(_) => true,
            Self::Refused(said) => said.starts_with("InvalidAccessKeyId"),
            _ => false,
        }
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

/// What the store's clock said when it answered, Unix milliseconds: from the answer's headers, as above.
fn store_ms(error: &Error) -> Option<u64> {
    let text = error.to_string();
    let (_, rest) = text.split_once("\"date\": \"")?;
    let (date, _) = rest.split_once('"')?;
    let at = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
}

/// `1200 s behind` or `ahead of`.
fn apart(now_ms: u64, store_ms: u64) -> String {
    let seconds = now_ms.abs_diff(store_ms) / 1000;
    let way = if now_ms < store_ms { "behind" } else { "ahead of" };
    format!("{seconds} s {way}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_and_text_of_an_s3_error_are_told() {
        let text = r#"S3Error { code: "NoSuchBucket", message: "The bucket does not exist", resource: "/b", request_id: "1" }"#;
        let fault = UploadFault::from_store(&Error::new(ErrorKind::ConfigInvalid, text), 0);
        assert!(matches!(fault, UploadFault::Refused(_)) && !fault.is_about_ended_keys());
        assert_eq!(fault.message(), "NoSuchBucket: The bucket does not exist");
    }

    #[test]
    fn a_failure_without_an_answer_tells_its_deepest_cause() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = Error::new(ErrorKind::Unexpected, "send http request").set_source(cause);
        let fault = UploadFault::from_store(&error, 0);
        assert!(matches!(fault, UploadFault::Unavailable(_)));
        assert_eq!(fault.message(), "send http request: connection refused");
    }
}
