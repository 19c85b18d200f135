//! The keys that a store is opened with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::StorageKind;

use crate::input::{FieldError, Fields};

pub(crate) const MAX_KEY_LEN: usize = 256;

pub(super) fn access_key<'a>(config: &Fields<'a>, kind: StorageKind) -> Result<&'a str, FieldError> {
    let key = config.require("accessKey", key(config, "accessKey", MAX_KEY_LEN)?)?;
    let is_account = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if kind == StorageKind::Azure && !((3..=24).contains(&key.len()) && key.bytes().all(is_account)) {
        let problem = "must be the storage account's name with vendor 5: 3 to 24 of a-z 0-9";
        return Err(config.error("accessKey", problem));
    }
    Ok(key)
}

pub(super) fn secret_key<'a>(config: &Fields<'a>, kind: StorageKind) -> Result<&'a str, FieldError> {
    let key = config.require("secretKey", key(config, "secretKey", MAX_KEY_LEN)?)?;
    if kind == StorageKind::Azure && STANDARD.decode(key).is_err() {
        return Err(config.error(
            "secretKey",
            "must be one of the account's keys, in base64, with vendor 5",
        ));
    }
    Ok(key)
}

pub(crate) fn session_token<'a>(config: &Fields<'a>) -> Result<Option<&'a str>, FieldError> {
    key(config, "stsToken", 16 * MAX_KEY_LEN)
}

/// When the session token ends. What lies in the past is not believed: whether the token is good, the bucket tells.
pub(crate) fn session_ends_ms(config: &Fields<'_>, now_ms: u64) -> Result<Option<u64>, FieldError> {
    let ends_ms = config.integer("stsExpiration", 0..=u64::MAX)?;
    let ends_ms = ends_ms.map(|seconds| seconds.saturating_mul(1000));
    Ok(ends_ms.filter(|ends_ms| *ends_ms > now_ms))
}

/// A key or token; what cannot stand in an HTTP header is refused.
pub(crate) fn key<'a>(config: &Fields<'a>, name: &str, max_len: usize) -> Result<Option<&'a str>, FieldError> {
    let key = config.string(name)?;
    if key.is_some_and(|key| key.len() > max_len || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        let problem = format!("must have at most {max_len} characters, ASCII without spaces");
        return Err(config.error(name, problem));
    }
    Ok(key)
}
