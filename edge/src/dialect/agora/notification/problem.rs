//! What went wrong, in the vendor's words: an error, type 1, or a warning, type 2.

use protocol::{Problem, ProblemCode};
use serde_json::{Value, json};

const RECORDER: u8 = 0;
const UPLOADER: u8 = 1;
const SERVICE: u8 = 2;

// Levels of errors.
const MEDIUM: u8 = 3;
const MAJOR: u8 = 4;
const FATAL: u8 = 5;

// Codes of the uploader.
const STORAGE_CONFIGURATION: u32 = 32;
const FILE_HANDLING: u32 = 51;
const UPLOAD_AGAIN: u32 = 31;
const UPLOAD_TO_BACKUP: u32 = 32;
// Codes of the recorder, which are those of the vendor's SDK.
const FAILED: u32 = 1;
const INTERNAL: u32 = 3;
const TOKEN_EXPIRED: u32 = 109;
const LOOK_UP_TIMEOUT: u32 = 104;

enum Kind {
    Error { module: u8, level: u8, code: u32 },
    Warning { module: u8, code: u32 },
}

fn kind(code: &ProblemCode) -> Kind {
    let error = |module, level, code| Kind::Error { module, level, code };
    let warning = |module, code| Kind::Warning { module, code };
    match code {
        ProblemCode::UploadRefused
        | ProblemCode::UploadKeysEnded
        | ProblemCode::VodRefused
        | ProblemCode::ClockSkewed => error(UPLOADER, MAJOR, STORAGE_CONFIGURATION),
        ProblemCode::UploadFailing | ProblemCode::BackupFailing => warning(UPLOADER, UPLOAD_AGAIN),
        ProblemCode::UploadBackup => warning(UPLOADER, UPLOAD_TO_BACKUP),
        ProblemCode::SpoolFailed => error(UPLOADER, MAJOR, FILE_HANDLING),
        ProblemCode::SourceUnreachable | ProblemCode::SourceSilent => warning(RECORDER, LOOK_UP_TIMEOUT),
        ProblemCode::RecorderRestarted | ProblemCode::MemoryExceeded => warning(RECORDER, INTERNAL),
        ProblemCode::Internal => error(RECORDER, MAJOR, INTERNAL),
        ProblemCode::NodeLost => error(SERVICE, FATAL, INTERNAL),
        ProblemCode::TokenExpired => error(RECORDER, MEDIUM, TOKEN_EXPIRED),
        // Some of what was to be recorded is not, or something happened for which the vendor has no number.
        ProblemCode::SourceClock
        | ProblemCode::PacketsLost
        | ProblemCode::UnsupportedCodec
        | ProblemCode::UnsupportedMedia
        | ProblemCode::PictureTooLarge
        | ProblemCode::DecryptionFailed
        | ProblemCode::TooManyUsers
        | ProblemCode::TranscodingFailed
        | ProblemCode::SnapshotFailed
        | ProblemCode::EncoderFailed
        | ProblemCode::Overloaded
        | ProblemCode::ImageUnusable
        | ProblemCode::GlyphsMissing
        | ProblemCode::SpoolFull
        | ProblemCode::TooManyFiles
        | ProblemCode::NotArranged
        | ProblemCode::NotPaused
        | ProblemCode::FailedOver
        | ProblemCode::NodeReturned
        | ProblemCode::Other(_) => error(RECORDER, MEDIUM, FAILED),
    }
}

pub(super) fn is_warning(problem: &Problem) -> bool {
    matches!(kind(&problem.code), Kind::Warning { .. })
}

/// What the vendor does not have stands behind its own fields: the server's word for the problem, and who can mend it.
pub(super) fn fields(problem: &Problem) -> Value {
    match kind(&problem.code) {
        Kind::Error { module, level, code } => json!({
            "module": module,
            "errorLevel": level,
            "errorCode": code,
            "stat": 1,
            "errorMsg": problem.message,
            "problem": problem.code,
            "fault": problem.fault,
        }),
        Kind::Warning { module, code } => json!({
            "module": module,
            "warnCode": code,
            "warnMsg": problem.message,
            "problem": problem.code,
            "fault": problem.fault,
        }),
    }
}

pub(super) fn token_expired() -> Value {
    json!({
        "module": RECORDER,
        "errorLevel": MEDIUM,
        "errorCode": TOKEN_EXPIRED,
        "stat": 1,
        "errorMsg": "the channel token of the start has expired; the recording continues",
        "problem": ProblemCode::TokenExpired,
        "fault": "caller",
    })
}
