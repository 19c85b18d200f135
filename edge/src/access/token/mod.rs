//! Channel tokens, versions 006 and 007: what an app's back end signs with the app's certificate so that one user may
//! enter one channel. Knows the tokens' bytes and nothing of who sends them.

mod inflate;
mod reader;
mod v006;
mod v007;

use std::fmt;

use protocol::Secret;

/// Longer texts are refused unread; those of the vendors' generators have some 150 to 700 characters.
const MAX_TOKEN_LEN: usize = 4096;
/// The privilege to join a channel.
const JOIN: u16 = 1;

/// A user who wants to enter a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub app_id: &'a str,
    pub channel: &'a str,
    pub uid: &'a str,
}

/// Checks that a token was signed with the certificate, admits this entry, and is alive at `now_ms`, Unix milliseconds.
/// Returns when it dies, in Unix milliseconds.
pub fn verify_token(token: &str, certificate: &Secret, entry: &Entry<'_>, now_ms: u64) -> Result<u64, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > MAX_TOKEN_LEN {
        return Err(TokenError::Malformed);
    }
    let dies_s = match token.split_at_checked(3) {
        Some(("006", rest)) => v006::verify(rest, certificate, entry),
        Some(("007", rest)) => v007::verify(rest, certificate, entry),
        _ => Err(TokenError::Malformed),
    }?;
    let dies_ms = dies_s.saturating_mul(1000);
    if now_ms >= dies_ms {
        Err(TokenError::Expired { dies_ms })
    } else {
        Ok(dies_ms)
    }
}

/// Why a token does not admit. The caller's fault; the texts hold nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    Missing,
    /// Not of the form of version 006 or 007.
    Malformed,
    ForeignApp,
    ForeignChannel,
    ForeignUid,
    /// Not signed with this certificate, or changed since.
    BadSignature,
    /// It gives other rights only.
    NoJoin,
    Expired {
        dies_ms: u64,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the app has a certificate, so a token is required",
            Self::Malformed => "it is not a token of version 006 or 007; send it whole",
            Self::ForeignApp => "it was made for another App ID",
            Self::ForeignChannel => "it was made for another channel",
            Self::ForeignUid => "it was made for another uid",
            Self::BadSignature => "it was altered, or signed with a certificate other than the app's",
            Self::NoJoin => "it does not grant the right to join the channel",
            Self::Expired { .. } => "it has expired; make a new one that outlives the recording",
        })
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests;
