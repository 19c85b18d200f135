//! AMF 0, the form of RTMP's commands: what of it a publisher needs. Pure.

use bytes::{Buf, BufMut};

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;

/// Objects in objects; commands have one in another at most.
const MAX_DEPTH: u32 = 8;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Also of ECMA arrays.
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A field of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.put_u8(NULL),
            Self::Number(number) => {
                out.put_u8(NUMBER);
                out.put_f64(*number);
            }
            Self::Boolean(value) => {
                out.put_u8(BOOLEAN);
                out.put_u8((*value).into());
            }
            Self::Text(text) => {
                out.put_u8(STRING);
                put_name(out, text);
            }
            Self::Object(fields) => {
                out.put_u8(OBJECT);
                for (name, value) in fields {
                    put_name(out, name);
                    value.put(out);
                }
                put_name(out, "");
                out.put_u8(OBJECT_END);
            }
            Self::Array(values) => {
                out.put_u8(STRICT_ARRAY);
                out.put_u32(values.len().try_into().unwrap_or(u32::MAX));
                values.iter().for_each(|value| value.put(out));
            }
        }
    }
}

/// Writes values one after the other.
pub(super) fn write(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| value.put(&mut out));
    out
}

/// All values of a message, as far as they can be read.
pub(super) fn read(mut input: &[u8]) -> Vec<Value> {
    std::iter::from_fn(|| value(&mut input, 0)).collect()
}

fn value(input: &mut &[u8], depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let kind = input.try_get_u8().ok()?;
    Some(match kind {
        NUMBER => Value::Number(input.try_get_f64().ok()?),
        BOOLEAN => Value::Boolean(input.try_get_u8().ok()? != 0),
        STRING => Value::Text(name(input)?),
        OBJECT => Value::Object(fields(input, depth)?),
        NULL | UNDEFINED => Value::Null,
        // Its count is not to be relied on.
        ECMA_ARRAY => {
            input.try_get_u32().ok()?;
            Value::Object(fields(input, depth)?)
        }
        STRICT_ARRAY => {
            let count = input.try_get_u32().ok()?;
            // No more than there are bytes.
            let count = input.len().min(count as usize);
            let values: Option<Vec<_>> = (0..count).map(|_| value(input, depth + 1)).collect();
            Value::Array(values?)
        }
        DATE => {
            let at = input.try_get_f64().ok()?;
            input.try_get_i16().ok()?;
            Value::Number(at)
        }
        LONG_STRING => {
            let length = input.try_get_u32().ok()?;
            Value::Text(text(input, length as usize)?)
        }
        _ => return None,
    })
}

fn fields(input: &mut &[u8], depth: u32) -> Option<Vec<(String, Value)>> {
    let mut fields = Vec::new();
    loop {
        let name = name(input)?;
        if name.is_empty() && input.first() == Some(&OBJECT_END) {
            input.advance(1);
            return Some(fields);
        }
        fields.push((name, value(input, depth + 1)?));
    }
}

fn name(input: &mut &[u8]) -> Option<String> {
    let length = input.try_get_u16().ok()?;
    text(input, length.into())
}

fn text(input: &mut &[u8], length: usize) -> Option<String> {
    let (text, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    let mut end = name.len().min(u16::MAX.into());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name = name.get(..end).unwrap_or_default();
    out.put_u16(name.len().try_into().unwrap_or_default());
    out.put_slice(name.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [
            Value::text("connect"),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::text("a/b")),
                ("list".into(), Value::Array(vec![Value::Boolean(true), Value::Null])),
                ("in".into(), Value::Object(vec![])),
            ]),
        ];
        assert_eq!(read(&write(&values)), values);
        assert_eq!(values[2].get("app").and_then(Value::as_text), Some("a/b"));
    }

    #[test]
    fn what_cannot_be_read_ends_the_values_and_takes_no_memory() {
        assert_eq!(read(&[STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff]), [Value::Array(vec![])]);
        assert_eq!(read(&[LONG_STRING, 0xff, 0xff, 0xff, 0xff, b'x']), []);
        assert_eq!(read(&[NULL, 77, 1]), [Value::Null]);
        let deep: Vec<u8> = std::iter::repeat_n([STRICT_ARRAY, 0, 0, 0, 1], 10_000)
            .flatten()
            .collect();
        assert_eq!(read(&deep), []);
    }

    #[test]
    fn an_array_of_metadata_may_count_wrongly() {
        let mut bytes = vec![ECMA_ARRAY, 0, 0, 0, 99];
        put_name(&mut bytes, "width");
        Value::Number(320.0).put(&mut bytes);
        bytes.extend([0, 0, OBJECT_END]);
        assert_eq!(
            read(&bytes),
            [Value::Object(vec![("width".into(), Value::Number(320.0))])]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }
    }
}
