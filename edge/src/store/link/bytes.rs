//! What all signatures are made with.

use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::Secret;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: AsciiSet = UNRESERVED.remove(b'/');

/// All but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// As [`encode`], but for slashes.
pub(crate) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, &IN_PATH).to_string()
}

/// The parameters encoded and in the order of their names. `bare`: whether one without a value has no `=` either.
pub(super) fn encode_params(params: &[(String, String)], bare: bool) -> Vec<String> {
    let mut encoded: Vec<_> = params
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    encoded.sort();
    let text = |(name, value): (String, String)| match bare && value.is_empty() {
        true => name,
        false => format!("{name}={value}"),
    };
    encoded.into_iter().map(text).collect()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

// HMAC takes keys of any length; should it ever not, an empty signature opens nothing.
pub(super) fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text).finalize().into_bytes().to_vec(),
    )
}

/// The signature of `text` by a store's secret key, HMAC-SHA256 in lower-case hexadecimal.
pub(crate) fn signature(secret: &Secret, text: &str) -> String {
    hex(&hmac_sha256(secret.expose().as_bytes(), text))
}

pub(super) fn hmac_sha1(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text).finalize().into_bytes().to_vec(),
    )
}

pub(super) fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text))
}

pub(super) fn sha1_hex(text: &str) -> String {
    hex(&Sha1::digest(text))
}

/// The signature of `text` by a key that a day, a region and a service are mixed into, one after the other.
pub(super) fn chained(first: &str, scope: &[&str], text: &str) -> String {
    let key = scope
        .iter()
        .fold(first.as_bytes().to_vec(), |key, part| hmac_sha256(&key, part));
    hex(&hmac_sha256(&key, text))
}

/// A time as `20261129T204731Z`; what no calendar holds becomes the epoch.
pub(super) fn compact_time(unix_ms: u64) -> String {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    at(unix_ms).format(form).unwrap_or_default()
}

/// A time as `2026-11-29T20:47:31Z`.
pub(super) fn iso_time(unix_ms: u64) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at(unix_ms).format(form).unwrap_or_default()
}

fn at(unix_ms: u64) -> OffsetDateTime {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
