//! What a call says, whether in its body or in its query: there every value is a text, and clients write numbers and names in
//! either form anyway.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::code::{ApiError, NOT_JSON};
use crate::http::Request;
use crate::input::{FieldError, Fields};

pub(super) type Object = Map<String, Value>;

/// The longest id of a user: a channel server's are up to 255 bytes long.
pub(super) const MAX_ID_BYTES: usize = 255;
const MAX_BODY_BYTES: usize = 64 * 1_024;

/// The fields of the body.
pub(super) fn of_body(request: &Request) -> Result<Object, ApiError> {
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ApiError::new(NOT_JSON, "the body is longer than 65536 bytes"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::new(NOT_JSON, "the body must be a JSON object")),
        // The place only: serde's texts can quote what stands there.
        Err(error) => Err(ApiError::new(
            NOT_JSON,
            format!("line {}, column {}", error.line(), error.column()),
        )),
    }
}

/// The fields of the query; of a name that is there twice, the first.
pub(super) fn of_query(request: &Request) -> Object {
    let mut fields = Object::new();
    for (name, value) in request.query_pairs() {
        fields.entry(name).or_insert_with(|| value.into());
    }
    fields
}

/// A text, or a whole number that stands for one.
pub(super) fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, FieldError> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => Ok(Some(number.to_string())),
        Some(_) => Err(fields.error(name, "must be a string")),
    }
}

/// A text that names something: 1 to `longest` bytes, without a slash and control characters.
pub(super) fn name(fields: &Fields<'_>, field: &str, longest: usize) -> Result<Option<String>, FieldError> {
    let is_name = |text: &String| {
        text.len() <= longest && text != "." && text != ".." && !text.chars().any(|c| c == '/' || c.is_control())
    };
    match text(fields, field)? {
        Some(text) if !is_name(&text) => Err(fields.error(
            field,
            format!("must have at most {longest} bytes, and no slash or control character"),
        )),
        text => Ok(text),
    }
}

/// A whole number in a range, also as a text.
pub(super) fn number(fields: &Fields<'_>, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, FieldError> {
    let Some(text) = fields.get(name).and_then(Value::as_str) else {
        return fields.integer(name, range);
    };
    let read = text.trim().parse().ok().filter(|number| range.contains(number));
    read.map(Some).ok_or_else(|| {
        let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
        fields.error(name, problem)
    })
}

/// One of some whole numbers, also as a text.
pub(super) fn one_of(fields: &Fields<'_>, name: &str, numbers: &[u64]) -> Result<Option<u64>, FieldError> {
    let number = number(fields, name, 0..=u64::from(u32::MAX));
    match number {
        Ok(None) => Ok(None),
        Ok(Some(number)) if numbers.contains(&number) => Ok(Some(number)),
        _ => {
            let known: Vec<_> = numbers.iter().map(u64::to_string).collect();
            Err(fields.error(name, format!("must be {}", known.join(" or "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_names_come_in_either_form() {
        let value = json!({"n": "7", "m": 7, "far": "8", "word": "x", "id": 12, "neg": -3, "path": "a/b", "f": 1.5});
        let fields = Fields::new(value.as_object().unwrap());
        assert_eq!(number(&fields, "n", 1..=7), Ok(Some(7)));
        assert_eq!(number(&fields, "m", 1..=7), Ok(Some(7)));
        assert_eq!(number(&fields, "none", 1..=7), Ok(None));
        for name in ["far", "word", "neg", "f"] {
            assert!(number(&fields, name, 1..=7).is_err(), "{name}");
        }
        assert_eq!(text(&fields, "id"), Ok(Some("12".to_owned())));
        assert_eq!(text(&fields, "neg"), Ok(Some("-3".to_owned())));
        assert!(text(&fields, "f").is_err());
        assert!(name(&fields, "path", 9).is_err() && name(&fields, "word", 0).is_err());
        assert_eq!(one_of(&fields, "n", &[3, 7]), Ok(Some(7)));
        let error = one_of(&fields, "n", &[3, 4]).unwrap_err();
        assert_eq!(error.to_string(), "n must be 3 or 4");
    }

    #[test]
    fn a_query_is_decoded() {
        let request = Request {
            query: "app_id=a%2Fb+c&page=2&page=3&flag&start_time=2020-02-20%2011:52:05".into(),
            ..Request::default()
        };
        let fields = of_query(&request);
        assert_eq!(
            Value::Object(fields),
            json!({"app_id": "a/b c", "page": "2", "flag": "", "start_time": "2020-02-20 11:52:05"})
        );
    }
}
