//! What the body of a call says.

use serde_json::{Map, Value};

use super::code::{ApiError, PARAMETER};
use crate::http::Request;
use crate::input::{FieldError, Fields};
use crate::room::{MAX_ID_BYTES, MAX_MESSAGE_BYTES, Transport};

const MAX_BODY_BYTES: usize = 256 << 10;
/// Users of one call.
pub(super) const MAX_USERS: usize = 1_000;
const DEFAULT_MIN_BITRATE: u64 = 600_000;
const DEFAULT_MAX_BITRATE: u64 = 3_000_000;
/// No peer sends more.
const MOST_BITRATE: u64 = 100_000_000;

/// The body, which may be any JSON.
pub(super) fn value(request: &Request) -> Result<Value, ApiError> {
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ApiError::new(
            PARAMETER,
            format!("the body is longer than {MAX_BODY_BYTES} bytes"),
        ));
    }
    serde_json::from_slice(&request.body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        ApiError::new(PARAMETER, format!("the body is not valid JSON: {place}"))
    })
}

/// The fields of the body; a body that is empty has none.
pub(super) fn fields(request: &Request) -> Result<Map<String, Value>, ApiError> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match value(request)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::new(PARAMETER, "the body must be a JSON object")),
    }
}

/// A message to peers.
pub(super) fn message(data: Value) -> Result<Value, ApiError> {
    match data.to_string().len() {
        0..=MAX_MESSAGE_BYTES => Ok(data),
        _ => Err(ApiError::new(
            PARAMETER,
            format!("a message has at most {MAX_MESSAGE_BYTES} bytes"),
        )),
    }
}

/// A user, who is a part of a channel's path.
pub(super) fn user(fields: &Fields<'_>, name: &str) -> Result<Option<String>, FieldError> {
    let text = match fields.get(name) {
        Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
        _ => fields.string(name)?.map(str::to_owned),
    };
    match text {
        Some(text) if !is_user(&text) => Err(fields.error(name, PROBLEM)),
        text => Ok(text),
    }
}

const PROBLEM: &str = "must have 1 to 255 bytes, and no slash or control character";

fn is_user(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES && text != "." && text != ".." && !text.chars().any(|c| c == '/' || c.is_control())
}

pub(super) fn users(fields: &Fields<'_>, name: &str) -> Result<Option<Vec<String>>, FieldError> {
    let Some(users) = fields.strings(name, MAX_USERS)? else {
        return Ok(None);
    };
    match users.iter().all(|user| is_user(user)) {
        true => Ok(Some(users.into_iter().map(str::to_owned).collect())),
        false => Err(fields.error(name, format!("has one that is no user: each {PROBLEM}"))),
    }
}

pub(super) fn transport(fields: &Fields<'_>) -> Result<Transport, FieldError> {
    let bitrate = |name| fields.integer(name, 1..=MOST_BITRATE);
    let min = bitrate("minBitrate")?;
    let max_bitrate = bitrate("maxBitrate")?.unwrap_or(DEFAULT_MAX_BITRATE.max(min.unwrap_or_default()));
    let min_bitrate = min.unwrap_or(DEFAULT_MIN_BITRATE.min(max_bitrate));
    if min_bitrate > max_bitrate {
        return Err(fields.error("minBitrate", "must not be above maxBitrate"));
    }
    let protocol = fields.integer("protocol", 0..=3)?.unwrap_or_default();
    Ok(Transport {
        protocol: u8::try_from(protocol).unwrap_or_default(),
        min_bitrate,
        max_bitrate,
    })
}

/// Bits a second of one who is let to publish.
pub(super) fn max_bitrate(fields: &Fields<'_>) -> Result<u64, FieldError> {
    Ok(fields
        .integer("maxBitrate", 1..=MOST_BITRATE)?
        .unwrap_or(DEFAULT_MAX_BITRATE))
}

/// Which of the parts of a record is meant, counted from 1.
pub(super) fn part(request: &Request) -> Result<Option<usize>, ApiError> {
    let Some(text) = request.query_value("part").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(ApiError::new(PARAMETER, "part must be a number from 1")),
    }
}
