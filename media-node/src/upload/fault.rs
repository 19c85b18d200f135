use std::error::Error as _;
use std::io;
use std::path::Path;

use opendal::{Error, ErrorKind};

use super::answer::Answer;
use crate::outbound::innermost_cause;
use crate::spool::SpoolError;

/// Codes by which a store says that this node's clock is wrong.
const CLOCK_CODES: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];
/// Azure has one code for all that is wrong with a signature; this is how its reason begins when it is the time.
const AZURE_CLOCK: &str = "Request date header too old";
/// A store's code for a key that it does not know, or not any more.
const UNKNOWN_KEY: &str = "InvalidAccessKeyId";
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
    /// The same, because it does not know the key.
    UnknownKey(String),
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
    /// `answer`: what the store said, if it said anything. `now_ms`: by this node's clock.
    pub(super) fn from_store(error: &Error, answer: Option<&Answer>, now_ms: u64) -> Self {
        let said = said(error, answer);
        let code = answer.map_or("", |answer| answer.words.code.as_str());
        if CLOCK_CODES.contains(&code) || answer.is_some_and(is_about_azures_clock) {
            let apart = answer
                .and_then(|answer| answer.at_ms)
                .map(|store_ms| apart(now_ms, store_ms));
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
        if code == UNKNOWN_KEY {
            return Self::UnknownKey(said);
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

    pub(super) fn from_backup(place: &str, error: &Error, answer: Option<&Answer>) -> Self {
        let said = said(error, answer);
        Self::Backup(format!("{place}, the backup store, cannot be read: {said}"))
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::Refused(message)
            | Self::UnknownKey(message)
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
            Self::KeysEnded(_) | Self::UnknownKey(_) => true,
            Self::Refused(_)
            | Self::Rejected(_)
            | Self::Unavailable(_)
            | Self::Clock(_)
            | Self::Backup(_)
            | Self::Disk(_) => false,
        }
    }
}

impl From<SpoolError> for UploadFault {
    fn from(error: SpoolError) -> Self {
        Self::Disk(error.to_string())
    }
}

fn is_about_azures_clock(answer: &Answer) -> bool {
    let words = &answer.words;
    [&words.message, &words.authentication_error_detail]
        .iter()
        .any(|text| text.contains(AZURE_CLOCK))
}

/// The store's own words, or what kept it from answering, in at most 300 characters.
fn said(error: &Error, answer: Option<&Answer>) -> String {
    if let Some(answer) = answer {
        let (code, text) = (&answer.words.code, answer.words.message.replace('\n', " "));
        return match (code.is_empty(), text.is_empty()) {
            (false, false) => short(&format!("{code}: {text}")),
            (false, true) => short(code),
            (true, false) => short(&text),
            (true, true) => format!("HTTP status {}", answer.status.as_u16()),
        };
    }
    let message = error.message();
    short(&match error.source().map(innermost_cause) {
        Some(cause) if message.is_empty() => cause,
        Some(cause) => format!("{message}: {cause}"),
        None if message.is_empty() => error.kind().to_string(),
        None => message.to_owned(),
    })
}

/// Somebody else's words, in at most 300 characters.
pub(super) fn short(words: &str) -> String {
    words.chars().take(300).collect()
}

/// `1200 s behind` or `ahead of`.
fn apart(now_ms: u64, store_ms: u64) -> String {
    let seconds = now_ms.abs_diff(store_ms) / 1000;
    let way = if now_ms < store_ms { "behind" } else { "ahead of" };
    format!("{seconds} s {way}")
}

/// The fault of a file on this node's disk.
pub(super) fn disk(action: &str, path: &Path) -> impl FnOnce(io::Error) -> UploadFault {
    let what = format!("cannot {action} {}", path.display());
    move |error| UploadFault::Disk(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::answer::Words;
    use super::*;

    #[test]
    fn the_code_and_text_of_an_s3_error_are_told() {
        let answer = Answer {
            status: http::StatusCode::NOT_FOUND,
            at_ms: None,
            words: Words {
                code: "NoSuchBucket".to_owned(),
                message: "The bucket does not exist".to_owned(),
                ..Words::default()
            },
        };
        let error = Error::new(ErrorKind::ConfigInvalid, "as OpenDAL has it");
        let fault = UploadFault::from_store(&error, Some(&answer), 0);
        assert!(matches!(fault, UploadFault::Refused(_)) && !fault.is_about_ended_keys());
        assert_eq!(fault.message(), "NoSuchBucket: The bucket does not exist");
    }

    #[test]
    fn a_failure_without_an_answer_tells_its_deepest_cause() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = Error::new(ErrorKind::Unexpected, "send http request").set_source(cause);
        let fault = UploadFault::from_store(&error, None, 0);
        assert!(matches!(fault, UploadFault::Unavailable(_)));
        assert_eq!(fault.message(), "send http request: connection refused");
    }
}
