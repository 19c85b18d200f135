//! RTMP's chunks, RTMP 1.0 §5.3: messages come cut up, several at a time, each behind a header that leaves out what the one before
//! it on the same chunk stream said. Pure. What a peer can make this hold is bounded: it grows with the bytes that came, never
//! with those that were announced.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Longer messages are no picture that is worth recording.
pub(super) const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Chunk streams of one connection; encoders use three to six.
const MAX_CHUNK_STREAMS: usize = 64;
/// What has come of messages that are not complete, all together.
const MAX_PARTIAL_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// Until the peer says another one.
const FIRST_CHUNK_SIZE: usize = 128;
/// In place of a timestamp: it follows behind the header.
const EXTENDED: u32 = 0xff_ffff;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) stream: u32,
    /// Milliseconds, which wrap.
    pub(super) timestamp: u32,
    pub(super) payload: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("a message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    #[error("more than {MAX_CHUNK_STREAMS} chunk streams are in use")]
    TooManyStreams,
    #[error("too much has come of messages that are not complete")]
    TooManyPartial,
    #[error("a chunk refers to one before it that was never sent")]
    NoHeader,
    #[error("a chunk brings a new message before the last one of its chunk stream was complete")]
    Interrupted,
    #[error("a chunk size of {0} is out of range")]
    ChunkSize(u32),
}

/// Puts messages together.
#[derive(Debug)]
pub(super) struct ChunkReader {
    chunk_size: usize,
    streams: BTreeMap<u32, ChunkStream>,
    /// The chunk that is being read: its chunk stream, and how much of it is still to come.
    current: Option<(u32, usize)>,
    partial_bytes: usize,
}

/// What the last chunk of a chunk stream said.
#[derive(Debug, Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    /// The four bytes behind the header, where they stood.
    extended: Option<u32>,
    length: usize,
    kind: u8,
    stream: u32,
    partial: Option<BytesMut>,
}

impl Default for ChunkReader {
    fn default() -> Self {
        Self {
            chunk_size: FIRST_CHUNK_SIZE,
            streams: BTreeMap::new(),
            current: None,
            partial_bytes: 0,
        }
    }
}

impl ChunkReader {
    /// Takes from `input` what belongs to the next message, and returns that once it is complete.
    ///
    /// # Errors
    /// When the peer breaks the rules, or wants more than it may use. Nothing can be read behind that.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ChunkError> {
        loop {
            let (id, left) = match self.current {
                Some(current) => current,
                None => match self.header(input)? {
                    Some(current) => current,
                    None => return Ok(None),
                },
            };
            let taken = left.min(input.len());
            if self.partial_bytes + taken > MAX_PARTIAL_BYTES {
                return Err(ChunkError::TooManyPartial);
            }
            let stream = self.streams.get_mut(&id).ok_or(ChunkError::NoHeader)?;
            let partial = stream.partial.get_or_insert_default();
            partial.extend_from_slice(&input.split_to(taken));
            self.partial_bytes += taken;
            if taken < left {
                self.current = Some((id, left - taken));
                return Ok(None);
            }
            self.current = None;
            if partial.len() < stream.length {
                continue;
            }
            let payload = stream.partial.take().unwrap_or_default().freeze();
            self.partial_bytes -= payload.len();
            return Ok(Some(Message {
                kind: stream.kind,
                stream: stream.stream,
                timestamp: stream.timestamp,
                payload,
            }));
        }
    }

    /// The peer's chunks are so long from here on.
    ///
    /// # Errors
    /// When it is no size.
    pub(super) fn set_chunk_size(&mut self, size: u32) -> Result<(), ChunkError> {
        if size == 0 || size > i32::MAX as u32 {
            return Err(ChunkError::ChunkSize(size));
        }
        self.chunk_size = size as usize;
        Ok(())
    }

    /// The peer will not complete the message of this chunk stream.
    pub(super) fn abort(&mut self, id: u32) {
        if let Some(partial) = self.streams.get_mut(&id).and_then(|stream| stream.partial.take()) {
            self.partial_bytes -= partial.len();
        }
    }

    /// Reads a header once all of it is there.
    fn header(&mut self, input: &mut BytesMut) -> Result<Option<(u32, usize)>, ChunkError> {
        let mut header = &input[..];
        let Some((format, id)) = basic_header(&mut header) else {
            return Ok(None);
        };
        let is_known = self.streams.contains_key(&id);
        if !is_known && format != 0 {
            return Err(ChunkError::NoHeader);
        }
        if !is_known && self.streams.len() >= MAX_CHUNK_STREAMS {
            return Err(ChunkError::TooManyStreams);
        }
        let rest = match format {
            0 => 11,
            1 => 7,
            2 => 3,
            _ => 0,
        };
        if header.len() < rest {
            return Ok(None);
        }
        let unknown = ChunkStream::default();
        let known = self.streams.get(&id).unwrap_or(&unknown);
        let is_new = known.partial.is_none();
        if !is_new && format != 3 {
            return Err(ChunkError::Interrupted);
        }
        let (mut time, mut length, mut kind, mut stream) = (0, known.length, known.kind, known.stream);
        if format < 3 {
            time = header.get_uint(3) as u32;
        }
        if format < 2 {
            length = header.get_uint(3) as usize;
            kind = header.get_u8();
        }
        if format == 0 {
            stream = header.get_u32_le();
        }
        if length > MAX_MESSAGE_BYTES {
            return Err(ChunkError::TooLong);
        }
        let extended = match (format, known.extended) {
            (3, None) => None,
            // It is repeated, but some encoders do not.
            (3, Some(value)) => match header.first_chunk::<4>() {
                None => return Ok(None),
                Some(bytes) => {
                    if u32::from_be_bytes(*bytes) == value {
                        header.advance(4);
                    }
                    Some(value)
                }
            },
            _ if time < EXTENDED => None,
            _ if header.len() < 4 => return Ok(None),
            _ => Some(header.get_u32()),
        };
        let time = extended.unwrap_or(time);
        let (timestamp, delta) = match format {
            // What follows without a time of its own comes as much later, RTMP 1.0 §5.3.1.2.4.
            0 => (time, time),
            1 | 2 => (known.timestamp.wrapping_add(time), time),
            _ if is_new => (known.timestamp.wrapping_add(known.delta), known.delta),
            _ => (known.timestamp, known.delta),
        };
        let had = known.partial.as_ref().map_or(0, BytesMut::len);
        let read = input.len() - header.len();
        input.advance(read);
        let state = self.streams.entry(id).or_default();
        *state = ChunkStream {
            timestamp,
            delta,
            extended,
            length,
            kind,
            stream,
            partial: state.partial.take(),
        };
        let current = (id, self.chunk_size.min(length - had));
        self.current = Some(current);
        Ok(Some(current))
    }
}

/// The format of the header that follows, and the number of the chunk stream; `None` when it is not all there.
fn basic_header(input: &mut &[u8]) -> Option<(u8, u32)> {
    let (&first, rest) = input.split_first()?;
    let (id, rest) = match first & 0x3f {
        0 => {
            let (&[low], rest) = rest.split_first_chunk()?;
            (64 + u32::from(low), rest)
        }
        1 => {
            let (&[low, high], rest) = rest.split_first_chunk()?;
            (64 + u32::from(low) + 256 * u32::from(high), rest)
        }
        id => (u32::from(id), rest),
    };
    *input = rest;
    Some((first >> 6, id))
}

/// Writes a message at time 0 as chunks of the first size.
pub(super) fn put_message(out: &mut BytesMut, chunk_stream: u8, kind: u8, stream: u32, payload: &[u8]) {
    out.put_u8(chunk_stream & 0x3f);
    out.put_uint(0, 3);
    out.put_uint(payload.len() as u64, 3);
    out.put_u8(kind);
    out.put_u32_le(stream);
    for (index, part) in payload.chunks(FIRST_CHUNK_SIZE).enumerate() {
        if index > 0 {
            out.put_u8(0xc0 | chunk_stream);
        }
        out.put_slice(part);
    }
}
