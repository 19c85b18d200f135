//! Which names a bucket can have, and which prefix its objects.

use protocol::StorageKind;

use crate::input::{FieldError, Fields};

const MAX_PREFIX_ELEMENTS: usize = 64;
const MAX_PREFIX_LEN: usize = 128;

pub(super) fn name<'a>(config: &Fields<'a>, kind: StorageKind) -> Result<&'a str, FieldError> {
    let bucket = config.require("bucket", config.string("bucket")?)?;
    let (is_legal, rule) = match kind {
        StorageKind::S3 => (
            is_bucket(bucket),
            "must have 3 to 255 of a-z A-Z 0-9 . _ -, with a letter or digit at both ends",
        ),
        StorageKind::Oss | StorageKind::Cos | StorageKind::Azure | StorageKind::AliyunVod => (
            is_label(bucket),
            "must have 3 to 63 of a-z 0-9 -, with a letter or digit at both ends",
        ),
    };
    match is_legal {
        true => Ok(bucket),
        false => Err(config.error("bucket", rule)),
    }
}

pub(super) fn prefix(config: &Fields<'_>) -> Result<String, FieldError> {
    let elements = config
        .strings("fileNamePrefix", MAX_PREFIX_ELEMENTS)?
        .unwrap_or_default();
    let prefix = elements.join("/");
    let is_legal = elements
        .iter()
        .all(|element| element.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !is_legal || prefix.len() > MAX_PREFIX_LEN {
        let problem = "must hold elements of a-z A-Z 0-9 only, at most 128 characters when joined with slashes";
        return Err(config.error("fileNamePrefix", problem));
    }
    Ok(prefix)
}

fn is_bucket(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let ends_are_legal = is_end(name.bytes().next()) && is_end(name.bytes().next_back());
    (3..=255).contains(&name.len()) && ends_are_legal && name.bytes().all(is_legal)
}

/// Whether a bucket's name can be a part of a host's.
pub(super) fn is_label(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len()) && is_bucket(name) && name.bytes().all(is_legal)
}
