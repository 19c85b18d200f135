//! Channel tokens: what an app's back end signs so that one user may enter one channel. JSON Web Tokens are signed with a channel
//! secret of the app, versions 006 and 007 with the app's certificate. Knows the tokens' bytes and nothing of who sends them.

mod inflate;
mod jwt;
mod privilege;
mod reader;
mod v006;
mod v007;

use std::fmt;

use protocol::Secret;

use super::App;

/// Longer texts are refused unread; those of the vendors' generators have some 150 to 700 characters.
const MAX_TOKEN_LEN: usize = 4096;
/// A user who wants to enter a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub app_id: &'a str,
    pub channel: &'a str,
    /// `None` for whomever the token is for.
    pub uid: Option<&'a str>,
}

/// Until when a token allows what, in Unix milliseconds; `None` for what it does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Privileges {
    /// To be in the channel, and to see and hear what is there.
    pub(super) join: Option<u64>,
    pub(super) publish_audio: Option<u64>,
    pub(super) publish_video: Option<u64>,
}

impl Privileges {
    /// What is left of it for the streams of others.
    fn of_others(self) -> Result<Self, TokenError> {
        match self.join {
            Some(_) => Ok(Self {
                join: self.join,
                ..Self::default()
            }),
            None => Err(TokenError::ForeignUid),
        }
    }

    /// What one or the other allows.
    fn longest(self, other: Self) -> Self {
        Self {
            join: self.join.max(other.join),
            publish_audio: self.publish_audio.max(other.publish_audio),
            publish_video: self.publish_video.max(other.publish_video),
        }
    }

    /// Those that last. Refused when none does.
    fn alive(self, now_ms: u64) -> Result<Self, TokenError> {
        let alive = |until: Option<u64>| until.filter(|until| *until > now_ms);
        let left = Self {
            join: alive(self.join),
            publish_audio: alive(self.publish_audio),
            publish_video: alive(self.publish_video),
        };
        match self.join.max(self.publish_audio).max(self.publish_video) {
            Some(dies_ms) if left == Self::default() => Err(TokenError::Expired { dies_ms }),
            _ => Ok(left),
        }
    }
}

/// Checks that a token of version 006 or 007 was signed with the certificate, admits this entry, and is alive at `now_ms`, Unix
/// milliseconds. Returns when it dies, in Unix milliseconds.
pub fn verify_token(token: &str, certificate: &Secret, entry: &Entry<'_>, now_ms: u64) -> Result<u64, TokenError> {
    let privileges = certified(token, certificate, entry)?;
    match privileges.join {
        Some(dies_ms) if now_ms < dies_ms => Ok(dies_ms),
        Some(dies_ms) => Err(TokenError::Expired { dies_ms }),
        None => Err(TokenError::NoJoin),
    }
}

/// What a token allows at `now_ms`, Unix milliseconds, with the streams of this entry's uid: all that it says if it is for this uid,
/// and otherwise to play them, as everybody may who is in the channel. `own_uid` is who shows it: version 006 does not say whom it
/// is for, and cannot be read without that.
pub(super) fn privileges(
    token: &str,
    app: &App,
    entry: &Entry<'_>,
    own_uid: Option<&str>,
    now_ms: u64,
) -> Result<Privileges, TokenError> {
    let by = |uid| signed_by(token, app, &Entry { uid, ..*entry }, now_ms);
    let own = by(entry.uid);
    let others = match own {
        Err(TokenError::ForeignUid) => by(None),
        own => return own,
    };
    let others = match others {
        Err(TokenError::ForeignUid) if own_uid.is_some() => by(own_uid),
        others => others,
    };
    others?.of_others()
}

/// A JSON Web Token signed with one of the app's channel secrets, or one of version 006 or 007 signed with its certificate.
fn signed_by(token: &str, app: &App, entry: &Entry<'_>, now_ms: u64) -> Result<Privileges, TokenError> {
    // None of the other kind has a full stop.
    if token.contains('.') && token.len() <= MAX_TOKEN_LEN {
        return jwt::verify(token, &app.channels.secrets, entry, now_ms)?.alive(now_ms);
    }
    match &app.certificate {
        Some(certificate) => certified(token, certificate, entry)?.alive(now_ms),
        None => Err(TokenError::NotJwt),
    }
}

fn certified(token: &str, certificate: &Secret, entry: &Entry<'_>) -> Result<Privileges, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > MAX_TOKEN_LEN {
        return Err(TokenError::Malformed);
    }
    match token.split_at_checked(3) {
        Some(("006", rest)) => v006::verify(rest, certificate, entry),
        Some(("007", rest)) => v007::verify(rest, certificate, entry),
        _ => Err(TokenError::Malformed),
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
    /// Not a JSON Web Token, which is all that an app without a certificate takes.
    NotJwt,
    /// A JSON Web Token that cannot be taken, and why.
    Jwt(&'static str),
    /// Its time has not come.
    NotYet,
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
            Self::BadSignature => "it was altered, or signed with something other than the app's secret",
            Self::NotJwt => "it is not a JSON Web Token, and the app has no certificate for tokens of another kind",
            Self::Jwt(problem) => problem,
            Self::NotYet => "it is not valid yet: compare the clock of the server that made it",
            Self::NoJoin => "it does not grant the right to join the channel",
            Self::Expired { .. } => "it has expired; make a new one",
        })
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests;
