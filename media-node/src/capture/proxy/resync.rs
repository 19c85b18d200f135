use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

use crate::rtsp::wire::{Incoming, Wire, WireError};

/// What may begin a message or an interleaved packet.
const BEGINS: [&[u8]; 6] = [
    b"$",
    b"RTSP/",
    b"OPTIONS ",
    b"GET_PARAMETER ",
    b"SET_PARAMETER ",
    b"TEARDOWN ",
];

/// The decoder of what a source sends. Bytes between messages that belong to none, which some cameras send, are skipped.
#[derive(Default)]
pub(super) struct Resync {
    wire: Wire,
    /// A message has begun and waits for its end.
    within: bool,
}

impl Decoder for Resync {
    type Item = Incoming;
    type Error = WireError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, WireError> {
        loop {
            if !self.within {
                let at = (0..buffer.len()).find(|at| Begins::of(buffer.get(*at..).unwrap_or_default()) != Begins::No);
                buffer.advance(at.unwrap_or(buffer.len()));
                if Begins::of(buffer) != Begins::Yes {
                    return Ok(None);
                }
            }
            match self.wire.decode(buffer) {
                Ok(None) => {
                    self.within = true;
                    return Ok(None);
                }
                Ok(item) => {
                    self.within = false;
                    return Ok(item);
                }
                Err(WireError::Malformed) => {
                    self.wire = Wire::default();
                    self.within = false;
                    buffer.advance(1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether bytes begin a message or a packet.
#[derive(PartialEq, Eq)]
enum Begins {
    Yes,
    /// When more have come, they may.
    Perhaps,
    No,
}

impl Begins {
    fn of(bytes: &[u8]) -> Self {
        let alike = |begin: &&[u8]| {
            let length = begin.len().min(bytes.len());
            bytes.get(..length) == begin.get(..length)
        };
        match BEGINS
            .iter()
            .filter(|begin| alike(begin))
            .map(|begin| begin.len())
            .max()
        {
            None => Self::No,
            Some(length) if length <= bytes.len() => Self::Yes,
            Some(_) => Self::Perhaps,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let (mut decoder, mut buffer, mut seen) = (Resync::default(), BytesMut::new(), Vec::new());
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Ok(Some(item)) = decoder.decode(&mut buffer) {
                seen.push(match item {
                    Incoming::Request(request) => <&str>::from(request.method()).to_owned(),
                    Incoming::Response(response) => u16::from(response.status()).to_string(),
                    Incoming::Interleaved { channel, payload } => format!("${channel} {}", payload.len()),
                });
            }
        }
        seen
    }

    const SENT: &[u8] =
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\0\0\x03abc\0\0junk RT\r\n$\x01\0\x01xRTSP/1.0 404 No\r\n\r\n\
        RTSP/x\r\n\r\n$\x02\0\0OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

    #[test]
    fn what_lies_between_messages_is_skipped_however_it_is_cut() {
        let expected = ["200", "$0 3", "$1 1", "404", "$2 0", "OPTIONS"];
        for size in 1..SENT.len() {
            let chunks: Vec<&[u8]> = SENT.chunks(size).collect();
            assert_eq!(decode(&chunks), expected, "in pieces of {size}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_all_are_used_up(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0..SENT.len()) {
            let _ = decode(&[&SENT[..at], &bytes, &SENT[at..]]);
        }
    }
}
