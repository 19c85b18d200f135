//! How objects are marked: with which encryption the vendor keeps them, and with which tags.

use protocol::Encryption;

use super::place::Place;
use crate::input::{FieldError, Fields};

/// Amazon's and Alibaba's limit.
const MAX_TAGS: usize = 10;
const MAX_TAGS_LEN: usize = 2048;

pub(super) fn encryption(extension: &Fields<'_>, place: &Place) -> Result<Option<Encryption>, FieldError> {
    let encryption = match extension.string("sse")? {
        None => return Ok(None),
        Some("aes256") => Encryption::Aes256,
        Some("kms") => Encryption::Kms,
        Some(_) => return Err(extension.error("sse", "must be \"aes256\" or \"kms\"")),
    };
    mark(extension, "sse", place)?;
    Ok(Some(encryption))
}

/// Pairs `key=value` with `&` between, as they stand in the header; a key alone has an empty value.
pub(super) fn tags(extension: &Fields<'_>, place: &Place) -> Result<Option<String>, FieldError> {
    let Some(text) = extension.string("tag")? else {
        return Ok(None);
    };
    mark(extension, "tag", place)?;
    let pairs: Vec<_> = text
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let is_legal = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b'?' | b'#'))
    };
    let are_legal = pairs
        .iter()
        .all(|(key, value)| !key.is_empty() && is_legal(key) && is_legal(value));
    if pairs.len() > MAX_TAGS || text.len() > MAX_TAGS_LEN || !are_legal {
        let problem = "must be at most 10 pairs key=value with & between, percent-encoded as in a URL's query";
        return Err(extension.error("tag", problem));
    }
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
    Ok(Some(pairs.collect::<Vec<_>>().join("&")))
}

fn mark(extension: &Fields<'_>, name: &str, place: &Place) -> Result<(), FieldError> {
    match place.marks_objects {
        true => Ok(()),
        false => Err(extension.error(name, "must not be set unless the vendor is 1, 2 or 11")),
    }
}
