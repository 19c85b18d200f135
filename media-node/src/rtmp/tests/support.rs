//! A publisher for one test, as no client library makes it.

use bytes::{BufMut, BytesMut};

use crate::rtmp::amf::{self, Value};
use crate::rtmp::chunk::{ChunkReader, Message};

pub(in crate::rtmp) const AUDIO: u8 = 8;
pub(in crate::rtmp) const VIDEO: u8 = 9;

/// What a client says first: version, C1, and C2 without waiting.
pub(in crate::rtmp) fn hello() -> Vec<u8> {
    let mut hello = vec![3];
    hello.extend((0..2 * 1536u32).map(|n| n as u8));
    hello
}

/// A message as one chunk with the full header, after the chunk size was set to the largest.
pub(in crate::rtmp) fn message(chunk_stream: u8, kind: u8, stream: u32, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u8(chunk_stream);
    out.put_uint(timestamp.min(0xff_ffff).into(), 3);
    out.put_uint(payload.len() as u64, 3);
    out.put_u8(kind);
    out.put_u32_le(stream);
    if timestamp >= 0xff_ffff {
        out.put_u32(timestamp);
    }
    out.put_slice(payload);
    out.to_vec()
}

pub(in crate::rtmp) fn large_chunks() -> Vec<u8> {
    message(2, 1, 0, 0, &i32::MAX.to_be_bytes())
}

pub(in crate::rtmp) fn command(stream: u32, values: &[Value]) -> Vec<u8> {
    message(3, 20, stream, 0, &amf::write(values))
}

pub(in crate::rtmp) fn connect(app: &str) -> Vec<u8> {
    let properties = Value::Object(vec![("app".to_owned(), Value::text(app))]);
    command(0, &[Value::text("connect"), Value::Number(1.0), properties])
}

pub(in crate::rtmp) fn create_stream() -> Vec<u8> {
    command(0, &[Value::text("createStream"), Value::Number(2.0), Value::Null])
}

pub(in crate::rtmp) fn publish(key: &str) -> Vec<u8> {
    command(
        1,
        &[
            Value::text("publish"),
            Value::Number(3.0),
            Value::Null,
            Value::text(key),
            Value::text("live"),
        ],
    )
}

/// All that a client says until its media begins.
pub(in crate::rtmp) fn opening(app: &str, key: &str) -> Vec<u8> {
    [hello(), large_chunks(), connect(app), create_stream(), publish(key)].concat()
}

/// The commands of a server's answers: the name and the values behind the transaction.
pub(in crate::rtmp) fn commands(answers: &[u8]) -> Vec<(String, Vec<Value>)> {
    messages(answers)
        .iter()
        .filter(|message| message.kind == 20)
        .map(|message| {
            let values = amf::read(&message.payload);
            (values[0].as_text().unwrap().to_owned(), values[2..].to_vec())
        })
        .collect()
}

/// The messages of a server's answers, behind its part of the handshake.
pub(in crate::rtmp) fn messages(answers: &[u8]) -> Vec<Message> {
    let mut rest = BytesMut::from(&answers[1 + 2 * 1536..]);
    let mut chunks = ChunkReader::default();
    std::iter::from_fn(|| chunks.next(&mut rest).unwrap()).collect()
}

/// What the information of an answer says: its code and its description.
pub(in crate::rtmp) fn information(values: &[Value]) -> (String, String) {
    let information = values.last().unwrap();
    let field = |name| {
        information
            .get(name)
            .and_then(Value::as_text)
            .unwrap_or_default()
            .to_owned()
    };
    (field("code"), field("description"))
}
