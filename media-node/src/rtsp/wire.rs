//! RTSP messages and interleaved packets on one TCP connection.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rtsp_types::{Message, ParseError, Request, Response, StatusCode, Version};
use tokio_util::codec::Decoder;

/// Longest request line and headers together.
const MAX_HEAD: usize = 16 << 10;
/// Longest head and body together: a session description takes some kilobytes.
const MAX_MESSAGE: usize = 96 << 10;
const INTERLEAVED_HEAD: usize = 4;

/// What the other side sends.
#[derive(Debug)]
pub(crate) enum Incoming {
    Request(Box<Request<Vec<u8>>>),
    Response(Box<Response<Vec<u8>>>),
    /// RFC 2326 §10.12.
    Interleaved {
        channel: u8,
        payload: Bytes,
    },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the message is longer than it may be")]
    TooLarge,
    #[error("this is not an RTSP message")]
    Malformed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The decoder of what the other side sends. It holds back at most one message.
#[derive(Default)]
pub(crate) struct Wire {
    /// How much of the buffer is known to hold no end of a head.
    searched: usize,
}

impl Decoder for Wire {
    type Item = Incoming;
    type Error = WireError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, WireError> {
        // Empty lines between messages are allowed.
        while self.searched == 0 && matches!(buffer.first(), Some(b'\r' | b'\n')) {
            buffer.advance(1);
        }
        if buffer.first() == Some(&b'$') {
            Ok(interleaved(buffer))
        } else {
            self.message(buffer)
        }
    }
}

impl Wire {
    fn message(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, WireError> {
        const END: &[u8] = b"\r\n\r\n";
        let fresh = buffer.get(self.searched..).unwrap_or_default();
        if !fresh.windows(END.len()).any(|window| window == END) {
            if buffer.len() > MAX_HEAD {
                return Err(WireError::TooLarge);
            }
            self.searched = buffer.len().saturating_sub(END.len() - 1);
            return Ok(None);
        }
        let (message, length) = match Message::<Vec<u8>>::parse(&buffer[..]) {
            Ok(parsed) => parsed,
            Err(ParseError::Incomplete(_)) if buffer.len() > MAX_MESSAGE => return Err(WireError::TooLarge),
            Err(ParseError::Incomplete(_)) => return Ok(None),
            Err(ParseError::Error) => return Err(WireError::Malformed),
        };
        self.searched = 0;
        buffer.advance(length);
        Ok(Some(match message {
            Message::Request(request) => Incoming::Request(Box::new(request)),
            Message::Response(response) => Incoming::Response(Box::new(response)),
            Message::Data(data) => Incoming::Interleaved {
                channel: data.channel_id(),
                payload: data.into_body().into(),
            },
        }))
    }
}

fn interleaved(buffer: &mut BytesMut) -> Option<Incoming> {
    let &[_, channel, high, low] = buffer.first_chunk::<INTERLEAVED_HEAD>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if buffer.len() < INTERLEAVED_HEAD + length {
        buffer.reserve(INTERLEAVED_HEAD + length - buffer.len());
        return None;
    }
    buffer.advance(INTERLEAVED_HEAD);
    // A copy: a part of the buffer would keep all of it in memory for as long as the slowest player takes.
    let payload = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
    buffer.advance(length);
    Some(Incoming::Interleaved { channel, payload })
}

/// Appends an interleaved packet. False, with nothing appended, when it is too long to be framed.
pub(crate) fn put_interleaved(out: &mut BytesMut, channel: u8, payload: &[u8]) -> bool {
    let Ok(length) = u16::try_from(payload.len()) else {
        return false;
    };
    out.reserve(INTERLEAVED_HEAD + payload.len());
    out.put_u8(b'$');
    out.put_u8(channel);
    out.put_u16(length);
    out.put_slice(payload);
    true
}

/// Appends an answer.
pub(crate) fn put_response(out: &mut BytesMut, response: &Response<Vec<u8>>) {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    if response.write(&mut bytes).is_ok() {
        out.extend_from_slice(&bytes);
    }
}

/// A request as bytes.
pub(crate) fn request_bytes(request: &Request<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = request.write(&mut bytes);
    bytes
}

/// The answer to what could not be read as a request.
pub(crate) fn unreadable(error: &WireError) -> Option<Response<Vec<u8>>> {
    let status = match error {
        WireError::TooLarge => StatusCode::RequestMessageBodyTooLarge,
        WireError::Malformed => StatusCode::BadRequest,
        WireError::Io(_) => return None,
    };
    Some(Response::builder(Version::V1_0, status).build(Vec::new()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: &[u8] = b"OPTIONS rtsp://h/a/b/c RTSP/1.0\r\nCSeq: 1\r\n\r\n\
        $\x00\x00\x03abc\
        \r\n\
        ANNOUNCE rtsp://h/a/b/c RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n\
        $\x01\x00\x00\
        RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n\
        TEARDOWN rtsp://h/a/b/c RTSP/1.0\r\nCSeq: 3\r\n\r\n";

    fn decode(chunks: &[&[u8]]) -> Result<Vec<String>, WireError> {
        let mut wire = Wire::default();
        let mut buffer = BytesMut::new();
        let mut seen = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(item) = wire.decode(&mut buffer)? {
                seen.push(match item {
                    Incoming::Request(request) => {
                        format!("{} {}", <&str>::from(request.method()), request.body().len())
                    }
                    Incoming::Response(_) => "response".into(),
                    Incoming::Interleaved { channel, payload } => format!("${channel} {}", payload.len()),
                });
            }
        }
        Ok(seen)
    }

    #[test]
    fn requests_packets_and_answers_come_in_order_however_they_are_cut() {
        let whole = decode(&[SESSION]).unwrap();
        assert_eq!(
            whole,
            ["OPTIONS 0", "$0 3", "ANNOUNCE 5", "$1 0", "response", "TEARDOWN 0"]
        );
        for size in 1..SESSION.len() {
            let chunks: Vec<&[u8]> = SESSION.chunks(size).collect();
            assert_eq!(decode(&chunks).unwrap(), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn a_small_packet_does_not_keep_the_whole_read_buffer_in_memory() {
        let mut buffer = BytesMut::with_capacity(1 << 16);
        buffer.extend_from_slice(b"$\x00\x00\x03abc$\x01\x00\x01d");
        let mut wire = Wire::default();
        let mut next = || match wire.decode(&mut buffer).unwrap() {
            Some(Incoming::Interleaved { payload, .. }) => payload,
            other => panic!("{other:?}"),
        };
        let payloads = [next(), next()];
        assert_eq!(payloads, [&b"abc"[..], b"d"]);
        assert!(payloads.iter().all(Bytes::is_unique), "it shares the buffer");
    }

    #[test]
    fn what_never_ends_is_refused() {
        let endless = vec![b'a'; MAX_HEAD + 1];
        assert!(matches!(decode(&[&endless]), Err(WireError::TooLarge)));
        let head = b"ANNOUNCE rtsp://h/a RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(matches!(
            decode(&[head, &vec![b'a'; MAX_MESSAGE]]),
            Err(WireError::TooLarge)
        ));
        let negative = b"ANNOUNCE rtsp://h/a RTSP/1.0\r\nContent-Length: -1\r\n\r\n";
        assert!(matches!(decode(&[negative]), Err(WireError::Malformed)));
    }

    #[test]
    fn a_packet_too_long_for_its_frame_is_not_sent() {
        let mut out = BytesMut::new();
        assert!(put_interleaved(&mut out, 2, &[7; 65_535]));
        assert_eq!((out.len(), &out[..4]), (65_539, &[b'$', 2, 0xff, 0xff][..]));
        assert!(!put_interleaved(&mut out, 2, &[7; 65_536]));
        assert_eq!(out.len(), 65_539);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&[&bytes]);
        }

        #[test]
        fn no_mutation_panics(at in 0..SESSION.len(), byte: u8, cut in 0..SESSION.len()) {
            let mut bytes = SESSION.to_vec();
            bytes[at] = byte;
            let _ = decode(&[&bytes[..cut], &bytes[cut..]]);
        }
    }
}
