//! JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256 (`HS256`) and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::{Entry, Privileges, TokenError};
use crate::access::ChannelSecret;

/// How far the clock of the server that makes tokens may be from ours: a token is good so long before its time and after it.
const LEEWAY_MS: u64 = 60_000;
/// The end of the year 9999; what is later is as good as this.
const LATEST_MS: u64 = 253_402_300_799_000;

/// Reads a token, whatever the time, but for one whose time has not come. Nothing of a token is looked at before its signature but
/// its header.
pub(super) fn verify(
    token: &str,
    secrets: &[ChannelSecret],
    entry: &Entry<'_>,
    now_ms: u64,
) -> Result<Privileges, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    check_header(&object(header)?)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| MALFORMED)?;
    if secrets.is_empty() {
        return Err(TokenError::Jwt(
            "the app has no channel secret: create one with the admin API",
        ));
    }
    let is_by = |secret: &ChannelSecret| {
        // A key of any length will do.
        Hmac::<Sha256>::new_from_slice(secret.secret.expose().as_bytes())
            .is_ok_and(|mac| mac.chain_update(signed).verify_slice(&signature).is_ok())
    };
    if !secrets.iter().any(is_by) {
        return Err(TokenError::BadSignature);
    }
    Claims(object(claims)?).privileges(entry, now_ms)
}

const MALFORMED: TokenError = TokenError::Jwt("it is not a whole JSON Web Token");

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(MALFORMED),
    }
}

fn check_header(header: &Map<String, Value>) -> Result<(), TokenError> {
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(TokenError::Jwt("its `alg` must be HS256"));
    }
    // RFC 7515, 4.1.11: what is critical has to be understood, and nothing is.
    if header.contains_key("crit") {
        return Err(TokenError::Jwt("its header must not have `crit`"));
    }
    Ok(())
}

struct Claims(Map<String, Value>);

impl Claims {
    fn privileges(&self, entry: &Entry<'_>, now_ms: u64) -> Result<Privileges, TokenError> {
        let text = |name| self.0.get(name).and_then(Value::as_str);
        if text("app").ok_or(TokenError::Jwt("its `app` must be an App ID"))? != entry.app_id {
            return Err(TokenError::ForeignApp);
        }
        if text("channel").ok_or(TokenError::Jwt("its `channel` must be the name of a channel"))? != entry.channel {
            return Err(TokenError::ForeignChannel);
        }
        let uid = self
            .uid()
            .ok_or(TokenError::Jwt("its `uid` must be a uid, or \"*\" for any"))?;
        if uid != "*" && entry.uid.is_some_and(|wanted| uid != wanted) {
            return Err(TokenError::ForeignUid);
        }
        let begins_ms = self.time("nbf", TokenError::Jwt("its `nbf` must be a number of seconds"))?;
        if begins_ms.is_some_and(|begins_ms| begins_ms > now_ms.saturating_add(LEEWAY_MS)) {
            return Err(TokenError::NotYet);
        }
        const NO_END: TokenError = TokenError::Jwt("its `exp` must be the second at which it ends, as a number");
        let ends_ms = self.time("exp", NO_END)?.ok_or(NO_END)?.saturating_add(LEEWAY_MS);
        self.allowed(ends_ms)
    }

    /// Uids are texts; a number is its digits.
    fn uid(&self) -> Option<String> {
        match self.0.get("uid")? {
            Value::String(uid) => Some(uid.clone()),
            uid => uid.as_u64().map(|uid| uid.to_string()),
        }
    }

    /// A time of RFC 7519: seconds, perhaps with a fraction. Returns Unix milliseconds.
    fn time(&self, name: &str, error: TokenError) -> Result<Option<u64>, TokenError> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0).ok_or(error)?;
        // Beyond what the type holds, the conversion stops at its end.
        Ok(Some(((seconds * 1_000.0) as u64).min(LATEST_MS)))
    }

    fn allowed(&self, ends_ms: u64) -> Result<Privileges, TokenError> {
        const CAN: TokenError = TokenError::Jwt("its `can` must be a list of \"publish\" and \"play\"");
        let can = self.0.get("can").and_then(Value::as_array).ok_or(CAN)?;
        let mut allowed = Privileges::default();
        for one in can {
            match one.as_str() {
                Some("play") => allowed.join = Some(ends_ms),
                Some("publish") => {
                    allowed.publish_audio = Some(ends_ms);
                    allowed.publish_video = Some(ends_ms);
                }
                _ => return Err(CAN),
            }
        }
        match allowed == Privileges::default() {
            true => Err(CAN),
            false => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests;
