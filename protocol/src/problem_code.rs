use std::fmt;

use serde::{Deserialize, Serialize};

/// Defines the codes once, so that none can lack its text or its place in [`ProblemCode::ALL`].
macro_rules! problem_codes {
    ($($(#[doc = $meaning:literal])+ $code:ident = $text:literal,)+) => {
        /// What kind of problem it is: a stable word in snake case, such as `upload_refused`.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum ProblemCode {
            $($(#[doc = $meaning])+ $code,)+
            /// A word that this version does not know, from a newer node.
            Other(String),
        }

        impl ProblemCode {
            /// Every code that this version knows.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The code as it travels and as customers see it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$code => $text,)+
                    Self::Other(text) => text,
                }
            }
        }
    };
}

problem_codes! {
    /// A source, or the list of a channel's users, does not answer.
    SourceUnreachable = "source_unreachable",
    /// A source answers and sends no media.
    SourceSilent = "source_silent",
    /// A source's clock stands still, or runs faster or slower than it should.
    SourceClock = "source_clock",
    /// Packets of a source have not arrived.
    PacketsLost = "packets_lost",
    /// A track is in a codec that cannot be recorded.
    UnsupportedCodec = "unsupported_codec",
    /// Media of a codec that can be recorded is damaged, or sent in a way that cannot be.
    UnsupportedMedia = "unsupported_media",
    /// Video has larger pictures than the node decodes.
    PictureTooLarge = "picture_too_large",
    /// A track is encrypted and there is no fitting secret, or the other way round.
    DecryptionFailed = "decryption_failed",
    /// The channel has more users than one recording takes.
    TooManyUsers = "too_many_users",
    /// Audio cannot be converted into what the container carries.
    TranscodingFailed = "transcoding_failed",
    /// Pictures of a user are missing.
    SnapshotFailed = "snapshot_failed",
    /// An encoder of a mix has broken down.
    EncoderFailed = "encoder_failed",
    /// The node cannot keep up with a mix.
    Overloaded = "overloaded",
    /// A background or a user's picture in a mix cannot be fetched or read.
    ImageUnusable = "image_unusable",
    /// A text in a mix has characters that no font of the node has.
    GlyphsMissing = "glyphs_missing",
    /// The node's disk does not take or give files.
    SpoolFailed = "spool_failed",
    /// The recording ends because the node has no room for more media.
    SpoolFull = "spool_full",
    /// The recording's process has died and another one goes on.
    RecorderRestarted = "recorder_restarted",
    /// The recording's process needed more memory than it may have, and another one goes on.
    MemoryExceeded = "memory_exceeded",
    /// A part of the recorder has failed.
    Internal = "internal",
    /// The store answers that it takes nothing.
    UploadRefused = "upload_refused",
    /// The store's temporary keys have ended.
    UploadKeysEnded = "upload_keys_ended",
    /// The store does not answer, or asks to come later.
    UploadFailing = "upload_failing",
    /// The backup store holds what the customer's does not take.
    UploadBackup = "upload_backup",
    /// The backup store does not take or give objects.
    BackupFailing = "backup_failing",
    /// A video-on-demand service does not take the description of a video.
    VodRefused = "vod_refused",
    /// The store does not believe the node's clock.
    ClockSkewed = "clock_skewed",
    /// The edge lists no more playlists of the recording.
    TooManyFiles = "too_many_files",
    /// A node could not show the layout of a mix.
    NotArranged = "not_arranged",
    /// A node could not pause the recording.
    NotPaused = "not_paused",
    /// The recording's node is lost.
    NodeLost = "node_lost",
    /// Another node goes on in the place of a lost one.
    FailedOver = "failed_over",
    /// A lost node is back and goes on.
    NodeReturned = "node_returned",
    /// The channel token that the recording was started with has expired.
    TokenExpired = "token_expired",
}

impl From<String> for ProblemCode {
    fn from(text: String) -> Self {
        match Self::ALL.iter().find(|code| code.as_str() == text) {
            Some(code) => code.clone(),
            None => Self::Other(text),
        }
    }
}

impl From<ProblemCode> for String {
    fn from(code: ProblemCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENTED: &str = include_str!("../../docs/operations.md");

    #[test]
    fn a_code_travels_as_its_text() {
        for code in ProblemCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<ProblemCode>(&json).unwrap(), *code);
        }
    }

    #[test]
    fn an_unknown_code_is_passed_on_as_it_is() {
        let code: ProblemCode = serde_json::from_str("\"disk_on_fire\"").unwrap();
        assert_eq!(code, ProblemCode::Other("disk_on_fire".to_owned()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"disk_on_fire\"");
    }

    #[test]
    fn the_table_of_problems_in_the_operators_handbook_is_complete() {
        let (_, section) = DOCUMENTED.split_once("\n## Problems\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let listed = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let known = ProblemCode::ALL.iter().map(ProblemCode::as_str);
        assert_eq!(listed.collect::<BTreeSet<_>>(), known.collect());
    }
}
